//! More records than fit into memory, sorted on the disk.
//!
//! A run of the balancer handles 10^8 replicas and more (spec/keep-balance.md section 6). They are [`Record`]s of some
//! 30 bytes. [`Feeder`]s take them from many threads, sort a buffer at a time and write it down as a *run*; [`Sorter::finish`]
//! merges runs until few enough are left to be read at once; [`Sorted::stream`] gives all of them in order, or those of one
//! [`Span`] of the key space, so that several threads can share the work.
//!
//! - Memory is what the [`Budget`] says, however many records come. Beside it: 16 bytes for each block of 1024 records.
//! - Runs lie in one file without a name: it is gone when the process is, however that ends.
//! - Every block of a run is under a checksum, and how many records a run holds is known beside it. What was damaged, cut
//!   off or lost is an error, never a shorter result.
//! - A feeder that was neither finished nor discarded makes [`Sorter::finish`] fail.
//!
//! # Examples
//! ```
//! use std::num::NonZeroUsize;
//!
//! use donjon_balance::runs::{Budget, ReplicaRecord, Sorter, Span};
//! use keep_rules::{BlockHash, Timestamp};
//!
//! let directory = std::env::temp_dir();
//! let budget = Budget { memory: 1 << 20, feeders: NonZeroUsize::MIN, readers: NonZeroUsize::MIN };
//! let sorter = Sorter::<ReplicaRecord>::new(&directory, budget)?;
//! let mut feeder = sorter.feeder()?;
//! for first in [7, 3, 5] {
//!     let hash = BlockHash::from_bytes([first; 16]);
//!     feeder.push(ReplicaRecord { hash, size: 3, device: 0, mtime: Timestamp::EPOCH })?;
//! }
//! feeder.finish()?;
//! let sorted = sorter.finish()?;
//! let hashes: Result<Vec<_>, _> = sorted.stream(Span::ALL)?.map(|record| record.map(|it| it.hash)).collect();
//! assert_eq!(hashes?, [3, 5, 7].map(|first| BlockHash::from_bytes([first; 16])));
//! # Ok::<(), donjon_balance::runs::SortError>(())
//! ```

mod budget; // how memory is shared out
mod error; // why nothing was sorted
mod feeder; // a thread's buffer, and its runs
mod merge; // several runs as one
mod record; // what is sorted, and by what
mod run; // a sorted run on the disk, written and read
mod sorter; // all feeders together, and what comes of them
mod span; // a part of the key space
mod spool; // the file without a name
#[cfg(test)]
mod tests; // against a sorted vector, and with damage
mod tournament; // which of many is the smallest

pub use budget::Budget;
pub use error::SortError;
pub use feeder::Feeder;
pub use merge::Merged;
pub use record::{
    DoomedRecord, Key, MemberRecord, Record, ReferenceRecord, Repeats, ReplicaRecord,
};
pub use sorter::{Sorted, Sorter};
pub use span::Span;
