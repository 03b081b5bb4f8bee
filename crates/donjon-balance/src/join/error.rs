//! Why no block is lent.

use keep_rules::BlockHash;

use crate::runs::SortError;

/// Why no further block is lent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The sorted records could not be had.
    #[error(transparent)]
    Sort(#[from] SortError),
    /// One block has more records of a kind than any honest source gives it.
    #[error(
        "block {hash} has more than {max} different {what}; find out which index or collection names it so, \
         and take that out"
    )]
    TooMany {
        /// The block.
        hash: BlockHash,
        /// "replicas", "references" or "doomed replicas".
        what: &'static str,
        /// The most there may be.
        max: usize,
    },
}
