//! Volumes: where replicas are stored, and the contract that every back end keeps.
//!
//! Start with [`Volume`]. A back end is done when it passes the contract suite in `testkit`.

mod error;
mod stats;
mod volume;

pub use error::Error;
pub use stats::{Direction, IoStats, Operation};
pub use volume::{
    BlockReader, BlockWriter, Emptied, IndexCursor, IndexEntry, Replica, Strange, Swept, TryWrite, Untrashed, Volume,
};
