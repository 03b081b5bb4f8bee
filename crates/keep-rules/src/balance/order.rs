//! Which of the copies that were decided are ordered now, and from where, given what failed before (spec section 7, W14).

use crate::time::Timestamp;

use super::facts::{Place, Replica};
use super::index::ServerIndex;
use super::layout::Layout;
use super::reason::PullReason;
use super::setback::{Attempt, Setback, attempt};

/// What becomes of a pull that was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullOrder {
    /// It never failed: it is ordered from the sources of the decision.
    First,
    /// It failed before, and is ordered again from [`every_source`].
    Again,
    /// The same, and the block has fewer copies than wanted: it counts as one that cannot be pulled.
    InNeed,
    /// It failed before, and its block can do without: it is not ordered now.
    Wait {
        /// Until when, at most.
        until: Timestamp,
    },
}

/// What becomes of a pull for this reason at `now`, if it failed so far as `failed` has it.
///
/// # Examples
/// ```
/// use keep_rules::Timestamp;
/// use keep_rules::balance::{PullOrder, PullReason, Setback, pull_order};
/// let last = Timestamp::from_seconds(1_800_000_000);
/// let failed = Some(Setback { failures: 1, last });
/// assert_eq!(pull_order(PullReason::TooFewCopies, failed, last), PullOrder::InNeed);
/// assert_eq!(pull_order(PullReason::TooFewCopies, None, last), PullOrder::First);
/// ```
pub fn pull_order(reason: PullReason, failed: Option<Setback>, now: Timestamp) -> PullOrder {
    let Some(setback) = failed else { return PullOrder::First };
    match (attempt(reason, setback, now), reason) {
        (Attempt::Wait { until }, _) => PullOrder::Wait { until },
        (Attempt::Now, PullReason::TooFewCopies) => PullOrder::InNeed,
        (Attempt::Now, PullReason::TooFewInClass | PullReason::BetterPlace) => PullOrder::Again,
    }
}

/// The servers that a decision named, and behind them all others with a replica, also with one that does not stay: after a
/// failure any source is better than none. Each is named once.
pub fn every_source(
    layout: &Layout,
    named: &[ServerIndex],
    replicas: &[Replica],
) -> Vec<ServerIndex> {
    let mut sources = named.to_vec();
    for replica in replicas {
        let views = match &replica.place {
            Place::Device(device) => layout.device(*device).views(),
            Place::Mount(mount) => std::slice::from_ref(mount),
        };
        for view in views {
            let server = layout.mount(*view).server();
            if !sources.contains(&server) {
                sources.push(server);
            }
        }
    }
    sources
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::balance::{Allows, MountFacts, ServerAccess, ServerFacts, Standing};
    use crate::{ClassSet, Replication};

    const AT: Timestamp = Timestamp::from_seconds(1_800_000_000);

    #[test]
    fn what_failed_is_ordered_again_or_waits_by_what_the_block_needs() {
        let soon = AT.after(Duration::from_secs(60));
        let later = AT.after(Duration::from_secs(3600));
        let wait = PullOrder::Wait { until: later };
        for (reason, now, failures, expected) in [
            (PullReason::TooFewCopies, soon, None, PullOrder::First),
            (PullReason::TooFewInClass, soon, None, PullOrder::First),
            (PullReason::BetterPlace, soon, None, PullOrder::First),
            (PullReason::TooFewCopies, soon, Some(1), PullOrder::InNeed),
            (PullReason::TooFewCopies, soon, Some(u32::MAX), PullOrder::InNeed),
            (PullReason::TooFewInClass, soon, Some(1), wait),
            (PullReason::BetterPlace, soon, Some(1), wait),
            (PullReason::TooFewInClass, later, Some(1), PullOrder::Again),
            (PullReason::BetterPlace, later, Some(1), PullOrder::Again),
        ] {
            let failed = failures.map(|failures| Setback { failures, last: AT });
            assert_eq!(pull_order(reason, failed, now), expected, "{reason:?} {failures:?}");
        }
    }

    /// Servers 0 to 3 with a mount each; those of 2 and 3 are views of one volume.
    fn layout() -> Layout {
        let server = |at: u8| ServerFacts {
            uuid: format!("server-{at}"),
            url: format!("http://keep{at}:25107"),
            access: ServerAccess::ReadWrite,
            mounts: vec![MountFacts {
                uuid: format!("mount-{}", at.min(2)).parse().unwrap(),
                device_id: None,
                allows: Allows::WriteAndTrash,
                replication: Replication::ONE,
                classes: ClassSet::from_header("default"),
            }],
        };
        Layout::new((0..4).map(server).collect()).unwrap()
    }

    #[test]
    fn after_a_failure_every_server_with_a_replica_is_a_source_behind_those_that_were_named() {
        let layout = layout();
        let mount = |at| layout.mount_index(at).unwrap();
        let server = |at| layout.mount(mount(at)).server();
        let on = |place, standing| Replica { place, mtime: AT, standing };
        let device = |at| on(Place::Device(layout.mount(mount(at)).device()), Standing::Sound);
        let view = |at| on(Place::Mount(mount(at)), Standing::Doomed);
        for (named, replicas, expected) in [
            (&[][..], vec![], &[][..]),
            (&[1], vec![], &[1]),
            (&[1], vec![device(1)], &[1]),
            (&[1], vec![device(0), device(1)], &[1, 0]),
            (&[1], vec![device(2)], &[1, 2, 3]),
            (&[3], vec![device(2), view(0)], &[3, 2, 0]),
            (&[], vec![view(3), view(3)], &[3]),
        ] {
            let named: Vec<ServerIndex> = named.iter().map(|at| server(*at)).collect();
            let expected: Vec<ServerIndex> = expected.iter().map(|at| server(*at)).collect();
            assert_eq!(every_source(&layout, &named, &replicas), expected);
        }
    }
}
