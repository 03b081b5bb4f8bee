//! Stopping long work on a volume.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Tells long work on a volume to stop at once. A clone is another handle on the same flag.
///
/// Once stopped it stays stopped: make a new one for the next round.
///
/// # Examples
/// ```
/// let halt = keep_volume::Halt::default();
/// let handle = halt.clone();
/// assert!(!halt.is_stopped());
/// handle.stop();
/// assert!(halt.is_stopped());
/// ```
#[derive(Clone, Default)]
pub struct Halt {
    stopped: Arc<AtomicBool>,
    condition: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
}

impl Halt {
    /// Stops also as soon as `condition` is seen to hold. It is asked before each step, from several threads, so it
    /// must be quick.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::{Arc, atomic::{AtomicBool, Ordering}};
    /// let frozen = Arc::new(AtomicBool::new(true));
    /// let asked = Arc::clone(&frozen);
    /// let halt = keep_volume::Halt::when(move || asked.load(Ordering::Acquire));
    /// assert!(halt.is_stopped());
    /// frozen.store(false, Ordering::Release);
    /// assert!(halt.is_stopped(), "it stays stopped");
    /// ```
    pub fn when(condition: impl Fn() -> bool + Send + Sync + 'static) -> Halt {
        Halt { stopped: Arc::default(), condition: Some(Arc::new(condition)) }
    }

    /// No step begins after this has returned. A step that each worker has begun is still finished.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    /// Whether to stop.
    pub fn is_stopped(&self) -> bool {
        if self.stopped.load(Ordering::Acquire) {
            return true;
        }
        let holds = self.condition.as_ref().is_some_and(|condition| condition());
        if holds {
            self.stop();
        }
        holds
    }
}

impl fmt::Debug for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Halt").field("stopped", &self.stopped).finish_non_exhaustive()
    }
}
