//! The three sorters of a run, and how its memory is shared among them.

use std::num::NonZeroUsize;

use crate::join::Facts;
use crate::runs::{Budget, DoomedRecord, ReferenceRecord, ReplicaRecord, SortError, Sorter};
use crate::settings::Settings;

/// Indexes that are read at once: each costs its node a scan of a volume, and us a feeder.
pub const INDEXES_AT_ONCE: usize = 8;

/// Eighths of the memory for replicas, references and doomed replicas. All three are fed at once.
const EIGHTHS: [usize; 3] = [4, 3, 1];

/// Sorts all that a run learns. Together they use [`Settings::memory`], while they are fed and while they are read.
#[derive(Debug)]
pub struct Sorters {
    /// What the indexes list: [`INDEXES_AT_ONCE`] feeders.
    pub replicas: Sorter<ReplicaRecord>,
    /// What the collections name: a feeder for each source.
    pub references: Sorter<ReferenceRecord>,
    /// What may go at any moment: one feeder.
    pub doomed: Sorter<DoomedRecord>,
}

impl Sorters {
    /// Sorters whose runs lie in the state directory, for so many sources of references.
    ///
    /// # Errors
    /// [`SortError::Full`] and [`SortError::Io`].
    pub fn new(settings: &Settings, sources: usize) -> Result<Self, SortError> {
        let budget = |eighths: usize, feeders: usize| Budget {
            memory: settings.memory / 8 * eighths,
            feeders: nonzero(feeders),
            readers: nonzero(settings.threads),
        };
        let dir = &settings.state_dir;
        let [replicas, references, doomed] = EIGHTHS;
        Ok(Sorters {
            replicas: Sorter::new(dir, budget(replicas, INDEXES_AT_ONCE))?,
            references: Sorter::new(dir, budget(references, sources))?,
            doomed: Sorter::new(dir, budget(doomed, 1))?,
        })
    }

    /// Merges what is left to be merged. Blocks the thread.
    ///
    /// # Errors
    /// [`SortError`]; records may be missing then, and nothing may be decided.
    pub fn finish(self) -> Result<Facts, SortError> {
        Ok(Facts {
            replicas: self.replicas.finish()?,
            references: self.references.finish()?,
            doomed: self.doomed.finish()?,
        })
    }
}

fn nonzero(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap_or(NonZeroUsize::MIN)
}
