//! What is known of one block: where it is, what became of it, and what will happen next.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Freeze, ListName, ListState, Outcome};

/// `GET /donjon/v1/blocks/{hash}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockExplained {
    /// The block.
    pub hash: String,
    /// When this was read, nanoseconds since 1970.
    pub now_ns: i64,
    /// `Collections.BlobSigningTTL`, seconds: replicas younger than this are never trashed.
    pub ttl_seconds: u64,
    /// What each mount holds, by UUID.
    pub mounts: Vec<MountExplained>,
    /// The items of the current lists that name the block.
    pub waiting: Vec<ListMention>,
    /// What the ledger says of it, oldest first; the last hundred entries.
    pub history: Vec<LedgerEntry>,
    /// What each list left alone or failed at, with the reason, newest first, since the node's start; the last few.
    #[serde(default)]
    pub outcomes: BTreeMap<ListName, Vec<Outcome>>,
    /// Whether trashing is frozen.
    pub freeze: Freeze,
    /// Sentences: what holds it, and what will happen next.
    pub next: Vec<String>,
}

/// One mount in [`BlockExplained`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountExplained {
    /// The mount.
    pub mount_uuid: String,
    /// Bytes of the live replica; absent if there is none.
    pub size: Option<u64>,
    /// Its mtime, nanoseconds since 1970.
    pub mtime_ns: Option<i64>,
    /// Its age in seconds.
    pub age_seconds: Option<u64>,
    /// Whether it is older than the TTL, so that a list may trash it.
    pub old_enough_to_trash: Option<bool>,
    /// Copies in the trash.
    pub trashed: Vec<TrashedCopy>,
    /// What is wrong with the mount, if it could not be asked.
    pub problem: Option<String>,
}

/// A copy in the trash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrashedCopy {
    /// Bytes.
    pub size: u64,
    /// Its mtime, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Until when it can be untrashed, nanoseconds since 1970.
    pub until_ns: i64,
}

/// An item that names the block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListMention {
    /// Which list.
    pub list: ListName,
    /// Its id.
    pub generation: u64,
    /// What happens to the list now.
    pub state: ListState,
    /// The mount that the item names; empty for all, or the best.
    pub mount_uuid: String,
    /// Trash items: the mtime that the replica must still have.
    pub block_mtime: Option<i64>,
}

/// One line of `GET /donjon/v1/ledger` (JSON lines, oldest first).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Counts up from 1 for each node.
    pub number: u64,
    /// When, nanoseconds since 1970.
    pub time_ns: i64,
    /// `trash`, `untrash`, `empty` or `pull`.
    pub operation: String,
    /// The block.
    pub hash: String,
    /// Bytes, if known.
    pub size: Option<u64>,
    /// The replica's mtime before, nanoseconds since 1970.
    pub mtime_ns: Option<i64>,
    /// The mount.
    pub mount_uuid: String,
    /// The list that asked for it.
    pub list_id: Option<u64>,
    /// `done`, `skipped` or `failed`.
    pub outcome: String,
    /// Why, for all but done.
    pub reason: Option<String>,
    /// The chain value after this entry, in hex.
    pub chain: String,
}

/// `POST /donjon/v1/blocks/{hash}/untrash?mount_uuid=`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UntrashOutcome {
    /// The block.
    pub hash: String,
    /// What was done on each mount that was tried.
    pub mounts: Vec<Untrashed>,
}

/// One mount in [`UntrashOutcome`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Untrashed {
    /// The mount.
    pub mount_uuid: String,
    /// What was done.
    pub result: UntrashResult,
    /// What the device said, if it failed.
    pub detail: Option<String>,
}

/// What an untrash did on one mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UntrashResult {
    /// The trashed copy is live again, with a new mtime.
    Restored,
    /// A live copy was there; it stays, with a new mtime.
    AlreadyLive,
    /// The trash holds no copy.
    NotInTrash,
    /// It could not be done.
    Failed,
}
