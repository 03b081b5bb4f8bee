//! Taking possession of a directory: its lock, its state, and what crashes left in it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::disk::{Unreplaced, replace, sync_directory};
use crate::error::StoreError;
use crate::place::{Kind, Place};
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

/// Puts aside what is there, and makes a state without a list.
pub(crate) fn anew(place: &Place) -> Result<State, StoreError> {
    let entries = entries(place)?;
    let named = entries.iter().map(|(_, kind)| match kind {
        Kind::List(generation) | Kind::Progress(generation) => *generation,
        Kind::Draft | Kind::NewState => 0,
    });
    let named = named.max().unwrap_or(0);
    let known = State::read(&place.state(), place.list_name()).ok().flatten().unwrap_or_default();
    for (path, kind) in &entries {
        match kind {
            Kind::List(_) | Kind::Progress(_) => put_aside(path)?,
            Kind::Draft | Kind::NewState => remove(path)?,
        }
    }
    let path = place.state();
    if path.try_exists().map_err(|error| StoreError::failed("look for", &path, error))? {
        put_aside(&path)?;
    }
    sync_directory(place.directory())?;
    let generation = known.generation.max(named);
    write_first(place, State { generation, epoch: known.epoch, current: None })
}

fn put_aside(path: &Path) -> Result<(), StoreError> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".damaged");
    fs::rename(path, aside).map_err(|error| StoreError::failed("rename", path, error))
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
