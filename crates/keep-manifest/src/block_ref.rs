//! A block as a manifest names it: hash and size.

use std::fmt;

use keep_rules::BlockHash;

/// A block that a manifest names: its hash, and its size in bytes. Never larger than a block may be.
///
/// Two that differ in the size alone name, at most one of them, a real block: compare hashes, and keep both sizes as data
/// (spec section 4.3, D10).
///
/// # Examples
/// ```
/// use keep_manifest::BlockRef;
/// use keep_rules::BlockHash;
/// let block = BlockRef::new(BlockHash::EMPTY, 0).unwrap();
/// assert_eq!(block.to_string(), "d41d8cd98f00b204e9800998ecf8427e+0");
/// assert!(block.is_placeholder());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockRef {
    hash: BlockHash,
    size: u32,
}

/// The largest size, in bytes: that of the largest block.
pub(crate) const SIZE_MAX: u32 = 64 << 20;
const _: () = assert!(SIZE_MAX as u64 == keep_rules::BLOCK_SIZE_MAX);

impl BlockRef {
    /// The block whose locator has no data: it stands in streams that have none (spec section 4.1).
    pub const PLACEHOLDER: BlockRef = BlockRef { hash: BlockHash::EMPTY, size: 0 };

    /// Names a block of `size` bytes; `None` if no block is that large.
    pub const fn new(hash: BlockHash, size: u32) -> Option<Self> {
        if size > SIZE_MAX { None } else { Some(BlockRef { hash, size }) }
    }

    /// The hash.
    pub const fn hash(self) -> BlockHash {
        self.hash
    }

    /// The size in bytes, as the manifest has it: nobody has looked at the block.
    pub const fn size(self) -> u32 {
        self.size
    }

    /// Whether this is [`BlockRef::PLACEHOLDER`]: it stands for no data, and refers to nothing.
    pub fn is_placeholder(self) -> bool {
        self == BlockRef::PLACEHOLDER
    }
}

/// A locator without hints, in canonical form: lower case, no leading zeros.
impl fmt::Display for BlockRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.hash, self.size)
    }
}
