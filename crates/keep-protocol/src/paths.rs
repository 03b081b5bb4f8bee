//! Where things are on a node: every path of the protocol, and Donjon's own beside them (spec section 2.2).
//!
//! What comes from outside is percent-encoded, so a strange locator or UUID cannot reach another route.

mod own;
mod query;

use keep_rules::HashPrefix;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::status::ListName;

pub use own::{
    FREEZE, LedgerQuery, ListAction, STATUS, block_explained, block_untrash, dry_run_outcomes,
    dry_run_status, ledger, ledger_verify, list_action, list_by_id, list_item, list_items,
    list_outcomes, list_release, list_settings, list_status,
};

/// Every mount of the node.
pub const MOUNTS: &str = "/mounts";
/// Whether the process answers; it tests no volume (spec section 9).
pub const HEALTH: &str = "/_health/ping";
/// Metrics as Prometheus text.
pub const METRICS: &str = "/metrics";

/// What may stand in a path segment unencoded: hashes, signatures and mount UUIDs stay readable.
const SEGMENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'+').remove(b'-').remove(b'_').remove(b'.').remove(b'@').remove(b'~');

/// The block that `locator` names.
///
/// # Examples
/// ```
/// use keep_protocol::paths;
/// assert_eq!(paths::block("acbd18db4cc2f85cedef654fccc4a4d8+3"), "/acbd18db4cc2f85cedef654fccc4a4d8+3");
/// assert_eq!(paths::block("acbd18db4cc2f85cedef654fccc4a4d8+3+K/../index"), "/acbd18db4cc2f85cedef654fccc4a4d8+3+K%2F..%2Findex");
/// ```
pub fn block(locator: &str) -> String {
    format!("/{}", segment(locator))
}

/// Where a trashed block is recovered.
pub fn untrash(locator: &str) -> String {
    format!("/untrash/{}", segment(locator))
}

/// The blocks of every mount whose hash begins with `prefix`.
pub fn index(prefix: HashPrefix) -> String {
    format!("/index/{prefix}")
}

/// The blocks of one mount whose hash begins with `prefix`.
pub fn mount_blocks(mount_uuid: &str, prefix: HashPrefix) -> String {
    format!("/mounts/{}/blocks/{prefix}", segment(mount_uuid))
}

/// Where a work list is replaced.
pub const fn list(name: ListName) -> &'static str {
    match name {
        ListName::Trash => "/trash",
        ListName::Pull => "/pull",
    }
}

/// Where a work list is decided without being carried out: Donjon's own. A plain keepstore takes it for real.
pub const fn list_dry_run(name: ListName) -> &'static str {
    match name {
        ListName::Trash => "/trash?dry_run=1",
        ListName::Pull => "/pull?dry_run=1",
    }
}

fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_locator_stays_readable() {
        let signed =
            "acbd18db4cc2f85cedef654fccc4a4d8+3+A89118b78732c33104a4d6231e8b5a5fa1e4301e3@7fffffff";
        assert_eq!(block(signed), format!("/{signed}"));
        assert_eq!(untrash(signed), format!("/untrash/{signed}"));
    }

    #[test]
    fn strange_mounts_stay_in_their_segment() {
        assert_eq!(mount_blocks("../index?", HashPrefix::ALL), "/mounts/..%2Findex%3F/blocks/");
    }
}
