//! Blocks whose contents follow from a number.

use md5::{Digest, Md5};

use crate::random::Random;

/// A block that can be made again at any time to compare with what a node gives back.
#[derive(Clone, Debug)]
pub struct Block {
    hash: String,
    data: Vec<u8>,
}

impl Block {
    /// The block of this number: mostly a few KiB, one in twenty up to 1 MiB.
    pub fn numbered(number: u64) -> Self {
        let mut random = Random::new(number);
        let size = match random.below(20) {
            0 => 256 * 1024 + random.below(768 * 1024),
            1..=5 => 4096 + random.below(60 * 1024),
            _ => 1 + random.below(4096),
        };
        Self::of_size(number, usize::try_from(size).expect("at most 1 MiB"))
    }

    /// The block of this number with exactly `size` bytes.
    pub fn of_size(number: u64, size: usize) -> Self {
        let mut random = Random::new(number).split(1);
        let mut data = Vec::with_capacity(size + 8);
        while data.len() < size {
            data.extend_from_slice(&random.next_u64().to_le_bytes());
        }
        data.truncate(size);
        Self { hash: hash_of(&data), data }
    }

    /// Its MD5 in 32 lower-case hexadecimal digits.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Its contents.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// `hash+size`.
    pub fn locator(&self) -> String {
        format!("{}+{}", self.hash, self.data.len())
    }
}

/// The MD5 of `data` in 32 lower-case hexadecimal digits.
pub fn hash_of(data: &[u8]) -> String {
    use std::fmt::Write as _;
    Md5::digest(data).iter().fold(String::with_capacity(32), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string cannot fail");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_always_makes_the_same_block() {
        assert_eq!(Block::numbered(3).data(), Block::numbered(3).data());
        assert_ne!(Block::numbered(3).hash(), Block::numbered(4).hash());
        assert_eq!(Block::of_size(3, 13).data().len(), 13);
    }

    #[test]
    fn the_hash_is_the_md5() {
        assert_eq!(hash_of(b"foo"), "acbd18db4cc2f85cedef654fccc4a4d8");
    }
}
