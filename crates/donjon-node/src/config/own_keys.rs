//! What only Donjon knows: the section `Donjon`, which Go programs ignore with a warning.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::api::COUNT_MAX;
use super::duration::DURATION_MAX;
use super::list_policy::ListPolicy;
use super::problem::Notice;
use super::report::Report;
use super::section::{OtherKeys, Section};

/// `SyncWrites`: whether a stored block survives a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Contents, name and directory are synced before a write is acknowledged.
    Sync,
    /// They are left to the operating system, as Go's keepstore does. Blocks may be lost after they were acknowledged.
    NoSync,
}

/// `AnonymousWrites`: who may store blocks while signing is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteAuth {
    /// Whoever shows any token.
    RequireToken,
    /// Everybody, as in Go.
    AllowAnonymous,
}

/// Limits that the Go keepstore does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeLimits {
    /// `MaxConnections`: open connections; beyond it new ones wait to be accepted.
    pub max_connections: NonZeroUsize,
    /// `MaxListItems`: items in one trash or pull list; a longer list is refused.
    pub max_list_items: NonZeroUsize,
    /// `BodyStallTimeout`: how long a body may stand still, in either direction, before its request is given up.
    pub body_stall_timeout: Duration,
    /// `ShutdownTimeout`: how long requests in hand may take after SIGTERM.
    pub shutdown_timeout: Duration,
}

/// Everything in the section.
pub(super) struct OwnKeys<'a> {
    pub(super) durability: Durability,
    pub(super) write_auth: WriteAuth,
    pub(super) limits: NodeLimits,
    pub(super) lists: ListPolicy,
    /// Read where the rest of what a balancer needs is read.
    pub(super) balance: Section<'a>,
}

/// A list of ten million items is a hundred times what keep-balance sends, and takes about half a gibibyte.
const LIST_ITEMS: usize = 10_000_000;

/// The longest list that may be configured: a thousand million items.
const LIST_ITEMS_MAX: usize = 1_000_000_000;

impl<'a> OwnKeys<'a> {
    pub(super) fn read(cluster: &mut Section<'a>, report: &mut Report) -> Self {
        let mut section = cluster.section("Donjon", report);
        let sync = section.flag("SyncWrites", true, report);
        if !sync {
            report.warn(&section.child("SyncWrites"), Notice::NoSync);
        }
        let anonymous = section.flag("AnonymousWrites", false, report);
        if anonymous {
            report.warn(&section.child("AnonymousWrites"), Notice::AnonymousWrites);
        }
        let limits = NodeLimits::read(&mut section, report);
        let lists = ListPolicy::read(&mut section, report);
        let balance = section.section("Balance", report);
        section.close(OtherKeys::Unknown, report);
        OwnKeys {
            durability: if sync { Durability::Sync } else { Durability::NoSync },
            write_auth: if anonymous { WriteAuth::AllowAnonymous } else { WriteAuth::RequireToken },
            limits,
            lists,
            balance,
        }
    }
}

impl NodeLimits {
    fn read(section: &mut Section<'_>, report: &mut Report) -> Self {
        let half_a_minute = Duration::from_secs(30);
        let at_least_a_millisecond = Duration::from_millis(1)..=DURATION_MAX;
        let connections = section.number("MaxConnections", 4096, 1..=COUNT_MAX, report);
        let items = section.number("MaxListItems", LIST_ITEMS, 1..=LIST_ITEMS_MAX, report);
        NodeLimits {
            max_connections: NonZeroUsize::new(connections).unwrap_or(NonZeroUsize::MIN),
            max_list_items: NonZeroUsize::new(items).unwrap_or(NonZeroUsize::MIN),
            body_stall_timeout: section.duration(
                "BodyStallTimeout",
                half_a_minute,
                at_least_a_millisecond,
                report,
            ),
            shutdown_timeout: section.duration(
                "ShutdownTimeout",
                half_a_minute,
                Duration::ZERO..=DURATION_MAX,
                report,
            ),
        }
    }
}
