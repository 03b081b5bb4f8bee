//! Chain values: what ties a line to all before it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

/// Stands for a line and every line before it: the SHA-256 that the line ends with.
///
/// # Examples
/// ```
/// use ledger::ChainValue;
/// let next = ChainValue::START.then(br#"{"n":1}"#);
/// assert_eq!(next.to_string().parse(), Ok(next));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainValue([u8; 32]);

/// A text that is not 64 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a chain value is 64 lower-case hex digits; copy it whole")]
pub struct BadChainValue;

/// The length of a chain value's text.
pub(crate) const DIGITS: usize = 64;

impl ChainValue {
    /// What the first file of a ledger continues from: all zeros.
    pub const START: ChainValue = ChainValue([0; 32]);

    /// The value of the line that comes next, `body` being that line without its chain.
    #[must_use]
    pub fn then(self, body: &[u8]) -> Self {
        let digest = Sha256::new().chain_update(self.to_hex()).chain_update(body).finalize();
        ChainValue(digest.into())
    }

    /// Reads 64 lower-case hex digits.
    ///
    /// # Errors
    /// [`BadChainValue`] for any other text.
    pub fn from_hex(text: &[u8]) -> Result<Self, BadChainValue> {
        if text.len() != DIGITS {
            return Err(BadChainValue);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            *byte = value(pair[0])? << 4 | value(pair[1])?;
        }
        Ok(ChainValue(bytes))
    }

    /// The 64 lower-case hex digits, without an allocation.
    pub fn to_hex(self) -> [u8; DIGITS] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; DIGITS];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
        text
    }
}

/// The value of a lower-case digit.
fn value(digit: u8) -> Result<u8, BadChainValue> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(BadChainValue),
    }
}

impl FromStr for ChainValue {
    type Err = BadChainValue;

    fn from_str(text: &str) -> Result<Self, BadChainValue> {
        ChainValue::from_hex(text.as_bytes())
    }
}

impl fmt::Display for ChainValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_hex().into_iter().try_for_each(|digit| fmt::Write::write_char(f, digit.into()))
    }
}

impl fmt::Debug for ChainValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// As the files write it: hex.
impl Serialize for ChainValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ChainValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&'de str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_64_lower_case_digits_are_a_chain_value() {
        let hex = ChainValue::START.then(b"{}").to_string();
        assert_eq!(hex.len(), DIGITS);
        assert_eq!(hex.parse::<ChainValue>().unwrap().to_string(), hex);
        for bad in [&hex[1..], &format!("{hex}0"), &hex.replace(|_: char| true, "A"), ""] {
            assert_eq!(bad.parse::<ChainValue>(), Err(BadChainValue), "{bad}");
        }
    }

    /// By `printf %064d 0 | sha256sum`.
    #[test]
    fn the_start_is_hashed_as_its_digits() {
        let expected = "60e05bd1b195af2f94112fa7197a5c88289058840ce7c6df9693756bc6250f55";
        assert_eq!(ChainValue::START.then(b"").to_string(), expected);
    }
}
