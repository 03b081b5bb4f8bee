//! The handle on a list that is stored: takes down what becomes of its items, and what is ordered about it.

use std::marker::PhantomData;
use std::sync::Arc;

use keep_rules::BlockHash;

use crate::code::Code;
use crate::error::StoreError;
use crate::progress::{Entry, Progress};
use crate::receipt::{Receipt, Text};
use crate::standing::{Final, Standing};
use crate::store::Shared;

/// Blocks that can be taken off one list: 16 MB, which each such order writes anew. Who wants more cancels the list.
pub const REMOVED_MAX: usize = 1_000_000;

/// A list that was stored. A clone is another handle on the same one.
///
/// When a newer list is stored, claims of this one may still be at work: what they report is taken and lost with this
/// list's files. Orders are refused then.
#[derive(Debug)]
pub struct StoredList<E> {
    shared: Arc<Shared>,
    receipt: Arc<Receipt>,
    progress: Arc<Progress>,
    of: PhantomData<fn(E)>,
}

impl<E> Clone for StoredList<E> {
    fn clone(&self) -> Self {
        StoredList {
            shared: self.shared.clone(),
            receipt: self.receipt.clone(),
            progress: self.progress.clone(),
            of: PhantomData,
        }
    }
}

/// An item ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending<E> {
    /// Its place on the list, from 0.
    pub index: u32,
    /// How.
    pub outcome: E,
}

impl<E: Code> StoredList<E> {
    pub(crate) fn new(
        shared: Arc<Shared>,
        receipt: Arc<Receipt>,
        progress: Arc<Progress>,
    ) -> StoredList<E> {
        StoredList { shared, receipt, progress, of: PhantomData }
    }

    /// What is known of the list beside its items.
    pub fn receipt(&self) -> &Arc<Receipt> {
        &self.receipt
    }

    /// Takes down that items ended, with one write. When this returns, the end of this process does not undo it; a power
    /// loss may, until [`StoredList::sync`].
    ///
    /// # Errors
    /// [`StoreError::Full`] and [`StoreError::Io`]. Nothing was taken down then: after a restart these items run again.
    ///
    /// # Panics
    /// If an index is not on the list.
    pub fn ended(&self, endings: &[Ending<E>]) -> Result<(), StoreError> {
        let entries =
            endings.iter().map(|ending| Entry { index: ending.index, code: ending.outcome.code() });
        self.progress.append(entries)
    }

    /// Makes all that was taken down survive a power loss.
    ///
    /// # Errors
    /// [`StoreError::Full`] and [`StoreError::Io`]. It is open then how much of it survives.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.progress.sync()
    }

    /// Takes every item of these blocks off the list, unless it has ended by the time the list is loaded. When this
    /// returns, it survives a power loss.
    ///
    /// # Errors
    /// [`StoreError::Superseded`], [`StoreError::Cancelled`], [`StoreError::TooManyRemoved`] above [`REMOVED_MAX`],
    /// [`StoreError::Full`] and [`StoreError::Io`]. Nothing was taken off then.
    pub fn remove(&self, blocks: &[BlockHash]) -> Result<(), StoreError> {
        self.shared.order(self.receipt.generation, |current| {
            if current.standing == Standing::Cancelled {
                return Err(self.cancelled());
            }
            current.removed.extend(blocks);
            if current.removed.len() > REMOVED_MAX {
                return Err(StoreError::TooManyRemoved { max: REMOVED_MAX });
            }
            Ok(())
        })
    }

    /// Holds the list: after a restart it is held too. When this returns, it survives a power loss.
    ///
    /// # Errors
    /// [`StoreError::Superseded`], [`StoreError::Cancelled`], [`StoreError::Full`] and [`StoreError::Io`].
    pub fn hold(&self, reason: Text) -> Result<(), StoreError> {
        self.stand(|standing| standing.held(reason))
    }

    /// Holds the list because its node was away for long, or may have been. When this returns, it survives a power loss.
    ///
    /// # Errors
    /// [`StoreError::Superseded`], [`StoreError::Cancelled`], [`StoreError::Full`] and [`StoreError::Io`].
    pub fn hold_after_absence(&self, reason: Text) -> Result<(), StoreError> {
        self.stand(|standing| standing.held_after_absence(reason))
    }

    /// Lets the list through. When this returns, it survives a power loss.
    ///
    /// # Errors
    /// [`StoreError::Superseded`], [`StoreError::Cancelled`], [`StoreError::Full`] and [`StoreError::Io`].
    pub fn release(&self) -> Result<(), StoreError> {
        self.stand(Standing::released)
    }

    /// Ends the list: after a restart all that had not ended counts as removed. When this returns, it survives a power
    /// loss.
    ///
    /// # Errors
    /// [`StoreError::Superseded`], [`StoreError::Full`] and [`StoreError::Io`].
    pub fn cancel(&self) -> Result<(), StoreError> {
        self.stand(|_any| Ok(Standing::Cancelled))
    }

    fn stand(
        &self,
        order: impl FnOnce(&Standing) -> Result<Standing, Final>,
    ) -> Result<(), StoreError> {
        self.shared.order(self.receipt.generation, |current| {
            current.standing = order(&current.standing).map_err(|Final| self.cancelled())?;
            Ok(())
        })
    }

    fn cancelled(&self) -> StoreError {
        StoreError::Cancelled { generation: self.receipt.generation }
    }
}
