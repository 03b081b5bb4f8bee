//! The replicas of the blocks that are asked for.

use keep_rules::BlockHash;

use crate::join::error::JoinError;
use crate::join::group::{BlockGroup, Facts, Side};
use crate::runs::{DoomedRecord, ReplicaRecord, Span};

/// Lends the replicas of a block, and its doomed ones. Blocks are asked for ascending by hash.
#[derive(Debug)]
pub struct Holdings {
    replicas: Side<ReplicaRecord>,
    doomed: Side<DoomedRecord>,
    /// The block whose records are gathered.
    at: Option<BlockHash>,
}

impl Facts {
    /// The replicas of the blocks of a span. Uses a reader's share of each file's memory.
    ///
    /// # Errors
    /// [`JoinError::Sort`].
    pub fn holdings(&self, span: Span) -> Result<Holdings, JoinError> {
        Ok(Holdings {
            replicas: Side::new(self.replicas.stream(span)?, "replicas")?,
            doomed: Side::new(self.doomed.stream(span)?, "doomed replicas")?,
            at: None,
        })
    }
}

impl Holdings {
    /// What is known of a block that does not come before the one asked for last; no replica, if there is none. References
    /// are left out.
    ///
    /// # Errors
    /// [`JoinError::Sort`], [`JoinError::TooMany`]. What comes after an error means nothing.
    pub fn of(&mut self, hash: BlockHash) -> Result<BlockGroup<'_>, JoinError> {
        if self.at != Some(hash) {
            let head = u128::from_be_bytes(*hash.as_bytes());
            self.replicas.skip_to(head)?;
            self.doomed.skip_to(head)?;
            self.replicas.gather(head)?;
            self.doomed.gather(head)?;
            self.at = Some(hash);
        }
        Ok(BlockGroup {
            hash,
            replicas: &self.replicas.group,
            references: &[],
            doomed: &self.doomed.group,
        })
    }
}
