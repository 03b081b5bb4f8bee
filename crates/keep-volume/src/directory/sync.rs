//! Group commit of directory syncs: callers that come while a sync runs share the next one.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

/// Syncs of numbered directories, each at most one at a time.
///
/// Invariant: a call returns `Ok` only after a sync that **started** after the call did. So whatever the caller did to
/// the directory before is covered.
///
/// A directory whose sync failed once stays failed: the kernel may have dropped what it could not write, and would
/// report the next sync as a success without having written it.
#[derive(Debug)]
pub(super) struct DirSync {
    slots: Box<[Slot]>,
}

#[derive(Debug, Default)]
struct Slot {
    state: Mutex<State>,
    done: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// A sync runs now. Its round is not `next`.
    running: bool,
    /// Where callers wait who came while a sync ran.
    next: Option<Arc<Round>>,
    failed: Option<Failure>,
}

/// One sync and everyone who shares it.
type Round = OnceLock<Result<(), Failure>>;

/// A failed sync, in a form that can be told to several callers.
#[derive(Clone, Copy, Debug)]
struct Failure {
    kind: io::ErrorKind,
    code: Option<i32>,
}

impl Failure {
    fn of(error: &io::Error) -> Self {
        Failure { kind: error.kind(), code: error.raw_os_error() }
    }

    fn into_error(self) -> io::Error {
        match self.code {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::from(self.kind),
        }
    }
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DirSync {
    /// `slots` directories, numbered from zero.
    pub(super) fn new(slots: usize) -> Self {
        DirSync { slots: (0..slots).map(|_slot| Slot::default()).collect() }
    }

    /// Runs `sync` for directory `slot`, or waits for a call that does so on behalf of this one.
    ///
    /// # Errors
    /// What the sync said, to everyone who shared it and to every later caller.
    pub(super) fn sync(
        &self,
        slot: usize,
        sync: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        let slot = &self.slots[slot];
        let mut state = slot.lock();
        let round = if state.running {
            // The sync that runs may have started before our change. Share the next one.
            let round = Arc::clone(state.next.get_or_insert_default());
            state = slot
                .done
                .wait_while(state, |state| state.running && round.get().is_none())
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(outcome) = round.get() {
                return outcome.map_err(Failure::into_error);
            }
            // Nobody runs our round yet: this caller leads it, and takes it away from `next`.
            state.next.take().unwrap_or(round)
        } else {
            state.next.take().unwrap_or_default()
        };
        if let Some(failure) = state.failed {
            drop(state);
            let _first = round.set(Err(failure));
            slot.done.notify_all();
            return Err(failure.into_error());
        }
        state.running = true;
        drop(state);
        let lead = Lead { slot, round: &round };
        lead.finish(sync())
    }

    /// Takes it down that something in directory `slot` could not be synced: nothing there is trusted from now on.
    pub(super) fn fail(&self, slot: usize, error: &io::Error) {
        self.slots[slot].lock().failed.get_or_insert(Failure::of(error));
    }

    /// Whether some directory's sync has failed.
    pub(super) fn has_failed(&self) -> bool {
        self.slots.iter().any(|slot| slot.lock().failed.is_some())
    }
}

/// The duty to end a round, also when `sync` panics.
struct Lead<'a> {
    slot: &'a Slot,
    round: &'a Round,
}

