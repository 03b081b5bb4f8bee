//! Where the time comes from. Only the rim of the node asks; decisions get the answer as an argument.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use keep_rules::Timestamp;

/// The node's clock. A clone tells the same time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Clock {
        Clock(Source::System)
    }

    /// A clock that stands still until [`Clock::advance`] moves it, and all its clones.
    pub fn manual(start: Timestamp) -> Clock {
        Clock(Source::Manual(Arc::new(AtomicI64::new(start.as_nanos()))))
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => SystemTime::now().into(),
            Source::Manual(nanos) => Timestamp::from_nanos(nanos.load(Ordering::SeqCst)),
        }
    }

    /// Sets a manual clock, also back.
    ///
    /// # Panics
    /// If this is the machine's clock.
    #[cfg(test)]
    pub(crate) fn set(&self, now: Timestamp) {
        match &self.0 {
            Source::System => panic!("only a manual clock can be set"),
            Source::Manual(nanos) => nanos.store(now.as_nanos(), Ordering::SeqCst),
        }
    }

    /// Moves a manual clock on.
    ///
    /// # Panics
    /// If this is the machine's clock.
    pub fn advance(&self, span: Duration) {
        match &self.0 {
            Source::System => panic!("only a manual clock can be moved"),
            Source::Manual(nanos) => {
                let span = i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
                nanos.fetch_add(span, Ordering::SeqCst);
            }
        }
    }
}
