//! After how long an absence of its node is a trash list no longer gone on with?
//!
//! A node is away while it is stopped, and while it is suspended. Nobody can correct its list then: other copies may be lost
//! meanwhile, or what it names be wanted again.

use std::fmt;
use std::time::Duration;

use crate::Timestamp;

/// How far the last sign of life may lie in the future: clocks are corrected.
const AHEAD_MAX: Duration = Duration::from_secs(60);

/// A node that runs and gives no sign for no longer than this is busy, not away.
const BUSY: Duration = Duration::from_secs(5);

/// How often a node that runs notes that it lives, at least.
const BEAT_MAX: Duration = Duration::from_secs(10);

/// The last sign of life that a node has left before it was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastSign {
    /// It lived then, by its clock.
    At(Timestamp),
    /// There is none.
    Missing,
    /// There is one, and it cannot be read.
    Unreadable,
    /// It lived, and says that what is stored of its trash list may not be believed: it could not read it, or could not
    /// write that it is held.
    InDoubt,
}

/// Why a trash list is not gone on with. Shows as a part of a sentence: "the node was away for 1h, longer than …".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The node was away for so long, and may be away for so long.
    Away {
        /// How long it was away.
        away: Duration,
        /// How long it may be.
        within: Duration,
    },
    /// The node runs, and stood still for so long: longer than it may while it runs.
    StoodStill {
        /// How long it stood still.
        stood: Duration,
        /// How long it may.
        within: Duration,
    },
    /// There is no sign of life.
    NoSign,
    /// The sign of life cannot be read.
    Unreadable,
    /// The sign of life is so much later than the time now.
    Ahead(Duration),
    /// The process before could not read the list, or could not write that it is held.
    Unsettled,
    /// No absence is short enough.
    Always,
}

/// Whether a node that lived at `last` may go on with its trash list at `now`. It may if it was away no longer than
/// `within`; never, if that is zero.
///
/// # Errors
/// Why not: when in doubt, the list waits.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use keep_rules::Timestamp;
/// use keep_rules::absence::{LastSign, may_go_on};
///
/// let (last, within) = (LastSign::At(Timestamp::from_seconds(1_000)), Duration::from_secs(300));
/// assert!(may_go_on(last, Timestamp::from_seconds(1_300), within).is_ok());
/// let doubt = may_go_on(last, Timestamp::from_seconds(4_661), within).unwrap_err();
/// assert_eq!(
///     doubt.to_string(),
///     "the node was away for 1h1m1s, longer than Donjon.ResumeTrashWithin (5m) allows"
/// );
/// ```
pub fn may_go_on(last: LastSign, now: Timestamp, within: Duration) -> Result<(), Doubt> {
    if within.is_zero() {
        return Err(Doubt::Always);
    }
    let last = match last {
        LastSign::At(last) => last,
        LastSign::InDoubt => return Err(Doubt::Unsettled),
        LastSign::Missing => return Err(Doubt::NoSign),
        LastSign::Unreadable => return Err(Doubt::Unreadable),
    };
    let away = gap(last, now)?;
    if away > within { Err(Doubt::Away { away, within }) } else { Ok(()) }
}

/// Whether a node that runs, and lived at `last`, may carry on with its trash list at `now`. It may if it stood still no
/// longer than `within`, or than five seconds if that is less: a process is suspended, a machine paused or asleep, and
/// does not know it.
///
/// # Errors
/// Why not: when in doubt, the list waits.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use keep_rules::Timestamp;
/// use keep_rules::absence::may_carry_on;
///
/// let (last, within) = (Timestamp::from_seconds(1_000), Duration::from_secs(300));
/// assert!(may_carry_on(last, Timestamp::from_seconds(1_300), within).is_ok());
/// let doubt = may_carry_on(last, Timestamp::from_seconds(4_600), within).unwrap_err();
/// assert!(doubt.to_string().starts_with("the node stood still for 1h "));
/// ```
pub fn may_carry_on(last: Timestamp, now: Timestamp, within: Duration) -> Result<(), Doubt> {
    let within = within.max(BUSY);
    let stood = gap(last, now)?;
    if stood > within { Err(Doubt::StoodStill { stood, within }) } else { Ok(()) }
}

/// How often a node that runs notes that it lives, so that [`may_carry_on`] does not take its idleness for an absence.
#[must_use]
pub fn beat_period(within: Duration) -> Duration {
    (within.max(BUSY) / 4).min(BEAT_MAX)
}

/// How long it was from `last` to `now`.
///
/// # Errors
/// The clock cannot tell: it was set back.
fn gap(last: Timestamp, now: Timestamp) -> Result<Duration, Doubt> {
    let ahead = last.since(now);
    if ahead > AHEAD_MAX { Err(Doubt::Ahead(ahead)) } else { Ok(now.since(last)) }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNKNOWN: &str = "it is not known for how long the node was away";
        match self {
            Doubt::Away { away, within } => write!(
                f,
                "the node was away for {}, longer than Donjon.ResumeTrashWithin ({}) allows",
                Span(*away),
                Span(*within)
            ),
            Doubt::StoodStill { stood, within } => write!(
                f,
                "the node stood still for {} (it was suspended, or its clock was set), longer than \
                 Donjon.ResumeTrashWithin allows while it runs ({})",
                Span(*stood),
                Span(*within)
            ),
            Doubt::NoSign => write!(f, "{UNKNOWN}: its state directory has no file alive"),
            Doubt::Unreadable => {
                write!(f, "{UNKNOWN}: the file alive in its state directory cannot be read")
            }
            Doubt::Ahead(ahead) => {
                write!(f, "{UNKNOWN}: its clock is {} behind its last sign of life", Span(*ahead))
            }
            Doubt::Unsettled => f.write_str(
                "the start before could not read this list, or could not write that it is held",
            ),
            Doubt::Always => f.write_str(
                "Donjon.ResumeTrashWithin is 0s, which holds a trash list at every start",
            ),
        }
    }
}

