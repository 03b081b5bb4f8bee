//! The handle on a stored list, and the one way in which its state changes.

use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::code::Code;
use crate::disk::{Unreplaced, replace};
use crate::draft::Draft;
use crate::error::StoreError;
use crate::open;
use crate::place::Place;
use crate::progress::Progress;
use crate::record::Record;
use crate::state::{Current, State};

/// One of a node's two lists, in a directory: the list that is stored now, or none.
///
/// `R` is what stands beside each hash, and says which list it is; `E` is how items end. A clone is another handle. While
/// any handle is left, no other process can open the same list in the same directory.
#[derive(Debug)]
pub struct ListStore<R, E> {
    shared: Arc<Shared>,
    of: PhantomData<fn(R) -> E>,
}

impl<R, E> Clone for ListStore<R, E> {
    fn clone(&self) -> Self {
        ListStore { shared: self.shared.clone(), of: PhantomData }
    }
}

/// What all handles share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) place: Place,
    drafts: AtomicU64,
    now: Mutex<Now>,
    /// Dropped last: nothing of this is in use when another may open the list.
    _lock: open::Lock,
}

/// What is stored now: the state as it is on the disk, and the current list's progress if it is open.
#[derive(Debug)]
pub(crate) struct Now {
    state: State,
    pub(crate) progress: Option<Arc<Progress>>,
}

