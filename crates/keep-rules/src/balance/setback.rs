//! When a copy that could not be made is ordered again (spec section 7, W14).
//!
//! A pull that failed may succeed the next time: a node was away, a disk was full. One that fails again and again is noise, and
//! takes the place of others. What keeps a block safe is tried in every run all the same; what only puts it in a better place
//! waits, longer each time, but never for ever.

use std::time::Duration;

use crate::time::Timestamp;

use super::reason::PullReason;

/// The wait after the first failure. Each further one doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(3600);

/// The longest wait for a copy that is missing in a class, while there are enough in all.
const WAIT_IN_CLASS_MAX: Duration = Duration::from_secs(24 * 3600);

/// The longest wait for a copy at a better place.
const WAIT_FOR_BETTER_PLACE_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// A pull to one mount that failed in each of the last lists that had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setback {
    /// In how many lists.
    pub failures: u32,
    /// When it failed last.
    pub last: Timestamp,
}

/// Whether a pull is ordered now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It is.
    Now,
    /// It waits.
    Wait {
        /// Until when, at most.
        until: Timestamp,
    },
}

/// The longest wait for a pull of this kind: none, if the block has fewer copies than wanted.
pub const fn longest_wait(reason: PullReason) -> Duration {
    match reason {
        PullReason::TooFewCopies => Duration::ZERO,
        PullReason::TooFewInClass => WAIT_IN_CLASS_MAX,
        PullReason::BetterPlace => WAIT_FOR_BETTER_PLACE_MAX,
    }
}

/// Whether a pull that failed before is ordered again at `now`. Nothing is trashed sooner because of it: decisions never count
/// on pulls.
///
/// # Examples
/// ```
/// use keep_rules::Timestamp;
/// use keep_rules::balance::{Attempt, PullReason, Setback, attempt};
/// let setback = Setback { failures: 3, last: Timestamp::from_seconds(1_800_000_000) };
/// let soon = Timestamp::from_seconds(1_800_000_060);
/// assert_eq!(attempt(PullReason::TooFewCopies, setback, soon), Attempt::Now);
/// let until = Timestamp::from_seconds(1_800_000_000 + 4 * 3600);
/// assert_eq!(attempt(PullReason::BetterPlace, setback, soon), Attempt::Wait { until });
/// ```
pub fn attempt(reason: PullReason, setback: Setback, now: Timestamp) -> Attempt {
    let doublings = setback.failures.saturating_sub(1).min(16);
    let wait = FIRST_WAIT.saturating_mul(1 << doublings).min(longest_wait(reason));
    // A node's clock may be ahead of ours: that must not make the wait longer.
    let until = setback.last.min(now).after(wait);
    if setback.failures == 0 || until <= now { Attempt::Now } else { Attempt::Wait { until } }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AT: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const HOUR: Duration = Duration::from_secs(3600);

    #[track_caller]
    fn check(reason: PullReason, failures: u32, passed: Duration, expected: Attempt) {
        assert_eq!(attempt(reason, Setback { failures, last: AT }, AT.after(passed)), expected);
    }

    #[test]
    fn a_short_block_never_waits() {
        for failures in [0, 1, 7, u32::MAX] {
            check(PullReason::TooFewCopies, failures, Duration::ZERO, Attempt::Now);
        }
    }

    #[test]
    fn a_better_place_waits_longer_each_time_and_a_week_at_most() {
        let wait = |span| Attempt::Wait { until: AT.after(span) };
        check(PullReason::BetterPlace, 1, HOUR / 2, wait(HOUR));
        check(PullReason::BetterPlace, 1, HOUR, Attempt::Now);
        check(PullReason::BetterPlace, 2, HOUR, wait(2 * HOUR));
        check(PullReason::BetterPlace, 5, HOUR, wait(16 * HOUR));
        check(PullReason::BetterPlace, 30, HOUR, wait(7 * 24 * HOUR));
        check(PullReason::BetterPlace, u32::MAX, 7 * 24 * HOUR, Attempt::Now);
        check(PullReason::TooFewInClass, 30, HOUR, wait(24 * HOUR));
    }

    fn reason() -> impl Strategy<Value = PullReason> {
        proptest::sample::select(PullReason::ALL)
    }

    proptest! {
        #[test]
        fn waits_are_bounded_and_grow(
            reason in reason(),
            failures: u32,
            last in -1_000_000_000_000_i64..4_000_000_000,
            now in 0_i64..4_000_000_000,
        ) {
            let now = Timestamp::from_seconds(now);
            let setback = Setback { failures, last: Timestamp::from_seconds(last) };
            let until = |setback| match attempt(reason, setback, now) {
                Attempt::Now => now,
                Attempt::Wait { until } => until,
            };
            // Whatever a node says of its clock, it is tried again within the longest wait.
            prop_assert!(until(setback) <= now.after(longest_wait(reason)));
            let more = Setback { failures: failures.saturating_add(1), ..setback };
            prop_assert!(until(setback) <= until(more));
            let at = until(setback);
            prop_assert_eq!(attempt(reason, Setback { last: setback.last.min(now), ..setback }, at), Attempt::Now);
        }
    }
}
