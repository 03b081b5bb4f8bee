//! Instants on the command line: `2h ago`, or as RFC 3339 has them.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use keep_rules::Timestamp;
use keep_rules::time::Civil;

/// An instant as somebody wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    At(Timestamp),
    Ago(Duration),
}

/// A text that is no instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write it like 2h, 1d12h, \"30m ago\", 2026-11-23 or 2026-11-23T16:36:50Z")]
pub(crate) struct BadWhen;

impl When {
    /// The instant, seen from now.
    pub(crate) fn instant(self) -> Timestamp {
        self.seen_from(SystemTime::now().into())
    }

    fn seen_from(self, now: Timestamp) -> Timestamp {
        match self {
            When::At(instant) => instant,
            When::Ago(span) => now.before(span),
        }
    }
}

impl FromStr for When {
    type Err = BadWhen;

    fn from_str(text: &str) -> Result<Self, BadWhen> {
        let text = text.trim();
        let ago = text.strip_suffix("ago").map_or(text, str::trim_end);
        span(ago).map(When::Ago).or_else(|| instant(text).map(When::At)).ok_or(BadWhen)
    }
}

/// `1d12h`: numbers with units, one after another.
pub(crate) fn span(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let unit = match tail.bytes().next()? {
            b's' => 1,
            b'm' => 60,
            b'h' => 3_600,
            b'd' => 86_400,
            b'w' => 604_800,
            _ => return None,
        };
        seconds = number.parse::<u64>().ok()?.checked_mul(unit)?.checked_add(seconds)?;
        rest = &tail[1..];
    }
    (!text.is_empty()).then(|| Duration::from_secs(seconds))
}

/// `2026-11-23`, which is its first instant in UTC, or a full date and time with its zone.
fn instant(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_at_checked(10)?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let midnight = Civil { year, month, day, hour: 0, minute: 0, second: 0, nanos: 0 };
    if rest.is_empty() {
        return Timestamp::from_civil(midnight);
    }
    let (time, rest) = rest.strip_prefix(['T', 't', ' '])?.split_at_checked(8)?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let (nanos, zone) = fraction(rest)?;
    // A leap second is the second after 59.
    let leap = i64::from(second == 60);
    let civil = Civil { hour, minute, second: second - leap, nanos, ..midnight };
    let shift = (leap - offset(zone)?) * 1_000_000_000;
    Some(Timestamp::from_nanos(Timestamp::from_civil(civil)?.as_nanos().checked_add(shift)?))
}

/// Three numbers of so many digits each.
fn numbers(text: &str, separator: char, digits: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        *number = figure(parts.next()?, digits)?;
    }
    parts.next().is_none().then_some(numbers)
}

fn figure(text: &str, digits: usize) -> Option<i64> {
    let is_figure = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_figure { text.parse().ok() } else { None }
}

/// The nanoseconds of `.5Z`, and `Z`.
fn fraction(text: &str) -> Option<(u32, &str)> {
    let Some(text) = text.strip_prefix('.') else { return Some((0, text)) };
    let length = text.find(|character: char| !character.is_ascii_digit())?;
    let (digits, zone) = text.split_at(length);
    let nanos = match length {
        1..=9 => format!("{digits:0<9}").parse().ok()?,
        _ => return None,
    };
    Some((nanos, zone))
}

/// Seconds that the zone is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let (hours, minutes) = (figure(hours, 2)?, figure(minutes, 2)?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3_600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::utc;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_451_810); // 2026-11-23 16:36:50Z

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let read = text.parse::<When>().map(|when| utc::text(when.seen_from(NOW)));
        assert_eq!(read.as_deref().unwrap_or("none"), expected, "{text}");
    }

    #[test]
    fn spans_lead_back_from_now() {
        check("2h ago", "2026-11-23 14:36:50Z");
        check("2h", "2026-11-23 14:36:50Z");
        check("1d12h", "2026-11-22 04:36:50Z");
        check("1w", "2026-11-16 16:36:50Z");
        check("90sago", "2026-11-23 16:35:20Z");
    }

    #[test]
    fn dates_are_read_as_rfc_3339_has_them() {
        check("2026-11-23T16:36:50Z", "2026-11-23 16:36:50Z");
        check("2026-11-23 16:36:50Z", "2026-11-23 16:36:50Z");
        check("2026-11-23T16:36:50.25+01:30", "2026-11-23 15:06:50Z");
        check("2026-11-23", "2026-11-23 00:00:00Z");
        check("1969-12-31T23:59:59Z", "1969-12-31 23:59:59Z");
        check("2016-12-31T23:59:60Z", "2017-01-01 00:00:00Z");
    }

    #[test]
    fn fractions_are_kept() {
        let read: When = "1970-01-01T00:00:01.5Z".parse().unwrap();
        assert_eq!(read, When::At(Timestamp::from_nanos(1_500_000_000)));
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in [
            "",
            "ago",
            "2",
            "2y",
            "h",
            "2026-11-23T16:36:50",
            "2026-02-30",
            "2026-11-23T24:00:00Z",
            "2026-11-23T23:60:00Z",
            "2026-11-23T23:59:61Z",
            "2026-11-23T16:36:50.Z",
            "2026-11-23x",
            "99999999999999999999s",
            "9999-12-31T00:00:00Z",
            "ä026-11-23",
        ] {
            check(text, "none");
        }
    }
}
