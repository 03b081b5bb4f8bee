//! The three sorters of a run, and how its memory is shared among them.

use std::num::NonZeroUsize;

use crate::join::Facts;
use crate::observe::Enrol;
use crate::runs::{
    Budget, DoomedRecord, MemberRecord, ReferenceRecord, ReplicaRecord, SortError, Sorted, Sorter,
};
use crate::settings::Settings;

/// Indexes that are read at once: each costs its node a scan of a volume, and us a feeder.
pub const INDEXES_AT_ONCE: usize = 8;

/// Eighths of the memory for replicas, references and doomed replicas. All three are fed at once.
const EIGHTHS: [usize; 3] = [4, 3, 1];
/// The same if collections are enrolled, and eighths for their members.
const EIGHTHS_ENROLLING: [usize; 4] = [3, 2, 1, 2];

/// Sorts all that a run learns. Together they use [`Settings::memory`], while they are fed and while they are read.
#[derive(Debug)]
pub struct Sorters {
    /// What the indexes list: [`INDEXES_AT_ONCE`] feeders.
    pub replicas: Sorter<ReplicaRecord>,
    /// What the collections name: a feeder for each source.
    pub references: Sorter<ReferenceRecord>,
    /// What may go at any moment: one feeder.
    pub doomed: Sorter<DoomedRecord>,
    /// Which collections a block is in, if they are enrolled: one feeder.
    pub members: Option<Sorter<MemberRecord>>,
}

impl Sorters {
    /// Sorters whose runs lie in the state directory, for so many sources of references; `enrol` says whether collections are counted, too.
    ///
    /// # Errors
    /// [`SortError::Full`] and [`SortError::Io`].
    pub fn new(settings: &Settings, sources: usize, enrol: Enrol) -> Result<Self, SortError> {
        let budget = |eighths: usize, feeders: usize| Budget {
            memory: settings.memory / 8 * eighths,
            feeders: nonzero(feeders),
            readers: nonzero(settings.threads),
        };
        let dir = &settings.state_dir;
        let (replicas, references, doomed, members) = match enrol {
            Enrol::Nobody => {
                let [replicas, references, doomed] = EIGHTHS;
                (replicas, references, doomed, None)
            }
            Enrol::Collections => {
                let [replicas, references, doomed, members] = EIGHTHS_ENROLLING;
                (replicas, references, doomed, Some(Sorter::new(dir, budget(members, 1))?))
            }
        };
        Ok(Sorters {
            replicas: Sorter::new(dir, budget(replicas, INDEXES_AT_ONCE))?,
            references: Sorter::new(dir, budget(references, sources))?,
            doomed: Sorter::new(dir, budget(doomed, 1))?,
            members,
        })
    }

    /// Merges what is left to be merged. Blocks the thread.
    ///
    /// # Errors
    /// [`SortError`]; records may be missing then, and nothing may be decided.
    pub fn finish(self) -> Result<(Facts, Option<Sorted<MemberRecord>>), SortError> {
        let facts = Facts {
            replicas: self.replicas.finish()?,
            references: self.references.finish()?,
            doomed: self.doomed.finish()?,
        };
        Ok((facts, self.members.map(Sorter::finish).transpose()?))
    }
}

fn nonzero(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap_or(NonZeroUsize::MIN)
}
