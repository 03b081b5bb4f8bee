//! Taking possession of a directory: its lock, its state, and what crashes left in it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::contents::Contents;
use crate::disk::{Unreplaced, replace, sync_directory};
use crate::error::StoreError;
use crate::place::{Kind, Place};
use crate::record::Record;
use crate::state::State;

/// A list is locked for this process.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Drop for Lock {
    /// Closing is not enough: a child on its way to `exec` has the same lock open for a moment.
    fn drop(&mut self) {
        // If the system refuses, the lock goes with the last file that is open.
        drop(self.0.unlock());
    }
}

/// Locks the list for this process.
pub(crate) fn lock(place: &Place) -> Result<Lock, StoreError> {
    let path = place.lock();
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|error| StoreError::failed("open", &path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path }),
        Err(TryLockError::Error(error)) => Err(StoreError::failed("lock", &path, error)),
    }
}

/// Reads the state, and removes what is not of its list. Makes the first state if nothing was ever stored.
pub(crate) fn state(place: &Place) -> Result<State, StoreError> {
    let path = place.state();
    let state = match State::read(&path, place.list_name())? {
        Some(state) => state,
        None => first_state(place, &path)?,
    };
    // Whoever wrote it may have been killed before it was safe, and what it says already is not written again.
    sync_directory(place.directory())?;
    sweep_drafts(place)?;
    sweep_lists(place, state.current.as_ref().map(|current| current.generation))?;
    Ok(state)
}

fn first_state(place: &Place, path: &Path) -> Result<State, StoreError> {
    let lists = entries(place)?.into_iter().any(|(_, kind)| matches!(kind, Kind::List(_)));
    if lists {
        // A state is made before the first list, so one was there.
        return Err(StoreError::damaged(path, 0..0, "it is gone, and a list is there"));
    }
    write_first(place, State::default())
}

fn write_first(place: &Place, state: State) -> Result<State, StoreError> {
    let contents = state.encode(place.list_name());
    let written = replace(&place.state(), place.new_state(), &contents);
    written.map_err(Unreplaced::into_error)?;
    Ok(state)
}

/// Makes a state without a list, and puts aside what is there.
///
/// In this order: a copy of the old state is kept, the new one takes its place, and only then do the lists go that tell
/// the generation and the epoch. So wherever this ends, the next attempt finds both in the one or the others.
pub(crate) fn anew<R: Record>(place: &Place) -> Result<State, StoreError> {
    let entries = entries(place)?;
    let known = unless_damaged(State::read(&place.state(), place.list_name()))?.flatten();
    let mut state = State { current: None, ..known.unwrap_or_default() };
    for (_, kind) in &entries {
        match kind {
            Kind::List(generation) => {
                state.generation = state.generation.max(*generation);
                let list = unless_damaged(Contents::<R>::open(place, *generation))?;
                state.epoch = state.epoch.max(list.and_then(|list| list.receipt.epoch));
            }
            Kind::Progress(generation) => state.generation = state.generation.max(*generation),
            Kind::Draft | Kind::NewState => {}
        }
    }
    keep_copy(&place.state())?;
    let state = write_first(place, state)?;
    for (path, kind) in &entries {
        match kind {
            Kind::List(_) | Kind::Progress(_) => put_aside(path)?,
            Kind::Draft => remove(path)?,
            // It became the state.
            Kind::NewState => {}
        }
    }
    sync_directory(place.directory())?;
    Ok(state)
}

/// `None` if the file is damaged, or a newer program's. That it cannot be read is neither.
fn unless_damaged<T>(read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(it) => Ok(Some(it)),
        Err(StoreError::Damaged { .. } | StoreError::Version { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Keeps the file under its other name, too. One that was put aside earlier goes.
fn keep_copy(path: &Path) -> Result<(), StoreError> {
    let aside = aside(path);
    match fs::remove_file(&aside) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(StoreError::failed("remove", &aside, error));
        }
        _gone => {}
    }
    match fs::hard_link(path, &aside) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(StoreError::failed("link", path, error))
        }
        _linked_or_nothing_there => Ok(()),
    }
}

fn put_aside(path: &Path) -> Result<(), StoreError> {
    fs::rename(path, aside(path)).map_err(|error| StoreError::failed("rename", path, error))
}

/// What a damaged file is called.
fn aside(path: &Path) -> PathBuf {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".damaged");
    aside.into()
}

/// Removes lists that were still arriving. Only while no draft is open.
fn sweep_drafts(place: &Place) -> Result<(), StoreError> {
    let left = entries(place)?.into_iter().filter(|(_, kind)| match kind {
        Kind::Draft | Kind::NewState => true,
        Kind::List(_) | Kind::Progress(_) => false,
    });
    left.map(|(path, _)| path).try_for_each(|path| remove(&path))
}

/// Removes the files of all lists but that of `current`.
pub(crate) fn sweep_lists(place: &Place, current: Option<u64>) -> Result<(), StoreError> {
    let left = entries(place)?.into_iter().filter(|(_, kind)| match kind {
        Kind::List(generation) | Kind::Progress(generation) => Some(*generation) != current,
        Kind::Draft | Kind::NewState => false,
    });
    left.map(|(path, _)| path).try_for_each(|path| remove(&path))
}

fn remove(path: &Path) -> Result<(), StoreError> {
    fs::remove_file(path).map_err(|error| StoreError::failed("remove", path, error))
}

/// The files of this list, without its state and its lock.
fn entries(place: &Place) -> Result<Vec<(PathBuf, Kind)>, StoreError> {
    let failed = |error| StoreError::failed("read", place.directory(), error);
    let mut found = Vec::new();
    for entry in fs::read_dir(place.directory()).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if let Some(kind) = place.kind(&entry.file_name()) {
            found.push((entry.path(), kind));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use keep_protocol::status::ListName;

    use super::*;

    #[test]
    fn the_lock_goes_with_its_owner_also_while_a_child_has_it_open() {
        let directory = tempfile::tempdir().unwrap();
        let place = Place::new(directory.path().to_owned(), ListName::Trash);
        let first = lock(&place).unwrap();
        // As a child has it between its fork and its exec.
        let of_a_child = first.0.try_clone().unwrap();
        assert!(matches!(lock(&place), Err(StoreError::InUse { .. })));
        drop(first);
        lock(&place).unwrap();
        drop(of_a_child);
    }
}
