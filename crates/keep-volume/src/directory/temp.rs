//! Temp files: blocks that are being written, not yet under their name.
//!
//! Whoever writes one has it locked, from the moment it is there until it has its final name or is gone. So the sweep of
//! any process on the disk can tell it from what a crash left behind. The Go program locks none of its own.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keep_rules::BlockHash;
use rustix::fs::{FlockOperation, flock};

use super::lock::{Attempt, try_to_lock};
use super::name;
use super::tree::Tree;
use crate::{Direction, Error, Operation};

/// How many random names are tried.
const NAMES_TRIED_MAX: usize = 100;

/// A random name for a temp file in `directory`.
pub(super) fn random_name(directory: &Path, hash: BlockHash) -> io::Result<PathBuf> {
    Ok(directory.join(name::temp(hash, getrandom::u64()?)))
}

/// An open temp file, locked. Dropping it removes it, unless it was given its final name.
#[derive(Debug)]
pub(super) struct Temp {
    path: PathBuf,
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
        &self.path
    }

    /// Bytes written so far.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Remembers that the file has its final name, and is not to be removed. It is the block now, and others lock it to
    /// touch or trash it, while this may keep it open.
    pub(super) fn has_final_name(&mut self) {
        self.named = Named::Final;
        if let Err(error) = flock(&*self.file, FlockOperation::Unlock) {
            // They wait until the file is closed.
            let error = io::Error::from(error);
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "cannot unlock a block that was written");
        }
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

/// Who has a new temp file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    ByUs,
    /// A sweep was quicker than we, and removes it.
    BySweep,
}

/// Locks a temp file that was just created. Until then a sweep may take it away: it has, or will have, no name.
fn hold(file: &File) -> io::Result<Held> {
    let held = try_to_lock(file)? == Attempt::Locked && file.metadata()?.nlink() > 0;
    Ok(if held { Held::ByUs } else { Held::BySweep })
}

/// Creates a temp file under a random name, and locks it.
pub(super) fn create(directory: &Path, hash: BlockHash, mode: u32) -> io::Result<Temp> {
    for _attempt in 0..NAMES_TRIED_MAX {
        let path = random_name(directory, hash)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(mode);
        let file = match options.open(&path) {
            Ok(file) => Arc::new(file),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        };
        let temp = Temp { path, file, written: 0, named: Named::Temp };
        match hold(&temp.file)? {
            Held::ByUs => return Ok(temp),
            Held::BySweep => {}
        }
    }
    Err(io::Error::new(io::ErrorKind::ResourceBusy, "no name is free for long enough"))
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
        self.call(Operation::Create, || create(directory, hash, 0o600))
            .map_err(|error| Error::device("create a temp file", error))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temp_file_that_a_sweep_has_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("temp");
        let create = || File::create_new(&path).unwrap();
        let open = || File::options().read(true).write(true).open(&path).unwrap();

        let ours = create();
        assert_eq!(hold(&ours).unwrap(), Held::ByUs);
        assert_eq!(try_to_lock(&open()).unwrap(), Attempt::Taken, "the sweep sees that it is held");
        fs::remove_file(&path).unwrap();

        // The sweep locks it before we do,
        let ours = create();
        let theirs = open();
        assert_eq!(try_to_lock(&theirs).unwrap(), Attempt::Locked);
        assert_eq!(hold(&ours).unwrap(), Held::BySweep);
        // or has even finished by then.
        fs::remove_file(&path).unwrap();
        drop(theirs);
        assert_eq!(hold(&ours).unwrap(), Held::BySweep);
    }
}
