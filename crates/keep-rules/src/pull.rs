//! Should this node fetch that block, from whom, onto which mount? (spec section 5.3)

use std::fmt;

use crate::block::BlockHash;
use crate::mount::{Access, MountUuid};
use crate::rendezvous::{Client, sort_services};
use crate::token::Token;

/// The token that nodes of one cluster show to each other. It grants nothing: the signature made with it does (spec section 5.3).
pub static PULL_TOKEN: Token =
    Token::fixed("keepstore-token-used-for-pulling-data-from-same-cluster");

/// Why an item of a pull list is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SkipReason {
    /// The item names no block.
    BadLocator,
    /// The item names no server to fetch from.
    NoServers,
    /// The item names a mount that this node does not have.
    UnknownMount,
    /// The mount that the item names does not allow writing.
    MountForbids,
    /// The item names no mount, and none of this node's allows writing.
    NoWritableMount,
}

impl SkipReason {
    /// Every reason, in the order in which they are looked for.
    pub const ALL: [SkipReason; 5] = [
        SkipReason::BadLocator,
        SkipReason::NoServers,
        SkipReason::UnknownMount,
        SkipReason::MountForbids,
        SkipReason::NoWritableMount,
    ];

    /// A label for metrics and scripts.
    pub const fn as_str(self) -> &'static str {
        match self {
            SkipReason::BadLocator => "bad_locator",
            SkipReason::NoServers => "no_servers",
            SkipReason::UnknownMount => "unknown_mount",
            SkipReason::MountForbids => "mount_forbids",
            SkipReason::NoWritableMount => "no_writable_mount",
        }
    }

    /// What it means, and what to do about it.
    pub const fn explanation(self) -> &'static str {
        match self {
            SkipReason::BadLocator => {
                "The item names no block: its locator is malformed. Look for the program that made the list."
            }
            SkipReason::NoServers => {
                "The item names no server to fetch the block from. Look for the program that made the list."
            }
            SkipReason::UnknownMount => {
                "This node has no mount of that UUID. If volumes were moved, let the balancer run again with the new config."
            }
            SkipReason::MountForbids => {
                "The mount is read-only here. Let the balancer run again with the config that this node has."
            }
            SkipReason::NoWritableMount => {
                "All mounts of this node are read-only, so it cannot take blocks. Add a writable volume."
            }
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Which mount takes the block: the index, in `mounts`, of the one named, or of the first that allows writing if none is named.
///
/// `mounts` are all the node's mounts, in the order of [`sort_mounts`](crate::rendezvous::sort_mounts).
///
/// # Errors
/// [`SkipReason::UnknownMount`], [`SkipReason::MountForbids`] or [`SkipReason::NoWritableMount`].
pub fn choose_mount<'m>(
    named: Option<&MountUuid>,
    mounts: impl IntoIterator<Item = (&'m MountUuid, Access)>,
) -> Result<usize, SkipReason> {
    let mut mounts = mounts.into_iter().enumerate();
    let Some(named) = named else {
        let writable = mounts.find(|(_, (_, access))| access.allows_write());
        return writable.map(|(index, _)| index).ok_or(SkipReason::NoWritableMount);
    };
    match mounts.find(|(_, (uuid, _))| *uuid == named) {
        None => Err(SkipReason::UnknownMount),
        Some((_, (_, access))) if !access.allows_write() => Err(SkipReason::MountForbids),
        Some((index, _)) => Ok(index),
    }
}

/// Puts the URLs of an item in the order in which to ask them: as the Go client would, each URL standing in for a service's UUID.
///
/// # Errors
/// [`SkipReason::NoServers`] if there is none.
pub fn sort_servers<S: AsRef<str>>(hash: BlockHash, servers: &mut [S]) -> Result<(), SkipReason> {
    if servers.is_empty() {
        return Err(SkipReason::NoServers);
    }
    sort_services(hash, servers, Client::Go, S::as_ref);
    Ok(())
}

/// The first locator of a pull list is a bare hash. Status 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the first item's locator has no size; pull items name blocks as <hash>+<size>")]
pub struct BareHash;

/// Whether a pull list that begins with an item of this locator is taken at all: old balancers, which send bare hashes, are
/// found out by the first item (spec section 2.9).
///
/// # Errors
/// [`BareHash`] if the list must be refused.
pub fn admit_list(first_locator: &str) -> Result<(), BareHash> {
    if first_locator.parse::<BlockHash>().is_ok() { Err(BareHash) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uuid(text: &str) -> MountUuid {
        text.parse().unwrap()
    }

    #[track_caller]
    fn check(named: Option<&str>, mounts: &[(&str, Access)], expected: Result<usize, SkipReason>) {
        let mounts: Vec<_> = mounts.iter().map(|(text, access)| (uuid(text), *access)).collect();
        let named = named.map(uuid);
        assert_eq!(
            choose_mount(named.as_ref(), mounts.iter().map(|(uuid, access)| (uuid, *access))),
            expected
        );
    }

    #[test]
    fn the_named_mount_takes_the_block() {
        check(Some("b"), &[("a", Access::ReadWrite), ("b", Access::ReadWrite)], Ok(1));
    }

    #[test]
    fn a_named_mount_must_be_here_and_allow_writing() {
        check(Some("c"), &[("a", Access::ReadWrite)], Err(SkipReason::UnknownMount));
        check(Some("a"), &[("a", Access::ReadAndTrash)], Err(SkipReason::MountForbids));
        check(
            Some("a"),
            &[("a", Access::ReadOnly), ("b", Access::ReadWrite)],
            Err(SkipReason::MountForbids),
        );
    }

    #[test]
    fn without_a_name_the_first_writable_mount_takes_it() {
        check(
            None,
            &[("a", Access::ReadOnly), ("b", Access::ReadWrite), ("c", Access::ReadWrite)],
            Ok(1),
        );
        check(None, &[("a", Access::ReadAndTrash)], Err(SkipReason::NoWritableMount));
        check(None, &[], Err(SkipReason::NoWritableMount));
    }

    #[test]
    fn an_item_without_servers_is_skipped() {
        assert_eq!(sort_servers::<&str>(BlockHash::EMPTY, &mut []), Err(SkipReason::NoServers));
    }

    #[test]
    fn servers_are_asked_in_descending_order_of_weight() {
        let mut servers = ["http://keep0:25107", "http://keep1:25107", "http://keep2:25107"];
        sort_servers(BlockHash::EMPTY, &mut servers).unwrap();
        let weights = servers
            .map(|url| crate::rendezvous::Weight::of_service(BlockHash::EMPTY, url, Client::Go));
        assert!(weights[0] > weights[1] && weights[1] > weights[2], "{weights:?}");
    }

    #[test]
    fn a_list_that_begins_with_a_bare_hash_is_refused() {
        assert_eq!(admit_list("acbd18db4cc2f85cedef654fccc4a4d8"), Err(BareHash));
        assert_eq!(admit_list("acbd18db4cc2f85cedef654fccc4a4d8+3"), Ok(()));
        assert_eq!(admit_list("no locator: skipped when its turn comes"), Ok(()));
    }

    #[test]
    fn reasons_have_labels_of_their_own() {
        let labels: std::collections::BTreeSet<_> =
            SkipReason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(labels.len(), SkipReason::ALL.len());
    }
}
