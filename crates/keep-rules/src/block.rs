//! What a block is called, and how large it may be (spec section 1).

use std::fmt;
use std::str::FromStr;

use crate::hex;

/// The largest block, in bytes: 64 MiB. Part of the protocol: peers refuse longer blocks (spec section 1).
pub const BLOCK_SIZE_MAX: u64 = 64 << 20;

/// The name of a block: the MD5 of its content.
///
/// Orders as its text does, so sorted hashes are a sorted index.
///
/// # Examples
/// ```
/// use keep_rules::BlockHash;
/// let hash: BlockHash = "acbd18db4cc2f85cedef654fccc4a4d8".parse()?;
/// assert_eq!(hash.to_string(), "acbd18db4cc2f85cedef654fccc4a4d8");
/// assert!("ACBD18db4cc2f85cedef654fccc4a4d8".parse::<BlockHash>().is_err());
/// # Ok::<(), keep_rules::block::BadHash>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockHash([u8; 16]);

/// A text that is not 32 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a block's hash is 32 lower-case hex digits")]
pub struct BadHash;

impl BlockHash {
    /// The hash of the empty block. It is stored like any other (spec section 1).
    pub const EMPTY: BlockHash = BlockHash([
        0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0x00, 0xb2, 0x04, 0xe9, 0x80, 0x09, 0x98, 0xec, 0xf8, 0x42,
        0x7e,
    ]);

    /// Names the block whose MD5 is `digest`.
    pub const fn from_bytes(digest: [u8; 16]) -> Self {
        BlockHash(digest)
    }

    /// The 16 bytes of the MD5.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads 32 lower-case hex digits.
    ///
    /// # Errors
    /// [`BadHash`] for any other text.
    pub fn from_hex(text: &[u8]) -> Result<Self, BadHash> {
        hex::read(text).map(BlockHash).ok_or(BadHash)
    }

    /// The 32 lower-case hex digits, without an allocation.
    pub fn to_hex(self) -> [u8; 32] {
        let mut text = [0; 32];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&hex::digits(byte));
        }
        text
    }
}

impl FromStr for BlockHash {
    type Err = BadHash;

    fn from_str(text: &str) -> Result<Self, BadHash> {
        BlockHash::from_hex(text.as_bytes())
    }
}

impl fmt::Display for BlockHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for digit in self.to_hex() {
            fmt::Write::write_char(f, char::from(digit))?;
        }
        Ok(())
    }
}

impl fmt::Debug for BlockHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The first digits that hashes share: 0 to 32 lower-case hex digits, as an index request names them (spec section 2.7).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HashPrefix {
    digits: [u8; 32],
    len: u8,
}

/// A text that is not 0 to 32 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an index prefix is at most 32 lower-case hex digits")]
pub struct BadPrefix;

impl HashPrefix {
    /// The prefix of every hash.
    pub const ALL: HashPrefix = HashPrefix { digits: [b'0'; 32], len: 0 };

    /// The digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.digits[..usize::from(self.len)]).expect("hex digits are ASCII")
    }

    /// Whether `hash` begins with these digits.
    pub fn contains(&self, hash: BlockHash) -> bool {
        let len = usize::from(self.len);
        hash.to_hex()[..len] == self.digits[..len]
    }

    /// Whether a hash that begins with `digits` may begin with this prefix too: one of the two begins with the other.
    pub fn touches(&self, digits: &str) -> bool {
        self.as_str().starts_with(digits) || digits.starts_with(self.as_str())
    }
}

impl FromStr for HashPrefix {
    type Err = BadPrefix;

    fn from_str(text: &str) -> Result<Self, BadPrefix> {
        let len = u8::try_from(text.len()).map_err(|_too_long| BadPrefix)?;
        let mut digits = [b'0'; 32];
        let place = digits.get_mut(..text.len()).ok_or(BadPrefix)?;
        place.copy_from_slice(text.as_bytes());
        if place.iter().any(|digit| hex::value(*digit).is_none()) {
            return Err(BadPrefix);
        }
        Ok(HashPrefix { digits, len })
    }
}

impl fmt::Display for HashPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for HashPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_reads_what_it_writes() {
        let text = "d41d8cd98f00b204e9800998ecf8427e";
        let hash: BlockHash = text.parse().unwrap();
        assert_eq!(hash, BlockHash::EMPTY);
        assert_eq!(hash.to_string(), text);
    }

    #[test]
    fn other_texts_are_no_hash() {
        for text in [
            "",
            "d41d8cd98f00b204e9800998ecf8427",
            "D41d8cd98f00b204e9800998ecf8427e",
            "⛵1d8cd98f00b204e9800998ecf8427e",
        ] {
            assert_eq!(text.parse::<BlockHash>(), Err(BadHash), "{text}");
        }
    }

    #[test]
    fn hashes_order_as_their_texts() {
        let low: BlockHash = "0fffffffffffffffffffffffffffffff".parse().unwrap();
        let high: BlockHash = "f0000000000000000000000000000000".parse().unwrap();
        assert!(low < high);
    }

    #[test]
    fn a_prefix_contains_the_hashes_that_begin_with_it() {
        let prefix: HashPrefix = "d41".parse().unwrap();
        assert!(prefix.contains(BlockHash::EMPTY));
        assert!(!"d42".parse::<HashPrefix>().unwrap().contains(BlockHash::EMPTY));
        assert!(HashPrefix::ALL.contains(BlockHash::EMPTY));
        assert!(prefix.touches("d4") && prefix.touches("d41d") && !prefix.touches("d5"));
    }

    #[test]
    fn other_texts_are_no_prefix() {
        for text in ["XYZ", "abcG", "é", &"0".repeat(33), &"0".repeat(300)] {
            assert_eq!(text.parse::<HashPrefix>(), Err(BadPrefix), "{text}");
        }
    }
}
