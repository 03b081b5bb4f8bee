//! What is sent to whom.

use std::iter::Take;
use std::path::Path;

use keep_rules::Timestamp;

use crate::plan::agenda::{self, Agendum, List};
use crate::plan::block_name::BlockName;
use crate::plan::entry::{Entry, Fate};
use crate::plan::error::PlanError;
use crate::plan::file::PlanFile;
use crate::plan::footer::Work;
use crate::plan::header::Limits;
use crate::runs::{Budget, Merged, Sorted, Sorter};

/// The pull list and the trash list of every server, as a plan has them: the most urgent first, and no more than the limit.
///
/// Made by reading the whole plan, so there are none of a plan that is damaged. They are read from the plan as they are
/// sent, in constant memory.
#[derive(Debug)]
pub struct Lists<'a> {
    plan: &'a PlanFile,
    agenda: Sorted<Agendum>,
    limits: Limits,
    /// For each server of the header.
    work: Vec<Work>,
}

/// How long a list is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListCount {
    /// What is sent.
    pub sent: u64,
    /// What is left to a later run, because there is more than the limit.
    pub deferred: u64,
}

/// An item of a trash list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrashEntry {
    /// The block.
    pub block: BlockName,
    /// The mtime of the replica.
    pub mtime: Timestamp,
    /// The mount it is on, by its place in the header.
    pub mount: u16,
    /// Its urgency.
    pub order: u64,
}

/// An item of a pull list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullEntry {
    /// The block.
    pub block: BlockName,
    /// The mount that gets it, by its place in the header.
    pub to: u16,
    /// The servers to pull from, by their places in the header, the first to be tried first.
    pub from: Vec<u16>,
    /// Its urgency.
    pub order: u64,
}

impl<'a> Lists<'a> {
    /// Reads the plan and sorts what is to be sent, in files without names in `directory`. `limits` are those of the header,
    /// or what the operator says now.
    ///
    /// The budget's readers are the lists that will be sent at once; of its feeders one is used.
    ///
    /// # Errors
    /// [`PlanError::Damaged`] with the line and the byte; [`PlanError::Io`]; [`PlanError::Sort`].
    pub fn prepare(
        plan: &'a PlanFile,
        limits: Limits,
        directory: &Path,
        budget: Budget,
    ) -> Result<Self, PlanError> {
        let sorter = Sorter::new(directory, budget)?;
        let mut feeder = sorter.feeder()?;
        let mut entries = plan.entries()?;
        let header = entries.header().clone();
        while let Some(located) = entries.next_located()? {
            for agendum in agenda::of_entry(&located.entry, located.byte, &header) {
                feeder.push(agendum)?;
            }
        }
        if entries.digest() != Some(plan.digest()) {
            return Err(plan.damaged(0, "it was changed while it was read"));
        }
        feeder.finish()?;
        let work = entries.footer().map(|footer| footer.servers.clone()).unwrap_or_default();
        Ok(Lists { plan, agenda: sorter.finish()?, limits, work })
    }

    /// How long the pull list of a server is; nothing if the plan has no such server.
    pub fn pull_count(&self, server: u16) -> ListCount {
        count(self.work(server).pulls, self.limits.pulls)
    }

    /// How long the trash list of a server is; nothing if the plan has no such server.
    pub fn trash_count(&self, server: u16) -> ListCount {
        count(self.work(server).trashes, self.limits.trashes)
    }

    /// The pull list of a server, the most urgent first.
    ///
    /// # Errors
    /// [`PlanError::Sort`].
    pub fn pulls(&self, server: u16) -> Result<Pulls<'a>, PlanError> {
        Ok(Pulls(self.items(List::Pull, server, self.limits.pulls)?))
    }

    /// The trash list of a server, the most urgent first.
    ///
    /// # Errors
    /// [`PlanError::Sort`].
    pub fn trashes(&self, server: u16) -> Result<Trashes<'a>, PlanError> {
        Ok(Trashes(self.items(List::Trash, server, self.limits.trashes)?))
    }

    fn work(&self, server: u16) -> Work {
        self.work.get(usize::from(server)).copied().unwrap_or_default()
    }

    fn items(&self, list: List, server: u16, limit: u64) -> Result<Items<'a>, PlanError> {
        let agenda = self.agenda.stream(agenda::span(list, server))?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(Items { plan: self.plan, agenda: agenda.take(limit) })
    }
}

fn count(all: u64, limit: u64) -> ListCount {
    let sent = all.min(limit);
    ListCount { sent, deferred: all - sent }
}

/// The items of a list, and the plan in which they are.
#[derive(Debug)]
struct Items<'a> {
    plan: &'a PlanFile,
    agenda: Take<Merged<Agendum>>,
}

impl Items<'_> {
    fn next(&mut self) -> Option<Result<(Entry, Agendum), PlanError>> {
        let agendum = match self.agenda.next()? {
            Ok(agendum) => agendum,
            Err(error) => return Some(Err(error.into())),
        };
        Some(self.plan.entry_at(agendum.byte).map(|entry| (entry, agendum)))
    }

    /// What is said of the plan if an item is not the one that was there when the lists were prepared.
    fn changed(&self, agendum: Agendum) -> PlanError {
        self.plan.damaged(agendum.byte, "this block was changed while lists were sent")
    }

    /// Whether this entry still has this item, of all that it has to send.
    fn is_in(&self, entry: &Entry, agendum: Agendum) -> bool {
        let mut agenda = agenda::of_entry(entry, agendum.byte, self.plan.header());
        agenda.any(|found| found == agendum)
    }
}

/// The pull list of a server. After an error it is not to be sent.
#[derive(Debug)]
pub struct Pulls<'a>(Items<'a>);

impl Iterator for Pulls<'_> {
    type Item = Result<PullEntry, PlanError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.0.next()?;
        Some(next.and_then(|(mut entry, agendum)| {
            if !self.0.is_in(&entry, agendum) {
                return Err(self.0.changed(agendum));
            }
            let pull = entry.pulls.swap_remove(usize::from(agendum.item));
            let order = pull.order;
            Ok(PullEntry { block: entry.block, to: pull.to, from: pull.from, order })
        }))
    }
}

/// The trash list of a server. After an error it is not to be sent.
#[derive(Debug)]
pub struct Trashes<'a>(Items<'a>);

impl Iterator for Trashes<'_> {
    type Item = Result<TrashEntry, PlanError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.0.next()?;
        Some(next.and_then(|(entry, agendum)| {
            let replica = entry.replicas.get(usize::from(agendum.item));
            let (true, Some(replica)) = (self.0.is_in(&entry, agendum), replica) else {
                return Err(self.0.changed(agendum));
            };
            let Fate::Trash { order, .. } = replica.fate else {
                return Err(self.0.changed(agendum));
            };
            let (mtime, mount) = (replica.mtime, replica.mount);
            Ok(TrashEntry { block: entry.block, mtime, mount, order })
        }))
    }
}
