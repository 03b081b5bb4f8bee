//! Everything that is known of one block, block after block.
//!
//! [`Facts`] are the three sorted files: replicas, references and doomed replicas. [`Facts::join`] merges them over one
//! [`Span`](crate::runs::Span) of the key space and lends a [`BlockGroup`] for each block, ascending by hash. Nothing is
//! allocated for a block, and no block makes memory grow beyond a limit. [`in_order()`] lets several threads work on spans of
//! their own, and gives what they made in the order of the spans: what comes out does not depend on who was faster.
//!
//! # Examples
//! ```
//! use std::num::{NonZeroU32, NonZeroUsize};
//!
//! use donjon_balance::join::{Facts, JoinError, in_order};
//! use donjon_balance::runs::{Budget, ReferenceRecord, Sorter, Span};
//! use keep_rules::BlockHash;
//!
//! let directory = std::env::temp_dir();
//! let two = NonZeroUsize::new(2).unwrap();
//! let budget = Budget { memory: 1 << 20, feeders: two, readers: two };
//! let references = Sorter::new(&directory, budget)?;
//! let mut feeder = references.feeder()?;
//! for first in [9, 200, 9] {
//!     feeder.push(ReferenceRecord { hash: BlockHash::from_bytes([first; 16]), size: 3, wish: 0 })?;
//! }
//! feeder.finish()?;
//! let facts = Facts {
//!     replicas: Sorter::new(&directory, budget)?.finish()?,
//!     references: references.finish()?,
//!     doomed: Sorter::new(&directory, budget)?.finish()?,
//! };
//!
//! let mut lost = Vec::new();
//! let lost_of = |span: &Span| -> Result<Vec<BlockHash>, JoinError> {
//!     let mut join = facts.join(*span)?;
//!     let mut lost = Vec::new();
//!     while let Some(block) = join.next_block()? {
//!         if block.replicas.is_empty() && !block.references.is_empty() {
//!             lost.push(block.hash);
//!         }
//!     }
//!     Ok(lost)
//! };
//! in_order(&Span::split(NonZeroU32::new(16).unwrap()), two, lost_of, |part| Ok(lost.extend(part)))?;
//! assert_eq!(lost, [9, 200].map(|first| BlockHash::from_bytes([first; 16])));
//! # Ok::<(), JoinError>(())
//! ```

mod error; // why no block is lent
mod group; // the merge of the three files
mod holdings; // the replicas of the blocks that are asked for
mod in_order; // several threads, one order
#[cfg(test)]
mod tests; // against maps

pub use error::JoinError;
pub use group::{BlockGroup, Facts, GROUP_RECORDS_MAX, Join};
pub use holdings::Holdings;
pub use in_order::{in_order, in_order_with};
