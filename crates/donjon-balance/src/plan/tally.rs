//! Totals, counted.

use crate::plan::entry::{Entry, Fate};
use crate::plan::footer::{Footer, Work};
use crate::plan::header::Header;

/// The totals of some entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) entries: u64,
    pub(crate) lost: u64,
    /// For each server of the header.
    pub(crate) servers: Vec<Work>,
}

impl Tally {
    pub(crate) fn new(header: &Header) -> Self {
        Tally { entries: 0, lost: 0, servers: vec![Work::default(); header.servers.len()] }
    }

    /// Counts an entry that was checked.
    pub(crate) fn count(&mut self, entry: &Entry, header: &Header) {
        let size = u64::from(entry.block.size);
        let server = |mount: u16| usize::from(header.mounts[usize::from(mount)].server);
        self.entries += 1;
        self.lost += u64::from(entry.lost.is_some());
        for replica in &entry.replicas {
            if matches!(replica.fate, Fate::Trash { .. }) {
                let work = &mut self.servers[server(replica.mount)];
                work.trashes += 1;
                work.trash_bytes += size;
            }
        }
        for pull in &entry.pulls {
            let work = &mut self.servers[server(pull.to)];
            work.pulls += 1;
            work.pull_bytes += size;
        }
    }

    pub(crate) fn add(&mut self, other: &Tally) {
        self.entries += other.entries;
        self.lost += other.lost;
        for (work, other) in self.servers.iter_mut().zip(&other.servers) {
            *work += *other;
        }
    }

    pub(crate) fn work(&self) -> Work {
        let mut work = Work::default();
        self.servers.iter().for_each(|server| work += *server);
        work
    }

    /// Whether the footer states these totals.
    pub(crate) fn is_in(&self, footer: &Footer) -> bool {
        (self.entries, self.lost, self.work()) == (footer.entries, footer.lost, footer.work)
            && self.servers == footer.servers
    }
}
