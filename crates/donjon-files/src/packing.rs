//! Which files share a block.

use keep_rules::BLOCK_SIZE_MAX;

/// Of so many files, one ends its block early, once that is long enough.
const ENDS_ONE_IN: u64 = 64;

/// The rule by which files are put into blocks. It looks at sizes and paths alone, so the same files make the same blocks.
///
/// A long file has blocks of its own, so that it is the same blocks wherever it lies and whatever lies beside it. Short
/// files share blocks, whole; and now and then one ends its block early, chosen by its path: so a file that is added or
/// grows changes the blocks beside it, and not all that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packing {
    /// No block is longer.
    block_max: u32,
    /// A file this long has its own blocks.
    own_from: u32,
    /// A shared block this long may end early.
    early_from: u32,
}

impl Default for Packing {
    fn default() -> Self {
        Packing::new(u32::try_from(BLOCK_SIZE_MAX).expect("64 MiB fit into 32 bits"))
    }
}

impl Packing {
    /// Blocks of at most `block_max` bytes; the other limits are in proportion: 4 MiB and 8 MiB for blocks of 64 MiB.
    ///
    /// # Panics
    /// If `block_max` is less than 16 bytes, or more than a block may be.
    pub fn new(block_max: u32) -> Self {
        assert!((16..=BLOCK_SIZE_MAX).contains(&block_max.into()), "no block of {block_max} bytes");
        Packing { block_max, own_from: block_max / 16, early_from: block_max / 8 }
    }

    /// How long a block may be.
    pub(crate) fn block_max(self) -> u32 {
        self.block_max
    }

    /// Whether a file of this size has its own blocks; else it shares one, whole.
    pub(crate) fn has_own_blocks(self, size: u64) -> bool {
        size >= self.own_from.into()
    }

    /// Whether a file fits into a shared block that has so many bytes.
    pub(crate) fn fits(self, filled: usize, size: u64) -> bool {
        filled as u64 + size <= self.block_max.into()
    }

    /// Whether a shared block of so many bytes ends with this file.
    pub(crate) fn ends_after(self, filled: usize, path: &[u8]) -> bool {
        filled as u64 >= self.early_from.into() && fnv(path).is_multiple_of(ENDS_ONE_IN)
    }
}

/// FNV-1a, mixed once more: its low bits alone would follow the last letter.
fn fnv(path: &[u8]) -> u64 {
    let hash = path.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_blocks_of_64_mib() {
        let packing = Packing::default();
        assert!(!packing.has_own_blocks((4 << 20) - 1) && packing.has_own_blocks(4 << 20));
        assert!(packing.fits(60 << 20, 4 << 20) && !packing.fits(60 << 20, (4 << 20) + 1));
    }

    #[test]
    fn about_one_file_in_64_ends_a_long_block_and_none_a_short_one() {
        let packing = Packing::default();
        let ends = |filled| {
            let paths = (0..64_000).map(|number| format!("directory/{number:05}.txt"));
            paths.filter(|path| packing.ends_after(filled, path.as_bytes())).count()
        };
        assert_eq!(ends((8 << 20) - 1), 0);
        let ends = ends(8 << 20);
        assert!((800..1_200).contains(&ends), "{ends}");
    }
}
