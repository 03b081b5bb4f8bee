//! Times that people can read and texts can be sorted by: `2026-07-01T12:00:00.123456789Z`.

use keep_rules::Timestamp;
use serde::{Deserialize, Deserializer, Serializer, de};

const LENGTH: usize = 30;
const TEMPLATE: &[u8; LENGTH] = b"0000-00-00T00:00:00.000000000Z";
const DAY: i64 = 86_400;

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
    let seconds = time.as_seconds();
    let (year, month, day) = date(seconds.div_euclid(DAY));
    let second = seconds.rem_euclid(DAY);
    let mut text = *TEMPLATE;
    let fields = [
        (0..4, year),
        (5..7, month),
        (8..10, day),
        (11..13, second / 3600),
        (14..16, second / 60 % 60),
        (17..19, second % 60),
        (20..29, time.subsec_nanos().into()),
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
    let days = day_of(number(0..4)?, number(5..7)?, number(8..10)?);
    let seconds = days * DAY + number(11..13)? * 3600 + number(14..16)? * 60 + number(17..19)?;
    let nanos = i128::from(seconds) * 1_000_000_000 + i128::from(number(20..29)?);
    let time = Timestamp::from_nanos(i64::try_from(nanos).ok()?);
    // One text for one time: no 31st of June, no 25th hour, no other sign between the digits.
    (write(time) == text).then_some(time)
}

/// Days of 400 years, after which the calendar repeats itself.
const DAYS_OF_AN_ERA: i64 = 146_097;
/// Days from the 1st of March of the year 0, when an era begins, to 1970.
const DAYS_TO_1970: i64 = 719_468;

/// Year, month and day of the day that is `days` after 1970-01-01. Years begin in March, so that leap days come last.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_TO_1970;
    let of_era = days.rem_euclid(DAYS_OF_AN_ERA);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + days.div_euclid(DAYS_OF_AN_ERA) * 400;
    (year + i64::from(month <= 2), month, day)
}

/// Days from 1970-01-01 to this date: [`date`] backwards.
fn day_of(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let year_of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    year.div_euclid(400) * DAYS_OF_AN_ERA + of_era - DAYS_TO_1970
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
