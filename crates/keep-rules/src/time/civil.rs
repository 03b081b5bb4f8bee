//! Instants as dates and times of day, for people and for texts that can be sorted.

use super::{NANOS, Timestamp};

/// A date of the Gregorian calendar and a time of day, both in UTC. There are no leap seconds.
///
/// Made from an instant, it is one that exists. [`Timestamp::from_civil`] finds out about any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// The year of the common era.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// The day of the month, from 1.
    pub day: i64,
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    pub minute: i64,
    /// 0 to 59.
    pub second: i64,
    /// Nanoseconds past the second.
    pub nanos: u32,
}

const DAY: i64 = 86_400;
/// Days of 400 years, after which the calendar repeats itself.
const DAYS_OF_AN_ERA: i64 = 146_097;
/// Days from the 1st of March of the year 0, when an era begins, to 1970.
const DAYS_TO_1970: i64 = 719_468;

impl Timestamp {
    /// The date and the time of day.
    ///
    /// # Examples
    /// ```
    /// # use keep_rules::Timestamp;
    /// let civil = Timestamp::from_seconds(1_709_164_800).civil();
    /// assert_eq!((civil.year, civil.month, civil.day, civil.hour), (2024, 2, 29, 0));
    /// ```
    pub fn civil(self) -> Civil {
        let seconds = self.as_seconds();
        let (year, month, day) = date(seconds.div_euclid(DAY));
        let of_day = seconds.rem_euclid(DAY);
        Civil {
            year,
            month,
            day,
            hour: of_day / 3_600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
            nanos: self.subsec_nanos(),
        }
    }

    /// The instant of a date and a time of day. `None` if there is no such day or time, as the 31st of June or the 25th
    /// hour, or if it is not between 1677 and 2262.
    ///
    /// # Examples
    /// ```
    /// # use keep_rules::{Timestamp, time::Civil};
    /// let leap = Civil { year: 2024, month: 2, day: 29, hour: 0, minute: 0, second: 0, nanos: 0 };
    /// assert_eq!(Timestamp::from_civil(leap), Some(Timestamp::from_seconds(1_709_164_800)));
    /// assert_eq!(Timestamp::from_civil(Civil { year: 2023, ..leap }), None);
    /// ```
    pub fn from_civil(civil: Civil) -> Option<Timestamp> {
        let Civil { year, month, day, hour, minute, second, nanos } = civil;
        // Whatever else is wrong with the figures, the date that comes of them is then another one.
        if !(0..=9999).contains(&year)
            || [month, day, hour, minute, second].iter().any(|figure| !(0..100).contains(figure))
        {
            return None;
        }
        let seconds = days(year, month, day) * DAY + hour * 3_600 + minute * 60 + second;
        let instant = i128::from(seconds) * i128::from(NANOS) + i128::from(nanos);
        let instant = Timestamp(i64::try_from(instant).ok()?);
        (instant.civil() == civil).then_some(instant)
    }
}

/// Year, month and day of the day that is `days` after 1970-01-01. Counts years from March, so that the leap day is a
/// year's last: then every month's first day is a linear formula.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_TO_1970;
    let of_era = days.rem_euclid(DAYS_OF_AN_ERA);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + days.div_euclid(DAYS_OF_AN_ERA) * 400;
    (year + i64::from(month <= 2), month, day)
}

/// Days from 1970-01-01 to this date: [`date`] backwards, for dates that exist.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let year_of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    year.div_euclid(400) * DAYS_OF_AN_ERA + of_era - DAYS_TO_1970
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(date: [i64; 3], time: [i64; 3]) -> Civil {
        let ([year, month, day], [hour, minute, second]) = (date, time);
        Civil { year, month, day, hour, minute, second, nanos: 0 }
    }

    #[track_caller]
    fn check(seconds: i64, date: [i64; 3], time: [i64; 3]) {
        let instant = Timestamp::from_seconds(seconds);
        assert_eq!(instant.civil(), at(date, time));
        assert_eq!(Timestamp::from_civil(at(date, time)), Some(instant));
    }

    /// By `date --utc --date=@SECONDS`.
    #[test]
    fn known_instants() {
        check(0, [1970, 1, 1], [0, 0, 0]);
        check(-1, [1969, 12, 31], [23, 59, 59]);
        check(1_795_451_810, [2026, 11, 23], [16, 36, 50]);
    }

    #[test]
    fn leap_days_come_every_four_years_but_not_every_hundred() {
        check(951_782_400, [2000, 2, 29], [0, 0, 0]);
        check(1_709_164_800, [2024, 2, 29], [0, 0, 0]);
        check(4_107_542_400, [2100, 3, 1], [0, 0, 0]);
    }

    #[test]
    fn days_and_times_that_do_not_exist_are_none() {
        for date in
            [[2026, 2, 29], [2026, 4, 31], [2026, 13, 1], [2026, 0, 1], [2026, 1, 0], [2026, -3, 1]]
        {
            assert_eq!(Timestamp::from_civil(at(date, [0, 0, 0])), None, "{date:?}");
        }
        for time in [[24, 0, 0], [0, 60, 0], [0, 0, 60], [0, 0, -1], [i64::MAX, 0, 0]] {
            assert_eq!(Timestamp::from_civil(at([2026, 1, 1], time)), None, "{time:?}");
        }
        let fraction = Civil { nanos: 1_000_000_000, ..at([2026, 1, 1], [0, 0, 0]) };
        assert_eq!(Timestamp::from_civil(fraction), None);
    }

    #[test]
    fn what_no_timestamp_holds_is_none() {
        for year in [1676, 2263, 9999, i64::MIN, i64::MAX] {
            assert_eq!(Timestamp::from_civil(at([year, 1, 1], [0, 0, 0])), None, "{year}");
        }
    }

    proptest! {
        #[test]
        fn every_instant_survives_the_round_trip(nanos: i64) {
            let instant = Timestamp::from_nanos(nanos);
            prop_assert_eq!(Timestamp::from_civil(instant.civil()), Some(instant));
        }

        #[test]
        fn any_figures_are_an_instant_or_none(date: [i64; 3], time: [i64; 3], nanos: u32) {
            let civil = Civil { nanos, ..at(date, time) };
            if let Some(instant) = Timestamp::from_civil(civil) {
                prop_assert_eq!(instant.civil(), civil);
            }
        }
    }
}
