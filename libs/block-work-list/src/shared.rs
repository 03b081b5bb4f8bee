//! What all handles and claims of one list share: the state behind its lock, and the events to wait for.
//!
//! The lock is held for one step of the state and never while waiting. Wakers run, and items are dropped, after it is
//! released; the lock of parking_lot is not poisoned, so a panic elsewhere cannot break a list.

use event_listener::Event;

use crate::finished::{Finished, Watch};
use crate::state::{News, Nothing, State};
use crate::sync::{Arc, Mutex, MutexGuard};
use crate::{BlockWork, Claim, Status, TryNextError};

pub(crate) struct Shared<H, T> {
    state: Mutex<State<H, T>>,
    finished: Finished,
    /// Workers that wait for an item. Invariant: while items are queued, at least min(items, waiters) of them have
    /// been woken and have not looked yet.
    pub(crate) work: Event,
    /// Callers that wait for the list not to be empty: all are woken.
    pub(crate) filled: Event,
    /// Callers that wait for the list to be idle: all are woken.
    pub(crate) idle: Event,
}

impl<H, T> Shared<H, T> {
    pub(crate) fn new() -> Self {
        Shared {
            state: Mutex::new(State::new()),
            finished: Finished::new(),
            work: Event::new(),
            filled: Event::new(),
            idle: Event::new(),
        }
    }

    /// Claims the next item and makes of it what the caller returns; or of the reason why there is none.
    ///
    /// The claim's share in the list is counted with the lock held: the count lies beside the lock, so no other core
    /// wants its cache line just then. The caller's type is built directly: a `Result` on the way would cost five
    /// nanoseconds, because the item would be stored and loaded again in pieces of different sizes.
    #[inline]
    pub(crate) fn claim<R>(
        shared: &Arc<Self>,
        claimed: impl FnOnce(Claim<H, T>) -> R,
        nothing: impl FnOnce(TryNextError) -> R,
    ) -> R {
        let mut state = shared.state.lock_patiently();
        if let Some(item) = state.claim() {
            return claimed(Claim::new(item, state.generation(), Arc::clone(shared)));
        }
        nothing(reason_for_nothing(state))
    }

    /// Looks at the state without changing it.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&State<H, T>) -> R) -> R {
        look(&self.state.lock())
    }

    /// One step that may give waiters something to do.
    pub(crate) fn step<R>(&self, step: impl FnOnce(&mut State<H, T>) -> R) -> R {
        let mut state = self.state.lock();
        let result = step(&mut state);
        let news = state.news(self.finished.count());
        drop(state);
        self.announce(news);
        result
    }

    /// Wakes no more workers than there are items: `notify` counts those that were woken before and have not run yet.
    fn announce(&self, news: News) {
        if news.queued > 0 {
            self.work.notify(news.queued);
            self.filled.notify(usize::MAX);
        }
        if news.idle {
            self.idle.notify(usize::MAX);
        }
    }

    /// Gives the wake of a worker that left the line of waiters to another, if there is an item for it.
    ///
    /// A listener that is dropped passes its wake on by itself, but only if no other is awake: with two items, two
    /// woken workers and a third that waits, the wake of one that leaves would be lost. Hence this.
    pub(crate) fn pass_on(&self) {
        let queued = self.read(State::queued);
        if queued > 0 {
            self.work.notify(queued);
        }
    }

    /// Ends all waiting for items: there will never be any.
    pub(crate) fn wake_all(&self) {
        self.work.notify(usize::MAX);
        self.filled.notify(usize::MAX);
    }

    /// Counts a claim as done.
    #[inline]
    pub(crate) fn finish(&self) {
        if self.finished.count_one() == Watch::On {
            self.step(|_| ());
        }
    }

    pub(crate) fn give_back(
        &self,
        generation: u64,
        item: BlockWork<H, T>,
    ) -> Result<(), BlockWork<H, T>> {
        self.step(|state| state.give_back(generation, item))
    }

    /// The finished claims are read with the lock held: no claim can be made meanwhile, so the sums are of one instant.
    pub(crate) fn status(&self) -> Status {
        let state = self.state.lock();
        state.status(self.finished.count())
    }

    pub(crate) fn is_idle(&self) -> bool {
        let state = self.state.lock();
        state.news(self.finished.count()).idle
    }

    /// From now on a claim that finishes looks whether the list became idle.
    pub(crate) fn watch_idle(&self) {
        let mut state = self.state.lock();
        if state.add_idle_watcher() {
            self.finished.set_watch(Watch::On);
        }
    }

    pub(crate) fn unwatch_idle(&self) {
        let mut state = self.state.lock();
        if state.remove_idle_watcher() {
            self.finished.set_watch(Watch::Off);
        }
    }
}

impl<H: Clone, T: Clone> Shared<H, T> {
    /// What is queued, oldest first. Room is made without the lock; if the list grew since, once more.
    pub(crate) fn snapshot(&self) -> Vec<BlockWork<H, T>> {
        let mut items = Vec::new();
        while let Err(queued) = self.read(|state| state.snapshot_into(&mut items)) {
            items.reserve_exact(queued);
        }
        items
    }
}

/// Why there is nothing to claim; frees the buffers of a drained list after the lock is released.
#[cold]
fn reason_for_nothing<H, T>(mut state: MutexGuard<'_, State<H, T>>) -> TryNextError {
    let nothing = state.nothing();
    drop(state);
    match nothing {
        Nothing::Empty { spent } => {
            drop(spent);
            TryNextError::Empty
        }
        Nothing::Closed => TryNextError::Closed,
    }
}
