//! A device that loses the end of what is written to it.

use keep_volume::Volume;

use super::around::{Around, Hook};

/// A volume that stores only the first bytes of every block and says that all went well: what a crash leaves on a disk
/// that was never synced.
pub type ShortWrite<V> = Around<V, Cut>;

/// How much of a block is kept.
#[derive(Debug)]
pub struct Cut {
    kept: usize,
}

impl Hook for Cut {
    fn bytes_kept(&self) -> usize {
        self.kept
    }
}

impl<V: Volume> ShortWrite<V> {
    /// Keeps the first `kept` bytes of what is written to `inner` from now on.
    pub fn new(inner: V, kept: usize) -> Self {
        Around::with(inner, Cut { kept })
    }
}
