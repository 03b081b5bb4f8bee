//! The one place that names locks and atomics, so that loom can take their place.

#[cfg(not(loom))]
pub(crate) use parking_lot::MutexGuard;
#[cfg(not(loom))]
pub(crate) use real::Mutex;
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

#[cfg(loom)]
pub(crate) use loom::sync::{
    Arc, MutexGuard,
    atomic::{AtomicU64, Ordering},
};
#[cfg(loom)]
pub(crate) use modelled::Mutex;

#[cfg(not(loom))]
mod real {
    use std::hint::spin_loop;

    use super::MutexGuard;

    /// How often a caller looks again before it goes to sleep, and how many pauses it makes in between.
    #[derive(Clone, Copy)]
    struct Spin {
        looks: usize,
        pauses: usize,
    }

    /// For who must not be kept waiting: a holder that runs lets go within nanoseconds, so to sleep, or to yield the
    /// processor to busy workers for a slice of some milliseconds, would be far worse than to look again.
    const EAGER: Spin = Spin { looks: 300, pauses: 4 };
    /// For who may wait: one look after some microseconds, in which the holder takes about a hundred items. Not more
    /// than one: a worker that stays awake keeps the core from a holder that was taken off it, and the owner waits.
    const PATIENT: Spin = Spin { looks: 1, pauses: 512 };

    /// A lock that is not poisoned by a panic.
    pub(crate) struct Mutex<T>(parking_lot::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Mutex(parking_lot::Mutex::new(value))
        }

        /// Takes the lock as soon as possible.
        #[inline]
        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.try_lock().unwrap_or_else(|| self.spin(EAGER))
        }

        /// Takes the lock, and keeps away from it for a moment if it is busy.
        ///
        /// Workers that take items and do nothing with them would otherwise pass the lock to and fro with every item,
        /// and its cache line with it, which costs three times as much as one of them going on for a while. Workers
        /// with real work hardly ever meet here.
        #[inline]
        pub(crate) fn lock_patiently(&self) -> MutexGuard<'_, T> {
            self.0.try_lock().unwrap_or_else(|| self.spin(PATIENT))
        }

        #[cold]
        fn spin(&self, spin: Spin) -> MutexGuard<'_, T> {
            for _ in 0..spin.looks {
                (0..spin.pauses).for_each(|_| spin_loop());
                if let Some(guard) = self.0.try_lock() {
                    return guard;
                }
            }
            self.0.lock()
        }
    }
}

#[cfg(loom)]
mod modelled {
    use super::MutexGuard;

    /// loom's mutex in the same shape.
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Mutex(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().expect("no code under this lock panics in a model")
        }

        pub(crate) fn lock_patiently(&self) -> MutexGuard<'_, T> {
            self.lock()
        }
    }
}
