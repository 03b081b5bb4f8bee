//! The JSON that Donjon itself speaks under `/donjon/v1/`: what its lists and volumes are doing.
//!
//! Not part of the Keep protocol. Fields may be added; none changes its meaning.

mod block;
mod steering;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use block::{
    BlockExplained, LedgerEntry, ListMention, MountExplained, TrashedCopy, UntrashOutcome,
    UntrashResult, Untrashed,
};
pub use steering::{
    Freeze, FreezeRequest, ListSettings, ListSource, ListState, Origin, Removed, Setting,
    SettingsChange, WouldBeHeld,
};

/// Which of a node's two work lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ListName {
    /// Blocks to trash.
    Trash,
    /// Blocks to pull from other nodes.
    Pull,
}

impl ListName {
    /// Both lists.
    pub const ALL: [ListName; 2] = [ListName::Trash, ListName::Pull];

    /// The word in paths, metrics and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            ListName::Trash => "trash",
            ListName::Pull => "pull",
        }
    }
}

impl std::fmt::Display for ListName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `GET /donjon/v1/lists/{trash,pull}` and `…/{id}`: the receipt and the books of a list, read at one instant.
///
/// `received = waiting + running + done + sum(skipped) + sum(failed) + superseded + removed`, always.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListStatus {
    /// Which list.
    pub list: ListName,
    /// The list's id. Counts up from 1 and survives restarts. 0: none yet.
    pub generation: u64,
    /// When it was received, nanoseconds since 1970; absent if there was none.
    pub received_at_ns: Option<i64>,
    /// The SHA-256 of its body, in hex.
    #[serde(default)]
    pub digest: Option<String>,
    /// Who sent it.
    #[serde(default)]
    pub source: Option<ListSource>,
    /// The epoch that its sender gave it.
    #[serde(default)]
    pub epoch: Option<u64>,
    /// What happens to it now.
    #[serde(default)]
    pub state: ListState,
    /// Why the list is not worked off, if it is not: a sentence.
    pub idle_because: Option<String>,
    /// Whether it was on the disk before it was answered, and survives a restart.
    #[serde(default)]
    pub durable: bool,
    /// Items of the list.
    pub received: u64,
    /// Items that no worker has claimed yet.
    pub waiting: u64,
    /// Items that a worker holds.
    pub running: u64,
    /// Items of earlier lists that a worker still holds. Not part of the sum.
    #[serde(default)]
    pub running_before: u64,
    /// Items that were carried out.
    pub done: u64,
    /// Items that were left alone on purpose, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Items that could not be carried out, by reason.
    pub failed: BTreeMap<String, u64>,
    /// Items that a newer list replaced before a worker had them.
    pub superseded: u64,
    /// Items that were taken off by hand.
    pub removed: u64,
    /// Workers that take from this list.
    pub workers: u64,
    /// Items that ended in the last minute.
    #[serde(default)]
    pub ended_last_minute: u64,
    /// Seconds until nothing waits, at the speed of the last minute; absent if nothing moves or nothing waits.
    #[serde(default)]
    pub eta_seconds: Option<u64>,
    /// The settings in force.
    #[serde(default)]
    pub settings: ListSettings,
    /// Of a dry run: why the guard would hold the list. Absent if it would not, and while the guard is counting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub would_be_held: Option<WouldBeHeld>,
}

impl ListStatus {
    /// The books before the first list came.
    pub fn none(list: ListName) -> ListStatus {
        ListStatus {
            list,
            generation: 0,
            received_at_ns: None,
            digest: None,
            source: None,
            epoch: None,
            state: ListState::Idle,
            idle_because: None,
            durable: false,
            received: 0,
            waiting: 0,
            running: 0,
            running_before: 0,
            done: 0,
            skipped: BTreeMap::new(),
            failed: BTreeMap::new(),
            superseded: 0,
            removed: 0,
            workers: 0,
            ended_last_minute: 0,
            eta_seconds: None,
            settings: ListSettings::default(),
            would_be_held: None,
        }
    }

    /// The sum of everything that an item can be. Equal to `received`, always.
    pub fn accounted_for(&self) -> u64 {
        let reasons: u64 = self.skipped.values().chain(self.failed.values()).sum();
        self.waiting + self.running + self.done + reasons + self.superseded + self.removed
    }
}

/// `GET /donjon/v1/lists/{trash,pull}/items?offset=&limit=`: items that wait, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingItems {
    /// The list they are on.
    pub generation: u64,
    /// The items of this page.
    pub items: Vec<WaitingItem>,
    /// The offset of the next page; absent on the last one.
    pub next_offset: Option<u64>,
}

/// An item that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingItem {
    /// As the list named it.
    pub locator: String,
    /// Trash lists: the mtime that the replica must still have, nanoseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub block_mtime: Option<i64>,
    /// The mount it is about; empty: every mount, or the best.
    pub mount_uuid: String,
    /// Pull lists: where to fetch it.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub servers: Vec<String>,
}

/// `GET /donjon/v1/lists/{trash,pull}/outcomes?after=&limit=`: what became of items, oldest first.
///
/// The node remembers a bounded number of outcomes; `first_kept` tells how far back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    /// Outcomes whose number is above `after`.
    pub outcomes: Vec<Outcome>,
    /// The number of the oldest outcome still remembered.
    pub first_kept: u64,
    /// Ask again with this as `after`.
    pub next_after: u64,
}

/// What became of one item on one mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Counts up from 1 for each list since the node's start.
    pub number: u64,
    /// The list that the item was on.
    pub generation: u64,
    /// When it was finished, nanoseconds since 1970.
    pub time_ns: i64,
    /// As the list named it.
    pub locator: String,
    /// The mount acted on; empty if none was.
    pub mount_uuid: String,
    /// How it ended.
    pub outcome: OutcomeKind,
    /// Why, for all but done: the label of the reason.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// A sentence for people: what the reason means, or what the device said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
}

/// How an item ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeKind {
    /// Carried out.
    Done,
    /// Left alone on purpose.
    Skipped,
    /// Could not be carried out.
    Failed,
}

impl OutcomeKind {
    /// The word in JSON, metrics and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            OutcomeKind::Done => "done",
            OutcomeKind::Skipped => "skipped",
            OutcomeKind::Failed => "failed",
        }
    }
}

/// `GET /donjon/v1/status`: the node at one glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// The program's version.
    pub version: String,
    /// The cluster it serves.
    pub cluster_id: String,
    /// When it started, nanoseconds since 1970.
    pub started_at_ns: i64,
    /// Requests being answered now.
    pub requests_running: u64,
    /// Requests waiting for their turn.
    pub requests_queued: u64,
    /// Whether trashing and emptying are frozen.
    #[serde(default)]
    pub freeze: Freeze,
    /// Its mounts, by UUID.
    pub volumes: Vec<VolumeStatus>,
    /// Its two lists.
    pub lists: Vec<ListStatus>,
}

/// One mount in [`NodeStatus`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeStatus {
    /// The mount.
    pub uuid: String,
    /// The device behind it.
    pub device_id: String,
    /// Whether blocks may be written to it.
    pub allow_write: bool,
    /// Whether blocks may be trashed on it.
    pub allow_trash: bool,
    /// Whether it has no room for another block.
    pub full: bool,
    /// What is wrong with it; absent if the last check passed.
    pub problem: Option<String>,
}
