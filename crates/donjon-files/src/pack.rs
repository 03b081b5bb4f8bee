//! Which files share a block: small ones lie side by side, large ones have blocks of their own, so that equal files are equal
//! blocks.

use keep_manifest::BlockRef;
use keep_rules::{BLOCK_SIZE_MAX, BlockHash};
use md5::{Digest as _, Md5};

/// The largest block, as a length.
pub(crate) const BLOCK_MAX: usize = 64 << 20;
const _: () = assert!(BLOCK_MAX as u64 == BLOCK_SIZE_MAX);

/// Files of this size and more begin a block.
const LARGE: u64 = 4 << 20;

/// A part of a file that lies in one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// The file, by its place in the scan.
    pub(crate) file: usize,
    /// Where in the block.
    pub(crate) offset: u32,
    /// How many bytes.
    pub(crate) length: u32,
}

/// A block that is full, or the last one.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) data: Vec<u8>,
    /// In the order of the files.
    pub(crate) parts: Vec<Part>,
}

impl Packed {
    /// What it is called.
    pub(crate) fn block(&self) -> BlockRef {
        let hash = BlockHash::from_bytes(Md5::digest(&self.data).into());
        let size = u32::try_from(self.data.len()).expect("a block is at most 64 MiB");
        BlockRef::new(hash, size).expect("a block is at most 64 MiB")
    }
}

/// Fills blocks.
#[derive(Debug, Default)]
pub(crate) struct Packer {
    data: Vec<u8>,
    parts: Vec<Part>,
}

impl Packer {
    /// Whether a file of this size should begin a block; then take what there is with [`Packer::take`] first.
    pub(crate) fn begins_a_block(&self, size: u64) -> bool {
        !self.data.is_empty() && (size >= LARGE || self.data.len() as u64 + size > BLOCK_SIZE_MAX)
    }

    /// How many bytes fit.
    pub(crate) fn room(&self) -> usize {
        BLOCK_MAX - self.data.len()
    }

    /// Adds bytes of a file: no more than fit.
    pub(crate) fn push(&mut self, file: usize, bytes: &[u8]) {
        let offset = u32::try_from(self.data.len()).expect("a block is at most 64 MiB");
        let length = u32::try_from(bytes.len()).expect("a block is at most 64 MiB");
        self.data.extend_from_slice(bytes);
        match self.parts.last_mut() {
            Some(last) if last.file == file => last.length += length,
            Some(_) | None => self.parts.push(Part { file, offset, length }),
        }
    }

    /// The block so far; nothing if it is empty.
    pub(crate) fn take(&mut self) -> Option<Packed> {
        if self.data.is_empty() {
            return None;
        }
        let data = std::mem::take(&mut self.data);
        Some(Packed { data, parts: std::mem::take(&mut self.parts) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_files_share_a_block_and_large_ones_begin_one() {
        let mut packer = Packer::default();
        packer.push(0, b"abc");
        assert!(!packer.begins_a_block(5));
        packer.push(1, b"de");
        packer.push(1, b"fgh");
        assert!(packer.begins_a_block(LARGE));
        let packed = packer.take().unwrap();
        assert_eq!(packed.data, b"abcdefgh");
        assert_eq!(
            packed.parts,
            [Part { file: 0, offset: 0, length: 3 }, Part { file: 1, offset: 3, length: 5 }]
        );
        assert!(packer.take().is_none());
        assert!(!packer.begins_a_block(LARGE), "an empty block is a beginning");
    }
}
