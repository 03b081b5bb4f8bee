//! What is known of one block when it is decided.

use crate::block::BlockHash;
use crate::time::Timestamp;

use super::index::{DeviceIndex, MountIndex};
use super::wish::Wish;

/// A block: where it is, and what is wanted of it.
#[derive(Clone, Copy, Debug)]
pub struct BlockFacts<'f> {
    /// The block.
    pub hash: BlockHash,
    /// Its replicas, those of the right size, in any order.
    pub replicas: &'f [Replica],
    /// Whether there are replicas of another size beside them.
    pub sizes: Sizes,
    /// What is wanted: of the same run's [`WishBook`](super::WishBook).
    pub wish: &'f Wish,
    /// A replica is old if its mtime is before this instant, else new (spec section 0, M).
    pub min_mtime: Timestamp,
}

/// A copy of the block, as an index lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replica {
    /// Where it is.
    pub place: Place,
    /// When it was written or last touched.
    pub mtime: Timestamp,
    /// Whether it counts as a copy.
    pub standing: Standing,
}

/// Where a replica was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// On a device, and so through each of its views: what a run that reads each device once knows (spec section 2.2).
    Device(DeviceIndex),
    /// Through one view only. Views of a device that were read at different times may disagree.
    Mount(MountIndex),
}

/// Whether a replica counts as a copy (spec section 2.5, D7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It does.
    #[default]
    Sound,
    /// It is on the trash list that a server has now, so it may be gone at any moment: it does not count.
    Doomed,
}

/// Whether the replicas of a block are equally long (spec section 2.4, D10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sizes {
    /// They are, and as long as references say.
    #[default]
    Agree,
    /// There are others, which are not among the facts. Nothing of the block is trashed until somebody has looked.
    Differ,
}