/// Hours, minutes and seconds; what is less than a second to the millisecond.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        if seconds == 0 {
            return write!(f, "{}ms", self.0.subsec_millis());
        }
        let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
        parts.iter().filter(|(n, _)| *n > 0).try_for_each(|(n, unit)| write!(f, "{n}{unit}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const NANO: Duration = Duration::from_nanos(1);
    const WITHIN: Duration = Duration::from_secs(300);

    fn after(away: Duration) -> Result<(), Doubt> {
        may_go_on(LastSign::At(NOW.before(away)), NOW, WITHIN)
    }

    #[test]
    fn a_short_absence_is_none_and_a_longer_one_is_told() {
        assert_eq!(after(Duration::ZERO), Ok(()));
        assert_eq!(after(WITHIN), Ok(()));
        let away = WITHIN + NANO;
        assert_eq!(after(away), Err(Doubt::Away { away, within: WITHIN }));
    }

    #[test]
    fn what_is_not_known_is_no_short_absence() {
        assert_eq!(may_go_on(LastSign::Missing, NOW, Duration::MAX), Err(Doubt::NoSign));
        assert_eq!(may_go_on(LastSign::Unreadable, NOW, Duration::MAX), Err(Doubt::Unreadable));
        assert_eq!(may_go_on(LastSign::InDoubt, NOW, Duration::MAX), Err(Doubt::Unsettled));
    }

    #[test]
    fn a_clock_may_be_set_back_by_a_minute() {
        let ahead = |span| may_go_on(LastSign::At(NOW.after(span)), NOW, WITHIN);
        assert_eq!(ahead(AHEAD_MAX), Ok(()));
        assert_eq!(ahead(AHEAD_MAX + NANO), Err(Doubt::Ahead(AHEAD_MAX + NANO)));
    }

    #[test]
    fn with_zero_no_absence_is_short_wherever_the_clock_stands() {
        let instants = [NOW.before(NANO), NOW, NOW.after(NANO), NOW.after(AHEAD_MAX)];
        let unknown = [LastSign::Missing, LastSign::Unreadable, LastSign::InDoubt];
        for last in instants.map(LastSign::At).into_iter().chain(unknown) {
            assert_eq!(may_go_on(last, NOW, Duration::ZERO), Err(Doubt::Always), "{last:?}");
        }
    }

    #[test]
    fn a_node_that_runs_may_stand_still_for_as_long_as_it_may_be_away() {
        let after = |stood| may_carry_on(NOW.before(stood), NOW, WITHIN);
        assert_eq!((after(Duration::ZERO), after(WITHIN)), (Ok(()), Ok(())));
        let stood = WITHIN + NANO;
        assert_eq!(after(stood), Err(Doubt::StoodStill { stood, within: WITHIN }));
        let back = |span| may_carry_on(NOW.after(span), NOW, WITHIN);
        assert_eq!(back(AHEAD_MAX), Ok(()));
        assert_eq!(back(AHEAD_MAX + NANO), Err(Doubt::Ahead(AHEAD_MAX + NANO)));
    }

    #[test]
    fn a_busy_node_is_not_away_and_an_idle_one_gives_signs_enough() {
        for within in [Duration::ZERO, NANO, BUSY, WITHIN, Duration::MAX] {
            let period = beat_period(within);
            assert!(!period.is_zero() && period <= BEAT_MAX, "{period:?}");
            // Three that are late or lost are no absence.
            assert_eq!(may_carry_on(NOW.before(3 * period), NOW, within), Ok(()), "{within:?}");
            assert_eq!(may_carry_on(NOW.before(BUSY), NOW, within), Ok(()), "{within:?}");
        }
        assert!(may_carry_on(NOW.before(BUSY + NANO), NOW, Duration::ZERO).is_err());
    }

    #[test]
    fn instants_far_apart_do_not_overflow() {
        let [first, last] = [i64::MIN, i64::MAX].map(Timestamp::from_nanos);
        assert!(may_go_on(LastSign::At(first), last, WITHIN).is_err());
        assert!(may_go_on(LastSign::At(last), first, WITHIN).is_err());
        assert!(may_carry_on(first, last, WITHIN).is_err());
        assert!(may_carry_on(last, first, WITHIN).is_err());
    }

    #[test]
    fn doubts_are_sentences() {
        let text = |doubt: Doubt| doubt.to_string();
        assert!(text(Doubt::Ahead(Duration::from_secs(7_260))).contains("2h1m behind"));
        assert!(text(Doubt::NoSign).contains("no file alive"));
        let short =
            Doubt::Away { away: Duration::from_millis(20), within: Duration::from_millis(9) };
        assert!(text(short).contains("20ms, longer than Donjon.ResumeTrashWithin (9ms)"));
        assert!(text(Doubt::Unsettled).starts_with("the start before could not"));
        assert!(text(Doubt::Always).contains("at every start"));
    }
}
