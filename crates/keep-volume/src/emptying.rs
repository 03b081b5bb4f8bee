//! Emptying the trash: what is asked for, and what it did.

use std::fmt;
use std::sync::Arc;

use keep_rules::{BlockHash, Timestamp};

use crate::Halt;

/// How the trash is to be emptied.
#[derive(Clone)]
pub struct EmptyOrder {
    /// Copies deleted at a time, at most. 0 counts as 1.
    pub workers: usize,
    /// Asked before each copy. When it is stopped no further one is deleted.
    pub halt: Halt,
    /// Is told of each copy after it was deleted, and of no other. It may block, it is called from up to `workers`
    /// threads at once, and it may stop `halt`. Its panic is passed on to who asked.
    pub report: Arc<dyn Fn(EmptiedCopy) + Send + Sync>,
}

impl EmptyOrder {
    /// An order for so many workers, which nobody halts and whose reports nobody reads.
    pub fn with_workers(workers: usize) -> EmptyOrder {
        EmptyOrder { workers, halt: Halt::default(), report: Arc::new(drop) }
    }
}

impl fmt::Debug for EmptyOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmptyOrder")
            .field("workers", &self.workers)
            .field("halt", &self.halt)
            .finish_non_exhaustive()
    }
}

/// A trashed copy that was deleted for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EmptiedCopy {
    /// The block.
    pub hash: BlockHash,
    /// Bytes that were stored.
    pub size: u64,
    /// When it was last written or touched.
    pub mtime: Timestamp,
    /// From when on it was allowed to be deleted.
    pub deadline: Timestamp,
}

/// What emptying the trash did. A copy that someone else brought back or deleted meanwhile counts nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Emptied {
    /// Copies deleted.
    pub deleted: u64,
    /// Bytes of the copies deleted.
    pub deleted_bytes: u64,
    /// Copies that stay because their deadline has not come.
    pub kept: u64,
    /// Bytes of the copies that stay.
    pub kept_bytes: u64,
    /// Copies that should have been deleted and could not be.
    pub failed: u64,
}

/// What a round of emptying did, and whether it got to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// All of the trash was looked at.
    Complete(Emptied),
    /// The [`Halt`] was stopped. This was done until then; there may be more in the trash than was counted.
    Halted(Emptied),
}

impl Emptied {
    pub(crate) fn count_deleted(&mut self, bytes: u64) {
        self.deleted += 1;
        self.deleted_bytes += bytes;
    }

    pub(crate) fn count_kept(&mut self, bytes: u64) {
        self.kept += 1;
        self.kept_bytes += bytes;
    }

    pub(crate) fn add(&mut self, more: Emptied) {
        self.deleted += more.deleted;
        self.deleted_bytes += more.deleted_bytes;
        self.kept += more.kept;
        self.kept_bytes += more.kept_bytes;
        self.failed += more.failed;
    }
}
