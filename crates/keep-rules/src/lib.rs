//! The words of Keep and every decision about blocks.
//!
//! Invariant: nothing here reads a clock, a disk or a network. Time is an argument.

pub mod block;
pub mod time;

pub use block::{BLOCK_SIZE_MAX, BlockHash, HashPrefix};
pub use time::Timestamp;