impl Lead<'_> {
    fn finish(self, outcome: io::Result<()>) -> io::Result<()> {
        let shared = outcome.as_ref().map(|done| *done).map_err(Failure::of);
        let _first = self.round.set(shared);
        outcome
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        let panicked = Failure { kind: io::ErrorKind::Other, code: None };
        let outcome = *self.round.get_or_init(|| Err(panicked));
        let mut state = self.slot.lock();
        state.running = false;
        state.failed = state.failed.or(outcome.err());
        drop(state);
        self.slot.done.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    const THREADS: usize = 8;

    fn waiting(syncs: &DirSync) -> usize {
        // `next` itself holds one.
        syncs.slots[0].lock().next.as_ref().map_or(0, |round| Arc::strong_count(round) - 1)
    }

    /// One sync runs, three callers wait for the next.
    fn with_three_waiting(
        first: io::Result<()>,
        second: impl Fn() -> io::Result<()> + Sync,
    ) -> Vec<io::Result<()>> {
        let syncs = DirSync::new(1);
        let (started, has_started) = mpsc::channel();
        let (release, released) = mpsc::channel();
        thread::scope(|scope| {
            let leader = scope.spawn(|| {
                syncs.sync(0, move || {
                    started.send(()).unwrap();
                    released.recv().unwrap();
                    first
                })
            });
            has_started.recv().unwrap();
            let followers: Vec<_> =
                (0..3).map(|_| scope.spawn(|| syncs.sync(0, &second))).collect();
            while waiting(&syncs) < 3 {
                thread::yield_now();
            }
            release.send(()).unwrap();
            let all = std::iter::once(leader).chain(followers);
            all.map(|thread| thread.join().unwrap()).collect()
        })
    }

    #[test]
    fn callers_that_come_while_a_sync_runs_share_the_next() {
        let runs = AtomicU64::new(0);
        let outcomes = with_three_waiting(Ok(()), || {
            runs.fetch_add(1, Ordering::Relaxed);
            Ok(())
        });
        assert!(outcomes.iter().all(Result::is_ok));
        assert_eq!(runs.into_inner(), 1);
    }

    #[test]
    fn everyone_who_shares_a_failed_sync_is_told() {
        let outcomes = with_three_waiting(Ok(()), || Err(io::Error::from_raw_os_error(5)));
        assert!(outcomes[0].is_ok());
        for outcome in &outcomes[1..] {
            assert_eq!(outcome.as_ref().unwrap_err().raw_os_error(), Some(5));
        }
    }

    #[test]
    fn a_directory_whose_sync_failed_is_not_trusted_again() {
        let outcomes = with_three_waiting(Err(io::Error::from_raw_os_error(5)), || Ok(()));
        assert!(outcomes.iter().all(Result::is_err), "{outcomes:?}");
        let syncs = DirSync::new(2);
        assert!(syncs.sync(0, || Err(io::Error::other("broken"))).is_err());
        assert!(syncs.sync(0, || Ok(())).is_err() && syncs.has_failed());
        assert!(syncs.sync(1, || Ok(())).is_ok(), "another directory is not concerned");
        syncs.fail(1, &io::Error::other("a file in it"));
        assert!(syncs.sync(1, || Ok(())).is_err());
    }

    #[test]
    fn a_sync_that_panics_fails_the_directory() {
        let syncs = DirSync::new(1);
        thread::scope(|scope| {
            assert!(scope.spawn(|| syncs.sync(0, || panic!("on purpose"))).join().is_err())
        });
        assert!(syncs.sync(0, || Ok(())).is_err());
    }

    /// Changes are numbered; a sync makes durable what was changed when it **started**. No call may return before its
    /// own change is durable.
    #[test]
    fn no_call_returns_before_a_sync_that_started_after_it() {
        let (syncs, changed, durable) = (DirSync::new(1), AtomicU64::new(0), AtomicU64::new(0));
        let per_thread = 2000;
        thread::scope(|scope| {
            for _thread in 0..THREADS {
                scope.spawn(|| {
                    for _change in 0..per_thread {
                        let change = changed.fetch_add(1, Ordering::SeqCst) + 1;
                        let sync = || {
                            let at_start = changed.load(Ordering::SeqCst);
                            thread::yield_now();
                            durable.fetch_max(at_start, Ordering::SeqCst);
                            Ok(())
                        };
                        syncs.sync(0, sync).unwrap();
                        assert!(durable.load(Ordering::SeqCst) >= change);
                    }
                });
            }
        });
    }
}
