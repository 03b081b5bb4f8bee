//! Instants as the protocol writes them: nanoseconds since 1970, UTC.

mod civil;

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use civil::Civil;

/// An instant: whole nanoseconds since 1970-01-01 UTC, from the year 1677 to 2262.
///
/// Eight bytes, so that lists of millions stay small; exact, because trash compares mtimes to the nanosecond (spec section 5.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

const NANOS: i64 = 1_000_000_000;

impl Timestamp {
    /// 1970-01-01, midnight UTC.
    pub const EPOCH: Timestamp = Timestamp(0);

    /// The instant `nanos` nanoseconds after 1970.
    pub const fn from_nanos(nanos: i64) -> Self {
        Timestamp(nanos)
    }

    /// The instant `seconds` seconds after 1970; the nearest representable one for years beyond 2262.
    pub const fn from_seconds(seconds: i64) -> Self {
        Timestamp(seconds.saturating_mul(NANOS))
    }

    /// Nanoseconds since 1970.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded towards the past.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(NANOS)
    }

    /// Nanoseconds past [`Timestamp::as_seconds`].
    #[expect(clippy::cast_possible_truncation, reason = "a remainder of a thousand million fits")]
    pub const fn subsec_nanos(self) -> u32 {
        self.0.rem_euclid(NANOS) as u32
    }

    /// This much later; the last representable instant if that is beyond 2262.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Timestamp(self.0.saturating_add(nanos(span)))
    }

    /// This much earlier; the first representable instant if that is before 1677.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Timestamp(self.0.saturating_sub(nanos(span)))
    }

    /// How long after `earlier` this is; zero if it is not later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0).try_into().unwrap_or(0))
    }
}

fn nanos(span: Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
}

/// Instants outside 1677–2262 become the nearest representable one.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Timestamp::EPOCH.after(after),
            Err(error) => Timestamp::EPOCH.before(error.duration()),
        }
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        let span = Duration::from_nanos(time.0.unsigned_abs());
        if time.0 < 0 { UNIX_EPOCH - span } else { UNIX_EPOCH + span }
    }
}

/// Decimal nanoseconds since 1970, as index lines and trash lists write it (spec sections 2.7, 5.1).
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_times_survive_the_round_trip() {
        for nanos in [0, 1, -1, 1_707_249_451_308_502_672, i64::MAX, -i64::MAX] {
            let time = Timestamp::from_nanos(nanos);
            assert_eq!(Timestamp::from(SystemTime::from(time)), time);
        }
    }

    #[test]
    fn seconds_round_towards_the_past() {
        assert_eq!(Timestamp::from_nanos(-1).as_seconds(), -1);
        assert_eq!(Timestamp::from_nanos(-1).subsec_nanos(), 999_999_999);
        assert_eq!(Timestamp::from_seconds(7).as_nanos(), 7_000_000_000);
    }

    #[test]
    fn sums_stop_at_the_ends() {
        assert_eq!(
            Timestamp::from_nanos(i64::MAX).after(Duration::from_secs(1)),
            Timestamp::from_nanos(i64::MAX)
        );
        assert_eq!(Timestamp::EPOCH.after(Duration::MAX), Timestamp::from_nanos(i64::MAX));
        assert_eq!(Timestamp::EPOCH.since(Timestamp::from_seconds(5)), Duration::ZERO);
    }
}
