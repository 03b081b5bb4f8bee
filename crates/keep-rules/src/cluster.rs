//! How clusters are called.

use std::fmt;
use std::str::FromStr;

/// The name of a cluster: five characters of `0-9` and `a-z` (spec section 8).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId([u8; 5]);

/// A text that names no cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a cluster id is five characters of 0-9 and a-z")]
pub struct BadClusterId;

impl ClusterId {
    /// The five characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("letters and digits are ASCII")
    }
}

impl FromStr for ClusterId {
    type Err = BadClusterId;

    fn from_str(text: &str) -> Result<Self, BadClusterId> {
        let Ok(id) = <[u8; 5]>::try_from(text.as_bytes()) else { return Err(BadClusterId) };
        if id.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase()) {
            Ok(ClusterId(id))
        } else {
            Err(BadClusterId)
        }
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_id_is_five_lower_case_letters_or_digits() {
        assert_eq!("z0000".parse::<ClusterId>().unwrap().to_string(), "z0000");
        for text in ["", "zzzz", "zzzzzz", "ZZZZZ", "zz-zz", "zzéz"] {
            assert_eq!(text.parse::<ClusterId>(), Err(BadClusterId), "{text}");
        }
    }
}
