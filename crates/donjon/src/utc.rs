//! Instants and spans of time as people read them.

use keep_rules::Timestamp;

const DAY: i64 = 86_400;
const DAYS_IN_400_YEARS: i64 = 146_097;
const DAYS_FROM_MARCH_0000_TO_1970: i64 = 719_468;

/// `2026-11-23 16:36:50Z`: whole seconds, UTC.
pub(crate) fn text(time: Timestamp) -> String {
    let seconds = time.as_seconds();
    let (year, month, day) = civil(seconds.div_euclid(DAY));
    let of_day = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}Z")
}

/// `3 d 4 h`, `5 min 20 s`: the two largest units.
pub(crate) fn span(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut left = seconds;
    let mut parts = Vec::new();
    for (unit, name) in UNITS {
        let count = left / unit;
        left %= unit;
        if count > 0 {
            parts.push(format!("{count} {name}"));
        } else if !parts.is_empty() {
            break;
        }
        if parts.len() == 2 {
            break;
        }
    }
    if parts.is_empty() { "0 s".to_owned() } else { parts.join(" ") }
}

/// The day counted from 1970-01-01, if there is such a day in the Gregorian calendar.
pub(crate) fn day(year: i64, month: i64, day_of_month: i64) -> Option<i64> {
    let (year_from_march, months_from_march) =
        if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let era = year_from_march.div_euclid(400);
    let year_of_era = year_from_march.rem_euclid(400);
    let of_year = (153 * months_from_march + 2) / 5 + day_of_month - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    let day = era * DAYS_IN_400_YEARS + of_era - DAYS_FROM_MARCH_0000_TO_1970;
    (civil(day) == (year, month, day_of_month)).then_some(day)
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
///
/// Counts years from March, so that the leap day is a year's last: then every month's first day is a linear formula.
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + DAYS_FROM_MARCH_0000_TO_1970;
    let era = day.div_euclid(DAYS_IN_400_YEARS);
    let of_era = day.rem_euclid(DAYS_IN_400_YEARS);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let months_from_march = (5 * of_year + 2) / 153;
    let day_of_month = of_year - (153 * months_from_march + 2) / 5 + 1;
    let month = if months_from_march < 10 { months_from_march + 3 } else { months_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(seconds: i64, expected: &str) {
        assert_eq!(text(Timestamp::from_seconds(seconds)), expected);
    }

    #[test]
    fn the_epoch_and_the_second_before() {
        check(0, "1970-01-01 00:00:00Z");
        check(-1, "1969-12-31 23:59:59Z");
    }

    #[test]
    fn leap_days_come_every_four_years_but_not_every_hundred() {
        check(951_782_400, "2000-02-29 00:00:00Z");
        check(1_709_164_800, "2024-02-29 00:00:00Z");
        check(4_107_542_400, "2100-03-01 00:00:00Z");
    }

    #[test]
    fn a_day_of_these() {
        check(1_795_451_810, "2026-11-23 16:36:50Z");
    }
    #[test]
    fn days_and_dates_are_inverse() {
        for expected in (-200_000..200_000).step_by(97) {
            let (year, month, day_of_month) = civil(expected);
            assert_eq!(day(year, month, day_of_month), Some(expected));
        }
    }

    #[test]
    fn days_that_do_not_exist_are_none() {
        assert_eq!(day(2026, 2, 29), None);
        assert_eq!(day(2026, 4, 31), None);
        assert_eq!(day(2026, 13, 1), None);
        assert_eq!(day(2026, 0, 1), None);
    }

    #[test]
    fn spans_have_their_two_largest_units() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (320, "5 min 20 s"),
            (3_605, "1 h"),
            (90_000, "1 d 1 h"),
            (1_209_600, "14 d"),
        ] {
            assert_eq!(span(seconds), expected);
        }
    }
}
