use std::sync::Arc;

use keep_rules::BlockHash;
use md5::{Digest, Md5};

/// A block and its name.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) data: Arc<[u8]>,
    pub(crate) hash: BlockHash,
}

impl Block {
    pub(crate) fn new(data: impl Into<Arc<[u8]>>) -> Self {
        let data = data.into();
        let hash = BlockHash::from_bytes(Md5::digest(&data).into());
        Block { data, hash }
    }

    /// `hash+size`, without a signature.
    pub(crate) fn locator(&self) -> String {
        format!("{}+{}", self.hash, self.data.len())
    }

    /// Data of the same length that is not this block's: its first byte is another.
    pub(crate) fn damaged(&self) -> Vec<u8> {
        let mut data = self.data.to_vec();
        if let Some(first) = data.first_mut() {
            *first ^= 0xff;
        }
        data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_named_by_its_md5() {
        assert_eq!(Block::new(*b"foo").locator(), "acbd18db4cc2f85cedef654fccc4a4d8+3");
        assert_ne!(Block::new(Block::new(*b"foo").damaged()).hash, Block::new(*b"foo").hash);
    }
}
