//! What Donjon has beside the protocol: everything below `/donjon/v1`. `docs/api/donjon-v1.yaml` describes it.

use keep_rules::{BlockHash, Timestamp};

use super::query::Query;
use crate::status::{ListName, OutcomeKind};

/// The node at one glance.
pub const STATUS: &str = "/donjon/v1/status";
/// Whether trashing and emptying are stopped.
pub const FREEZE: &str = "/donjon/v1/freeze";

/// What a POST does to a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListAction {
    /// Nothing more is begun, until it is resumed.
    Pause,
    /// It goes on after a pause.
    Resume,
    /// What waits is taken off.
    Cancel,
}

impl ListAction {
    /// The last word of its path.
    pub const fn as_str(self) -> &'static str {
        match self {
            ListAction::Pause => "pause",
            ListAction::Resume => "resume",
            ListAction::Cancel => "cancel",
        }
    }
}

/// Which records of the ledger to read. The default is all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LedgerQuery<'a> {
    /// Of this block.
    pub block: Option<BlockHash>,
    /// That this list asked for. Trash and pull lists count for themselves: name the operation, too.
    pub list: Option<u64>,
    /// `trash`, `untrash`, `empty` or `pull`.
    pub operation: Option<&'a str>,
    /// That ended so.
    pub outcome: Option<OutcomeKind>,
    /// On this mount.
    pub mount: Option<&'a str>,
    /// At this instant or later.
    pub since: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
    /// At most so many, the oldest.
    pub limit: Option<u64>,
}

/// The books of the current list.
pub const fn list_status(name: ListName) -> &'static str {
    match name {
        ListName::Trash => "/donjon/v1/lists/trash",
        ListName::Pull => "/donjon/v1/lists/pull",
    }
}

/// The books of a list that was received before, or of the current one, by its id.
pub fn list_by_id(name: ListName, id: u64) -> String {
    format!("{}/{id}", list_status(name))
}

/// One page of the items that wait.
pub fn list_items(name: ListName, offset: u64, limit: u64) -> String {
    Query::of(format!("{}/items", list_status(name)))
        .with("offset", Some(offset))
        .with("limit", Some(limit))
        .end()
}

/// The waiting items of one block.
pub fn list_item(name: ListName, hash: BlockHash) -> String {
    format!("{}/items/{hash}", list_status(name))
}

/// One page of what became of items.
pub fn list_outcomes(name: ListName, after: u64, limit: u64) -> String {
    outcomes(format!("{}/outcomes", list_status(name)), after, limit)
}

/// Where a list is paused, resumed or cancelled.
pub fn list_action(name: ListName, action: ListAction) -> String {
    format!("{}/{}", list_status(name), action.as_str())
}

/// Workers and rates of a list.
pub fn list_settings(name: ListName) -> String {
    format!("{}/settings", list_status(name))
}

/// Where a held list is let through: exactly the one of this id and digest.
pub fn list_release(name: ListName, id: u64, digest: &str) -> String {
    Query::of(format!("{}/{id}/release", list_status(name))).with("digest", Some(digest)).end()
}

/// The books of the last dry run.
pub fn dry_run_status(name: ListName) -> String {
    format!("{}/dry-run", list_status(name))
}

/// One page of what a dry run decided.
pub fn dry_run_outcomes(name: ListName, after: u64, limit: u64) -> String {
    outcomes(format!("{}/dry-run/outcomes", list_status(name)), after, limit)
}

/// Records of the ledger.
pub fn ledger(query: LedgerQuery<'_>) -> String {
    Query::of("/donjon/v1/ledger")
        .with("block", query.block)
        .with("list", query.list)
        .with("operation", query.operation)
        .with("outcome", query.outcome.map(OutcomeKind::as_str))
        .with("mount", query.mount)
        .with("since_ns", query.since.map(Timestamp::as_nanos))
        .with("until_ns", query.until.map(Timestamp::as_nanos))
        .with("limit", query.limit)
        .end()
}

/// Where the ledger is verified; `head` is a chain value that it must lead through.
pub fn ledger_verify(head: Option<&str>) -> String {
    Query::of("/donjon/v1/ledger/verify").with("head", head).end()
}

/// What is known of a block.
pub fn block_explained(hash: BlockHash) -> String {
    format!("/donjon/v1/blocks/{hash}")
}

/// Where a block is untrashed: on one mount, or on every writable one.
pub fn block_untrash(hash: BlockHash, mount_uuid: Option<&str>) -> String {
    Query::of(format!("{}/untrash", block_explained(hash))).with("mount_uuid", mount_uuid).end()
}

fn outcomes(path: String, after: u64, limit: u64) -> String {
    Query::of(path).with("after", Some(after)).with("limit", Some(limit)).end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_named_in_the_query() {
        assert_eq!(
            list_items(ListName::Trash, 5, 10),
            "/donjon/v1/lists/trash/items?offset=5&limit=10"
        );
        assert_eq!(
            list_outcomes(ListName::Pull, 7, 10),
            "/donjon/v1/lists/pull/outcomes?after=7&limit=10"
        );
    }

    #[test]
    fn only_what_is_wanted_of_the_ledger_is_named() {
        assert_eq!(ledger(LedgerQuery::default()), "/donjon/v1/ledger");
        let query = LedgerQuery {
            list: Some(7),
            operation: Some("trash"),
            outcome: Some(OutcomeKind::Failed),
            since: Some(Timestamp::from_nanos(-5)),
            ..LedgerQuery::default()
        };
        assert_eq!(
            ledger(query),
            "/donjon/v1/ledger?list=7&operation=trash&outcome=failed&since_ns=-5"
        );
    }

    #[test]
    fn a_strange_digest_stays_in_its_parameter() {
        assert_eq!(
            list_release(ListName::Trash, 3, "ab&c=/"),
            "/donjon/v1/lists/trash/3/release?digest=ab%26c%3D%2F"
        );
    }
}
