//! Where it is taken down what became of the items of the current list.

use list_store::{Ending as Entry, StoredList};

use super::code::End;
use super::{Ending, Failed};

/// Ends that are written together. Those that a crash takes are of items that run again, which does no harm.
const TOGETHER: usize = 64;

/// Ends that wait for a disk that refuses them, at most. Beyond, they are forgotten: their items run again.
const KEPT: usize = 65_536;

/// The progress of a list: on the disk, or nowhere if the list is not durable.
#[derive(Debug, Default)]
pub(super) struct Progress {
    stored: Option<StoredList<End>>,
    unwritten: Vec<Entry<End>>,
}

impl Progress {
    /// The progress of this list.
    pub(super) fn of(stored: Option<StoredList<End>>) -> Progress {
        Progress { stored, unwritten: Vec::new() }
    }

    /// The stored list, for orders about it.
    pub(super) fn stored(&self) -> Option<StoredList<End>> {
        self.stored.clone()
    }

    /// The item at this place ended. An interrupted one is not taken down: it runs again after the restart.
    pub(super) fn ended(&mut self, index: u32, ending: &Ending) {
        if self.stored.is_none() || matches!(ending, Ending::Failed(Failed::Interrupted, _)) {
            return;
        }
        self.unwritten.push(Entry { index, outcome: End::from(ending) });
        if self.unwritten.len() >= TOGETHER {
            self.write();
        }
    }

    /// Hands what was taken down to the system.
    pub(super) fn write(&mut self) {
        let Some(stored) = self.stored.as_ref().filter(|_| !self.unwritten.is_empty()) else {
            return;
        };
        if let Err(error) = stored.ended(&self.unwritten) {
            let error = crate::mounts::sentence(&error);
            tracing::error!(
                error,
                "cannot take down the progress of a list: tried again with the next items"
            );
            if self.unwritten.len() < KEPT {
                return;
            }
        }
        self.unwritten.clear();
    }
}
