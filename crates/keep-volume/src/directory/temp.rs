//! Temp files: blocks that are being written, not yet under their name.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keep_rules::BlockHash;

use super::lock::too_often;
use super::name;
use super::tree::Tree;
use crate::{Direction, Error, Operation};

/// How many random names are tried.
const NAMES_TRIED_MAX: usize = 100;

/// Temp files of this process. The sweep leaves them alone, however old they are.
#[derive(Debug, Default)]
pub(super) struct Held(Mutex<HashSet<PathBuf>>);

impl Held {
    pub(super) fn contains(&self, path: &Path) -> bool {
        self.lock().contains(path)
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to use a temp name, from before the file exists until after it is gone.
#[derive(Debug)]
pub(super) struct HeldName {
    held: Arc<Held>,
    path: PathBuf,
}

impl HeldName {
    /// A random temp name in `directory`, held before anyone could create it.
    pub(super) fn new(held: &Arc<Held>, directory: &Path, hash: BlockHash) -> io::Result<Self> {
        let path = directory.join(name::temp(hash, getrandom::u32()?));
        held.lock().insert(path.clone());
        Ok(HeldName { held: Arc::clone(held), path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for HeldName {
    fn drop(&mut self) {
        self.held.lock().remove(&self.path);
    }
}

/// An open temp file. Dropping it removes it, unless it was given its final name.
#[derive(Debug)]
pub(super) struct Temp {
    name: HeldName,
    file: Arc<File>,
    written: u64,
    named: Named,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    Temp,
    Final,
}

impl Temp {
    /// The open file.
    pub(super) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Where it is while it is a temp file.
    pub(super) fn path(&self) -> &Path {
        self.name.path()
    }

    /// Bytes written so far.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Remembers that the file has its final name, and is not to be removed.
    pub(super) fn has_final_name(&mut self) {
        self.named = Named::Final;
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        if self.named == Named::Temp
            && let Err(error) = fs::remove_file(self.path())
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "cannot remove a temp file");
        }
    }
}

impl Tree {
    /// Creates a temp file for `hash` beside its final place.
    pub(super) fn create_temp(&self, hash: BlockHash) -> Result<Temp, Error> {
        self.settle_subdirectory(hash)?;
        match self.create_temp_in(&self.subdirectory(hash), hash) {
            Err(Error::Device { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                // Someone removed the sub-directory, or the whole root is gone; settling tells the one from the other.
                self.unsettle_subdirectory(hash);
                self.settle_subdirectory(hash)?;
                self.create_temp_in(&self.subdirectory(hash), hash)
            }
            created => created,
        }
    }

    /// Creates a temp file in a directory that exists. Mode 0600, as the Go program's (spec section 6).
    pub(super) fn create_temp_in(&self, directory: &Path, hash: BlockHash) -> Result<Temp, Error> {
        for _attempt in 0..NAMES_TRIED_MAX {
            let name = HeldName::new(&self.held, directory, hash)
                .map_err(|error| Error::device("choose a name for a temp file", error))?;
            let mut options = OpenOptions::new();
            options.read(true).write(true).create_new(true).mode(0o600);
            match self.call(Operation::Create, || options.open(name.path())) {
                Ok(file) => {
                    return Ok(Temp { name, file: Arc::new(file), written: 0, named: Named::Temp });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::device("create a temp file", error)),
            }
        }
        Err(too_often("find a free name for a temp file"))
    }

    /// Appends to a temp file. After an error the file may be longer than [`Temp::written`], and the same data may be
    /// appended again.
    pub(super) fn append(&self, temp: &mut Temp, data: &[u8]) -> Result<(), Error> {
        temp.file.write_all_at(data, temp.written).map_err(|error| {
            self.stats.failed(&error);
            Error::device("write a temp file", error)
        })?;
        let bytes = data.len() as u64;
        self.stats.moved(Direction::Out, bytes);
        temp.written += bytes;
        Ok(())
    }
}
