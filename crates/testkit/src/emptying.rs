//! Emptying the trash, and what was reported of it.

use std::sync::{Arc, Mutex, PoisonError};

use keep_rules::Timestamp;
use keep_volume::{Emptied, EmptiedCopy, EmptyOrder, Error, Halt, Round, Volume};

/// Empties the trash, with nobody to halt it.
///
/// # Errors
/// What the volume says.
///
/// # Panics
/// If the round did not get to the end.
pub async fn empty(volume: &dyn Volume, now: Timestamp, workers: usize) -> Result<Emptied, Error> {
    match volume.empty_trash(now, EmptyOrder::with_workers(workers)).await? {
        Round::Complete(emptied) => Ok(emptied),
        Round::Halted(emptied) => panic!("nobody halted it, but it stopped after {emptied:?}"),
    }
}

/// Collects what emptiers report. A clone collects into the same place.
#[derive(Clone, Debug, Default)]
pub struct Reports(Arc<Mutex<Vec<EmptiedCopy>>>);

impl Reports {
    /// An order whose deletions are reported here.
    pub fn order(&self, workers: usize) -> EmptyOrder {
        self.order_halted_after(usize::MAX, workers)
    }

    /// As [`Reports::order`]; it is halted from within the report that is number `count` here.
    pub fn order_halted_after(&self, count: usize, workers: usize) -> EmptyOrder {
        let (reports, halt) = (self.clone(), Halt::default());
        let halted = halt.clone();
        let report = move |copy| {
            if reports.push(copy) == count {
                halted.stop();
            }
        };
        EmptyOrder { workers, halt, report: Arc::new(report) }
    }

    fn push(&self, copy: EmptiedCopy) -> usize {
        let mut copies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        copies.push(copy);
        copies.len()
    }

    /// What was reported so far, sorted by hash and deadline.
    pub fn sorted(&self) -> Vec<EmptiedCopy> {
        let mut copies = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        copies.sort_by_key(|copy| (copy.hash, copy.deadline));
        copies
    }
}
