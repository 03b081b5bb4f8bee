//! Times that people can read and texts can be sorted by: `2026-07-01T12:00:00.123456789Z`.

use keep_rules::Timestamp;
use keep_rules::time::Civil;
use serde::{Deserialize, Deserializer, Serializer, de};

const LENGTH: usize = 30;
const TEMPLATE: &[u8; LENGTH] = b"0000-00-00T00:00:00.000000000Z";

/// For `#[serde(with)]`.
pub(crate) fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    let text = write(*time);
    serializer.serialize_str(std::str::from_utf8(&text).expect("digits and signs are ASCII"))
}

/// For `#[serde(with)]`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Timestamp, D::Error> {
    let text = <&'de str>::deserialize(deserializer)?;
    read(text.as_bytes()).ok_or_else(|| {
        de::Error::custom(
            "a time is written as 2026-07-01T12:00:00.123456789Z, between 1677 and 2262",
        )
    })
}

fn write(time: Timestamp) -> [u8; LENGTH] {
    let Civil { year, month, day, hour, minute, second, nanos } = time.civil();
    let mut text = *TEMPLATE;
    let fields = [
        (0..4, year),
        (5..7, month),
        (8..10, day),
        (11..13, hour),
        (14..16, minute),
        (17..19, second),
        (20..29, nanos.into()),
    ];
    for (place, number) in fields {
        let mut rest = number;
        for digit in text[place].iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
        }
    }
    text
}

fn read(text: &[u8]) -> Option<Timestamp> {
    if text.len() != LENGTH {
        return None;
    }
    let number = |place: std::ops::Range<usize>| {
        text[place].iter().try_fold(0, |number: i64, digit| {
            digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0'))
        })
    };
    let time = Timestamp::from_civil(Civil {
        year: number(0..4)?,
        month: number(5..7)?,
        day: number(8..10)?,
        hour: number(11..13)?,
        minute: number(14..16)?,
        second: number(17..19)?,
        nanos: u32::try_from(number(20..29)?).ok()?,
    })?;
    // One text for one time: no other sign between the digits.
    (write(time) == text).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(nanos: i64, text: &str) {
        let time = Timestamp::from_nanos(nanos);
        assert_eq!(write(time), text.as_bytes());
        assert_eq!(read(text.as_bytes()), Some(time));
    }

    /// By `date --utc --date=@SECONDS`.
    #[test]
    fn known_times_are_written_right() {
        check(0, "1970-01-01T00:00:00.000000000Z");
        check(-1, "1969-12-31T23:59:59.999999999Z");
        check(951_782_400_000_000_000, "2000-02-29T00:00:00.000000000Z");
        check(1_707_249_451_308_502_672, "2024-02-06T19:57:31.308502672Z");
        check(4_107_542_399_000_000_001, "2100-02-28T23:59:59.000000001Z");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in [
            "2026-06-31T12:00:00.000000000Z",
            "2026-06-30T24:00:00.000000000Z",
            "2026-06-30 12:00:00.000000000Z",
            "2026-06-30T12:00:00Z",
            "2300-06-30T12:00:00.000000000Z",
            "2026-06-+3T12:00:00.000000000Z",
        ] {
            assert_eq!(read(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_time_survives_the_round_trip(nanos: i64) {
            let time = Timestamp::from_nanos(nanos);
            prop_assert_eq!(read(&write(time)), Some(time));
        }
    }
}
