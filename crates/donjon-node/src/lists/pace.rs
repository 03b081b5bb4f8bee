//! How fast items are begun: two buckets, one for items and one for bytes. A plain machine; time is an argument.

use std::time::Duration;

use keep_rules::Timestamp;

/// How fast, at most. `None`: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rates {
    pub(crate) items: Option<u64>,
    pub(crate) bytes: Option<u64>,
}

/// When the next item may be begun.
///
/// An item is charged when it is begun, a byte when it is known how many there are; what was overdrawn is waited for
/// before the next item. A second's worth may be begun at once, so that short pauses are made up for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Nanoseconds since 1970 at which the bucket is full again.
    items_paid: i64,
    bytes_paid: i64,
    /// The time at the last call.
    latest: Timestamp,
}

/// The credit of an idle list.
const BURST: Duration = Duration::from_secs(1);

impl Pace {
    pub(crate) fn new() -> Pace {
        Pace { items_paid: i64::MIN, bytes_paid: i64::MIN, latest: Timestamp::EPOCH }
    }

    /// How long the next item must wait. Zero: it may begin, and has been charged.
    pub(crate) fn begin(&mut self, rates: Rates, now: Timestamp) -> Duration {
        self.follow(now);
        let wait =
            wait(self.items_paid, rates.items, now).max(wait(self.bytes_paid, rates.bytes, now));
        if wait.is_zero() {
            charge(&mut self.items_paid, rates.items, 1, now);
        }
        wait
    }

    /// The item that was begun moves these bytes.
    pub(crate) fn charge_bytes(&mut self, bytes: u64, rates: Rates, now: Timestamp) {
        self.follow(now);
        charge(&mut self.bytes_paid, rates.bytes, bytes, now);
    }

    /// A clock that was set back takes the buckets with it: nobody waits until it is as late again as it was.
    fn follow(&mut self, now: Timestamp) {
        let back = self.latest.as_nanos().saturating_sub(now.as_nanos()).max(0);
        self.items_paid = self.items_paid.saturating_sub(back);
        self.bytes_paid = self.bytes_paid.saturating_sub(back);
        self.latest = now;
    }
}

fn wait(paid: i64, rate: Option<u64>, now: Timestamp) -> Duration {
    if rate.is_none() {
        return Duration::ZERO;
    }
    Timestamp::from_nanos(paid).since(now)
}

fn charge(paid: &mut i64, rate: Option<u64>, amount: u64, now: Timestamp) {
    let Some(rate) = rate.filter(|rate| *rate > 0) else { return };
    let earliest = now.before(BURST).as_nanos();
    let cost = u128::from(amount) * 1_000_000_000 / u128::from(rate);
    *paid = (*paid).max(earliest).saturating_add(i64::try_from(cost).unwrap_or(i64::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

    /// Items begun within `seconds` by a worker that waits as long as it is told.
    fn begun(rates: Rates, bytes: u64, seconds: u64) -> u64 {
        let mut pace = Pace::new();
        let end = START.after(Duration::from_secs(seconds));
        let (mut now, mut items) = (START, 0);
        while now < end {
            let wait = pace.begin(rates, now);
            if wait.is_zero() {
                pace.charge_bytes(bytes, rates, now);
                items += 1;
                now = now.after(Duration::from_micros(10));
            } else {
                now = now.after(wait);
            }
        }
        items
    }

    #[test]
    fn items_are_limited() {
        let items = begun(Rates { items: Some(100), bytes: None }, 1 << 20, 10);
        assert!((1_000..=1_102).contains(&items), "{items}");
    }

    #[test]
    fn bytes_are_limited() {
        let items = begun(Rates { items: None, bytes: Some(10 << 20) }, 1 << 20, 10);
        assert!((100..=111).contains(&items), "{items}");
    }

    #[test]
    fn without_limits_nothing_waits() {
        assert_eq!(begun(Rates::default(), 1 << 20, 1), 100_000);
    }

    #[test]
    fn the_lower_limit_counts() {
        let items = begun(Rates { items: Some(5), bytes: Some(1 << 40) }, 1, 10);
        assert!((50..=56).contains(&items), "{items}");
    }

    #[test]
    fn a_clock_that_is_set_back_stops_nothing() {
        let rates = Rates { items: Some(1), bytes: Some(1) };
        let mut pace = Pace::new();
        let begin_all = |pace: &mut Pace, now| while pace.begin(rates, now).is_zero() {};
        begin_all(&mut pace, START);
        pace.charge_bytes(5, rates, START);
        begin_all(&mut pace, START);
        let wait = pace.begin(rates, START);
        assert!(wait >= Duration::from_secs(4), "{wait:?}");
        let an_hour_back = START.before(Duration::from_secs(3600));
        assert_eq!(pace.begin(rates, an_hour_back), wait);
    }

    #[test]
    fn a_limit_that_is_lifted_is_lifted_at_once() {
        let mut pace = Pace::new();
        let slow = Rates { items: None, bytes: Some(1) };
        assert!(pace.begin(slow, START).is_zero());
        pace.charge_bytes(1_000_000, slow, START);
        assert!(!pace.begin(slow, START).is_zero());
        assert!(pace.begin(Rates::default(), START).is_zero());
    }
}