impl<R: Record, E: Code> ListStore<R, E> {
    /// Opens the list that is kept in `directory`, and removes what crashes left there of other lists and drafts.
    ///
    /// # Errors
    /// [`StoreError::InUse`] if it is open already; [`StoreError::Damaged`] if its state is not what was written, and then
    /// [`ListStore::open_anew`] is the way on; [`StoreError::Io`] also if there is no such directory: it is not made.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let place = Place::new(directory.into(), R::LIST);
        let lock = open::lock(&place)?;
        let state = open::state(&place)?;
        Ok(ListStore::with(place, lock, state))
    }

    /// Opens the list that is kept in `directory` as if none were stored. The files that are there get `.damaged` behind
    /// their names, for people to look at. Generations and epochs go on from the highest that any file tells of.
    ///
    /// # Errors
    /// Those of [`ListStore::open`], except that damage is none.
    pub fn open_anew(directory: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let place = Place::new(directory.into(), R::LIST);
        let lock = open::lock(&place)?;
        let state = open::anew::<R>(&place)?;
        Ok(ListStore::with(place, lock, state))
    }

    fn with(place: Place, lock: open::Lock, state: State) -> Self {
        let now = Mutex::new(Now { state, progress: None });
        let shared = Shared { place, drafts: AtomicU64::new(0), now, _lock: lock };
        ListStore { shared: Arc::new(shared), of: PhantomData }
    }

    /// The place for a list that arrives. Several can arrive at once; the stored list is not touched.
    ///
    /// # Errors
    /// [`StoreError::Full`] and [`StoreError::Io`].
    pub fn begin(&self) -> Result<Draft<R, E>, StoreError> {
        let number = self.shared.drafts.fetch_add(1, Ordering::Relaxed);
        Draft::create(self.shared.clone(), number)
    }

    /// The generation of the last list, also if it is stored no more; 0 if there was none.
    pub fn last_generation(&self) -> u64 {
        self.shared.now().state.generation
    }

    /// The highest epoch of all lists so far; `None` if none had one.
    pub fn last_epoch(&self) -> Option<u64> {
        self.shared.now().state.epoch
    }

    /// Drops the stored list, whatever state it is in. The last generation and epoch stay.
    ///
    /// # Errors
    /// [`StoreError::Full`] and [`StoreError::Io`]; the list is stored still.
    pub fn discard(&self) -> Result<(), StoreError> {
        self.shared.discard(&mut self.shared.now())
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Shared {
    pub(crate) fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops the stored list.
    pub(crate) fn discard(&self, now: &mut Now) -> Result<(), StoreError> {
        if now.state.current.is_none() {
            return Ok(());
        }
        let state = State { current: None, ..now.state.clone() };
        self.set(now, state).map_err(Unreplaced::into_error)?;
        now.progress = None;
        self.sweep(now);
        Ok(())
    }

    /// Makes `state` the state, on the disk and then here. The only way in which it changes.
    pub(crate) fn set(&self, now: &mut Now, state: State) -> Result<(), Unreplaced> {
        let contents = state.encode(self.place.list_name());
        match replace(&self.place.state(), self.place.new_state(), &contents) {
            Ok(()) => now.state = state,
            Err(Unreplaced::OldStays(error)) => return Err(Unreplaced::OldStays(error)),
            Err(Unreplaced::Unsure(error)) => {
                // The state on the disk may name this generation: no other list may get it, or take its files away.
                now.state.generation = now.state.generation.max(state.generation);
                now.state.epoch = now.state.epoch.max(state.epoch);
                return Err(Unreplaced::Unsure(error));
            }
        }
        Ok(())
    }

    /// Carries out an order about one list, if it is still the stored one. What changes nothing is not written.
    pub(crate) fn order(
        &self,
        generation: u64,
        order: impl FnOnce(&mut Current) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut now = self.now();
        let mut state = now.state.clone();
        let current = state.current.as_mut().filter(|current| current.generation == generation);
        order(current.ok_or(StoreError::Superseded { generation })?)?;
        if state == now.state {
            return Ok(());
        }
        self.set(&mut now, state).map_err(Unreplaced::into_error)
    }

    /// Removes the files of every list but the current one. What cannot be removed now is a leftover, and goes when the
    /// store is opened the next time.
    pub(crate) fn sweep(&self, now: &Now) {
        let generation = now.state.current.as_ref().map(|current| current.generation);
        drop(open::sweep_lists(&self.place, generation));
    }
}

impl Now {
    pub(crate) fn state(&self) -> &State {
        &self.state
    }
}

impl Unreplaced {
    pub(crate) fn into_error(self) -> StoreError {
        match self {
            Unreplaced::OldStays(error) | Unreplaced::Unsure(error) => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use keep_protocol::list::TrashRequest;
    use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

    use super::*;
    use crate::code::OutcomeCode;

    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    struct Never;

    impl Code for Never {
        fn code(self) -> OutcomeCode {
            OutcomeCode { outcome: 0, reason: 0 }
        }

        fn from_code(_code: OutcomeCode) -> Option<Self> {
            None
        }
    }

    /// Permissions count for this thread from now on, also if it is root's.
    fn be_no_root() {
        let mut sets = capabilities(None).unwrap();
        sets.effective -= CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
        set_capabilities(None, sets).unwrap();
    }

    /// Files can be made and renamed in the directory, but it cannot be opened to be synced.
    fn unsyncable<T: Send>(directory: &std::path::Path, act: impl FnOnce() -> T + Send) -> T {
        fs::set_permissions(directory, Permissions::from_mode(0o300)).unwrap();
        let outcome = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                be_no_root();
                act()
            });
            thread.join().unwrap()
        });
        fs::set_permissions(directory, Permissions::from_mode(0o700)).unwrap();
        outcome
    }

    #[test]
    fn a_generation_that_may_be_on_the_disk_is_not_given_out_again() {
        let directory = tempfile::tempdir().unwrap();
        let store = ListStore::<TrashRequest, Never>::open(directory.path()).unwrap();
        let outcome = unsyncable(directory.path(), || {
            let shared = store.shared();
            let state = State { generation: 7, epoch: Some(3), current: None };
            shared.set(&mut shared.now(), state)
        });
        assert!(matches!(outcome, Err(Unreplaced::Unsure(_))), "{outcome:?}");
        assert_eq!((store.last_generation(), store.last_epoch()), (7, Some(3)));
    }
}
