//! Where things are on a node: every path of the protocol, and Donjon's own beside them (spec section 2.2).
//!
//! What comes from outside is percent-encoded, so a strange locator or UUID cannot reach another route.

use keep_rules::HashPrefix;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::status::ListName;

/// Every mount of the node.
pub const MOUNTS: &str = "/mounts";
/// Whether the process answers; it tests no volume (spec section 9).
pub const HEALTH: &str = "/_health/ping";
/// Metrics as Prometheus text.
pub const METRICS: &str = "/metrics";
/// Donjon's own: the node at one glance.
pub const STATUS: &str = "/donjon/v1/status";

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

/// Donjon's own: the books of a list.
pub const fn list_status(name: ListName) -> &'static str {
    match name {
        ListName::Trash => "/donjon/v1/lists/trash",
        ListName::Pull => "/donjon/v1/lists/pull",
    }
}

/// Donjon's own: one page of the items that wait.
pub fn list_items(name: ListName, offset: u64, limit: u64) -> String {
    format!("{}/items?offset={offset}&limit={limit}", list_status(name))
}

/// Donjon's own: one page of what became of items.
pub fn list_outcomes(name: ListName, after: u64, limit: u64) -> String {
    format!("{}/outcomes?after={after}&limit={limit}", list_status(name))
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
}
