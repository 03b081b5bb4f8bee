//! Volumes: where replicas are stored, the contract that every back end keeps, and the back ends.
//!
//! Start with [`Volume`]. A back end is done when it passes the contract suite in `testkit`.

pub mod directory;
pub mod memory;

mod chunks;
mod emptying;
mod error;
mod halt;
mod medium;
mod stats;
mod volume;

pub use directory::Directory;
pub use emptying::{Emptied, EmptiedCopy, EmptyOrder, Round};
pub use error::Error;
pub use halt::Halt;
pub use memory::Memory;
pub use stats::{Direction, IoStats, Operation};
pub use volume::{
    BlockReader, BlockWriter, IndexCursor, IndexEntry, Replica, Strange, Swept, Tally, TrashedCopy,
    TryWrite, Untrashed, Volume,
};
