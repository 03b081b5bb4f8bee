//! Blocks of the largest size, cheap to make.

use donjon_crash::block::Block;
use md5::{Digest, Md5};

/// The largest block.
pub(crate) const LARGE: usize = 64 * 1024 * 1024;
/// Where a block's number is written: its last bytes, so that the hash of the rest is computed once.
const TAIL: usize = LARGE - 8;

/// Blocks that differ only in their last eight bytes.
pub(crate) struct LargeBlocks {
    data: Vec<u8>,
    head: Md5,
}

impl LargeBlocks {
    pub(crate) fn new() -> Self {
        let data = Block::of_size(1, LARGE).data().to_vec();
        let head = Md5::new().chain_update(&data[..TAIL]);
        Self { data, head }
    }

    /// Makes the block of this number; its hash and contents.
    pub(crate) fn make(&mut self, number: u64) -> (String, &[u8]) {
        self.data[TAIL..].copy_from_slice(&tail(number));
        (self.hash(number), &self.data)
    }

    /// The hash of the block of this number.
    pub(crate) fn hash(&self, number: u64) -> String {
        let digest = self.head.clone().chain_update(tail(number)).finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What all blocks begin with: all but their [`tail`].
    pub(crate) fn head(&self) -> &[u8] {
        &self.data[..TAIL]
    }
}

/// What the block of this number ends with.
pub(crate) fn tail(number: u64) -> [u8; 8] {
    number.to_le_bytes()
}
