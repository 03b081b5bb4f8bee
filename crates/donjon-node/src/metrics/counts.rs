//! Counters that no other part of the node keeps.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keep_protocol::status::ListName;
use keep_rules::MountUuid;
use keep_volume::{Emptied, Round};

use super::Window;
use crate::http::Priority;

/// Lists whose hits are counted; the oldest are forgotten.
const LISTS_WITH_HITS_MAX: usize = 1_000;

/// Counters. A clone counts into the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics(Arc<Mutex<Counts>>);

/// What has been counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) mounts: BTreeMap<MountUuid, MountCounts>,
    pub(crate) delays: BTreeMap<&'static str, Window>,
    pub(crate) turned_away: BTreeMap<&'static str, Window>,
    pub(crate) trash_hits: u64,
    /// By list. Only of lists since the start, and only the last of them.
    trash_hits_of: BTreeMap<u64, u64>,
    pub(crate) lists_refused: BTreeMap<(ListName, &'static str), u64>,
}

/// What has been counted for one mount.
#[derive(Clone, Debug, Default)]
pub(crate) struct MountCounts {
    pub(crate) failed_reads: u64,
    pub(crate) failed_writes: u64,
    pub(crate) emptied: Emptied,
}

impl Metrics {
    /// A replica could not be read, or was damaged.
    pub(crate) fn read_failed(&self, mount: &MountUuid) {
        self.lock().mounts.entry(mount.clone()).or_default().failed_reads += 1;
    }

    /// A block could not be stored on this mount.
    pub(crate) fn write_failed(&self, mount: &MountUuid) {
        self.lock().mounts.entry(mount.clone()).or_default().failed_writes += 1;
    }

    /// The trash of this mount was emptied. What was deleted adds up; what is kept replaces what was kept before, if all of
    /// the trash was looked at.
    pub(crate) fn emptied(&self, mount: &MountUuid, round: Round) {
        let mut counts = self.lock();
        let sum = &mut counts.mounts.entry(mount.clone()).or_default().emptied;
        let (now, kept, kept_bytes) = match round {
            Round::Complete(now) => (now, now.kept, now.kept_bytes),
            Round::Halted(now) => (now, sum.kept, sum.kept_bytes),
        };
        *sum = Emptied {
            deleted: sum.deleted + now.deleted,
            deleted_bytes: sum.deleted_bytes + now.deleted_bytes,
            failed: sum.failed + now.failed,
            kept,
            kept_bytes,
        };
    }

    /// A request waited this long for its turn, and got it.
    pub(crate) fn queued(&self, priority: Priority, delay: Duration) {
        self.lock().delays.entry(priority_label(priority)).or_default().push(delay.as_secs_f64());
    }

    /// A request waited this long for its turn, and did not get it.
    pub(crate) fn turned_away(&self, priority: Priority, delay: Duration) {
        self.lock()
            .turned_away
            .entry(priority_label(priority))
            .or_default()
            .push(delay.as_secs_f64());
    }

    /// Somebody asked for a block that lies in the trash.
    pub(crate) fn trash_hit(&self) {
        self.lock().trash_hits += 1;
    }

    /// The block was trashed by this list. Says how many hits the list has had.
    pub(crate) fn trash_hit_of(&self, list: u64) -> u64 {
        let mut counts = self.lock();
        if counts.trash_hits_of.len() >= LISTS_WITH_HITS_MAX {
            counts.trash_hits_of.pop_first();
        }
        let hits = counts.trash_hits_of.entry(list).or_default();
        *hits += 1;
        *hits
    }

    /// A list was refused.
    pub(crate) fn list_refused(&self, list: ListName, reason: &'static str) {
        *self.lock().lists_refused.entry((list, reason)).or_default() += 1;
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The priority in labels and logs.
pub(crate) fn priority_label(priority: Priority) -> &'static str {
    match priority {
        Priority::Normal => "normal",
        Priority::High | Priority::Resumed => "high",
    }
}
