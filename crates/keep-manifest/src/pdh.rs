//! Portable data hashes: the name of a manifest's text (spec section 4.2).

use std::fmt;
use std::str::FromStr;

use keep_rules::BlockHash;

/// The name of a manifest: the MD5 and the length of its text without hints.
///
/// Two manifests of the same files have the same one only if both are in normal form.
///
/// # Examples
/// ```
/// use keep_manifest::PortableDataHash;
/// let text = b". acbd18db4cc2f85cedef654fccc4a4d8+3+Z 0:3:foo\n";
/// let hash = PortableDataHash::of(text);
/// assert_eq!(hash.to_string(), "1f4b0bc7583c2a7f9102c395f4ffc5e3+45");
/// assert_eq!("1f4b0bc7583c2a7f9102c395f4ffc5e3+45".parse(), Ok(hash));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortableDataHash {
    md5: BlockHash,
    length: u64,
}

/// A text that is no portable data hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a portable data hash is 32 lower-case hex digits, `+`, and a decimal length without leading zeros"
)]
pub struct BadPortableDataHash;

impl PortableDataHash {
    /// The name of the empty manifest: a collection without files.
    pub const EMPTY: PortableDataHash = PortableDataHash { md5: BlockHash::EMPTY, length: 0 };

    /// The name of the text whose MD5 and length, both without hints, are these.
    pub const fn new(md5: [u8; 16], length: u64) -> Self {
        PortableDataHash { md5: BlockHash::from_bytes(md5), length }
    }

    /// The name of a text that is all there. [`PdhHasher`](crate::PdhHasher) takes it in pieces.
    pub fn of(manifest: &[u8]) -> Self {
        let mut hasher = crate::PdhHasher::new();
        hasher.update(manifest);
        hasher.finish()
    }

    /// The MD5 of the text without hints.
    pub const fn md5(&self) -> &[u8; 16] {
        self.md5.as_bytes()
    }

    /// The length of the text without hints, in bytes.
    pub const fn length(&self) -> u64 {
        self.length
    }
}

impl FromStr for PortableDataHash {
    type Err = BadPortableDataHash;

    fn from_str(text: &str) -> Result<Self, BadPortableDataHash> {
        let (md5, length) = text.split_once('+').ok_or(BadPortableDataHash)?;
        let md5 = md5.parse().map_err(|_bad| BadPortableDataHash)?;
        let canonical =
            length == "0" || length.starts_with(|digit: char| matches!(digit, '1'..='9'));
        let length = length.parse().ok().filter(|_| canonical).ok_or(BadPortableDataHash)?;
        Ok(PortableDataHash { md5, length })
    }
}

impl fmt::Display for PortableDataHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.md5, self.length)
    }
}

impl fmt::Debug for PortableDataHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_reads_what_it_writes() {
        assert_eq!("d41d8cd98f00b204e9800998ecf8427e+0".parse(), Ok(PortableDataHash::EMPTY));
        let largest = format!("d41d8cd98f00b204e9800998ecf8427e+{}", u64::MAX);
        assert_eq!(largest.parse::<PortableDataHash>().unwrap().to_string(), largest);
    }

    #[test]
    fn other_texts_are_none() {
        let hash = "d41d8cd98f00b204e9800998ecf8427e";
        for rest in ["", "+", "+00", "+01", "++1", "+-1", "+1 ", "+1+Z", "+18446744073709551616"] {
            let text = format!("{hash}{rest}");
            assert_eq!(text.parse::<PortableDataHash>(), Err(BadPortableDataHash), "{text}");
        }
        assert!(format!("{}+0", hash.to_uppercase()).parse::<PortableDataHash>().is_err());
    }
}
