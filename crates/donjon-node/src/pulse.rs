//! Whether the node has lived all the time: a process is suspended, a machine paused or asleep, and does not know it.
//!
//! Invariant: whoever notes that the node lives looks first whether it stood still, and what is to be done then is done
//! before anybody learns that it lives again. So nobody finds a fresh sign of life with the trash list not held.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keep_rules::Timestamp;
use keep_rules::absence::{Doubt, may_carry_on};

use crate::clock::Clock;

/// The last sign of life of a node that runs, in memory.
#[derive(Debug)]
pub(crate) struct Pulse(Mutex<Beat>);

/// A sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Beat {
    /// The node lived then, by its clock.
    pub(crate) at: Timestamp,
    /// What fell into an absence began with another number than it ends with.
    pub(crate) absences: Absences,
}

/// How often the node stood still for too long since it was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Absences(u64);

impl Pulse {
    /// The node lives from now on.
    pub(crate) fn new(now: Timestamp) -> Pulse {
        Pulse(Mutex::new(Beat { at: now, absences: Absences(0) }))
    }

    /// The last sign of life.
    pub(crate) fn last(&self) -> Beat {
        *self.lock()
    }

    /// Notes that the node lives. If it stood still for too long, `away` is done first: it must not come back here.
    pub(crate) fn beat(&self, clock: &Clock, within: Duration, away: impl FnOnce(Doubt)) -> Beat {
        let mut beat = self.lock();
        // Read here, so that a time from before an absence does not come after one from behind it.
        let now = clock.now();
        let mut absences = beat.absences;
        if let Err(doubt) = may_carry_on(beat.at, now, within) {
            away(doubt);
            absences.0 += 1;
        }
        *beat = Beat { at: now, absences };
        *beat
    }

    fn lock(&self) -> MutexGuard<'_, Beat> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const WITHIN: Duration = Duration::from_secs(300);

    #[test]
    fn an_absence_is_found_once_however_many_look() {
        let (pulse, clock) = (Pulse::new(NOW), Clock::manual(NOW));
        clock.advance(WITHIN);
        pulse.beat(&clock, WITHIN, |doubt| panic!("{doubt}"));
        clock.advance(WITHIN + Duration::from_nanos(1));
        let acted = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let beat = pulse.beat(&clock, WITHIN, |_doubt| {
                        assert!(!acted.swap(true, Ordering::SeqCst), "twice");
                    });
                    // Nobody comes back before what is to be done is done.
                    assert!(acted.load(Ordering::SeqCst));
                    assert_eq!((beat.at, beat.absences), (clock.now(), Absences(1)));
                });
            }
        });
        assert_eq!(pulse.last().at, clock.now());
    }

    #[test]
    fn what_breaks_down_over_an_absence_is_done_by_the_next() {
        let (pulse, clock) = (Pulse::new(NOW), Clock::manual(NOW));
        clock.advance(2 * WITHIN);
        let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            pulse.beat(&clock, WITHIN, |_doubt| panic!("on purpose"))
        }));
        assert!(broken.is_err());
        let mut found = None;
        pulse.beat(&clock, WITHIN, |doubt| found = Some(doubt));
        assert_eq!(found, Some(Doubt::StoodStill { stood: 2 * WITHIN, within: WITHIN }));
    }
}
