//! Times of the database, to the microsecond.

use std::error::Error;

use keep_rules::Timestamp;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

/// Seconds from 1970 to 2000, where the times of PostgreSQL begin.
const SECONDS_TO_2000: i64 = 946_684_800;
const NANOS_TO_2000: i64 = SECONDS_TO_2000 * 1_000_000_000;

/// A value of a column `timestamp without time zone`, which in Arvados is UTC: exact, so that it can be compared with what
/// is stored. `infinity` and `-infinity` are the greatest and the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatabaseTime(i64);

impl DatabaseTime {
    /// The time `micros` microseconds after 2000-01-01 UTC.
    pub const fn from_micros(micros: i64) -> Self {
        DatabaseTime(micros)
    }

    /// Microseconds since 2000-01-01 UTC.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The same instant; the nearest one that a [`Timestamp`] can be for years before 1677 or after 2262.
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_nanos(self.0.saturating_mul(1000).saturating_add(NANOS_TO_2000))
    }
}

/// The microsecond that the instant lies in.
impl From<Timestamp> for DatabaseTime {
    fn from(time: Timestamp) -> Self {
        DatabaseTime(time.as_nanos().div_euclid(1000) - NANOS_TO_2000 / 1000)
    }
}

impl<'a> FromSql<'a> for DatabaseTime {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let micros = <[u8; 8]>::try_from(raw)?;
        Ok(DatabaseTime(i64::from_be_bytes(micros)))
    }

    accepts!(TIMESTAMP);
}

impl ToSql for DatabaseTime {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(&self.0.to_be_bytes());
        Ok(IsNull::No)
    }

    accepts!(TIMESTAMP);
    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_year_2000_is_nought() {
        let midnight = Timestamp::from_seconds(SECONDS_TO_2000);
        assert_eq!(DatabaseTime::from(midnight), DatabaseTime(0));
        assert_eq!(DatabaseTime(0).timestamp(), midnight);
        assert_eq!(DatabaseTime::from(Timestamp::from_nanos(NANOS_TO_2000 - 1)), DatabaseTime(-1));
    }

    #[test]
    fn infinity_is_later_than_all() {
        assert_eq!(DatabaseTime(i64::MAX).timestamp(), Timestamp::from_nanos(i64::MAX));
        assert!(DatabaseTime(i64::MIN).timestamp() < Timestamp::EPOCH);
    }

    proptest! {
        #[test]
        fn microseconds_survive_the_round_trip(micros in -8_000_000_000_000_000i64..8_000_000_000_000_000) {
            let time = DatabaseTime(micros);
            prop_assert_eq!(DatabaseTime::from(time.timestamp()), time);
        }
    }
}
