//! Listing directories.

use std::ffi::CStr;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, DirEntry, FileType, Mode, OFlags, Stat, openat, statat};
use rustix::io::Errno;

use super::name;
use super::tree::Tree;
use crate::{Error, Operation};

/// NFS: the place in a directory got lost because the directory changed.
const EBADCOOKIE: Errno = Errno::from_raw_os_error(523);
/// How often a directory is read anew after that, as in the Go program (spec section 6).
const READ_AGAIN_MAX: usize = 5;

/// What was picked from a directory, and the directory.
#[derive(Debug)]
pub(super) struct Listing<T> {
    pub(super) directory: OwnedFd,
    pub(super) entries: Vec<T>,
}

/// An entry of the root with a hexadecimal name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HexEntry {
    pub(super) name: String,
    pub(super) kind: HexKind,
}

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum HexKind {
    /// A directory whose name has three digits.
    Subdirectory,
    /// A directory with another number of digits.
    OtherDirectory,
    /// No directory.
    NoDirectory,
}

impl Tree {
    /// Reads a directory and keeps what `pick` picks. `None` if there is no such directory; that says nothing about
    /// the root.
    pub(super) fn list<T>(
        &self,
        path: &Path,
        mut pick: impl FnMut(&DirEntry) -> Option<T>,
    ) -> Result<Option<Listing<T>>, Error> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = self.call(Operation::Open, || Ok(openat(CWD, path, flags, Mode::empty())?));
        let directory = match opened {
            Ok(directory) => directory,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::device("open a directory", error)),
        };
        let mut read = || -> io::Result<Vec<T>> {
            let mut attempts = 0..READ_AGAIN_MAX;
            loop {
                let entries: Result<Vec<T>, Errno> = Dir::read_from(&directory)?
                    .filter_map(|entry| entry.map(|entry| pick(&entry)).transpose())
                    .collect();
                match entries {
                    Err(EBADCOOKIE) if attempts.next().is_some() => {}
                    entries => return Ok(entries?),
                }
            }
        };
        let entries = self
            .call(Operation::Readdir, &mut read)
            .map_err(|error| Error::device("read a directory", error))?;
        Ok(Some(Listing { directory, entries }))
    }

    /// Looks at an entry of a directory without following links. `None` if it has vanished.
    pub(super) fn look_in(&self, directory: &OwnedFd, name: &CStr) -> Result<Option<Stat>, Error> {
        let looked =
            self.call(Operation::Stat, || Ok(statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?));
        match looked {
            Ok(stat) => Ok(Some(stat)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::device("look at a file", error)),
        }
    }

    /// The entries of the root whose names are hexadecimal, sorted. A link to a directory counts as one.
    pub(super) fn hex_entries(&self) -> Result<Vec<HexEntry>, Error> {
        let hex = |entry: &DirEntry| {
            let name = entry.file_name().to_bytes();
            name::is_hex(name)
                .then(|| (String::from_utf8_lossy(name).into_owned(), entry.file_type()))
        };
        let listing = self
            .list(self.root.path(), hex)?
            .ok_or(Error::WrongRoot { detail: "it does not exist" })?;
        let mut entries: Vec<_> = listing
            .entries
            .into_iter()
            .map(|(name, file_type)| {
                let kind = if !self.is_directory(&name, file_type) {
                    HexKind::NoDirectory
                } else if name::is_subdirectory(name.as_bytes()) {
                    HexKind::Subdirectory
                } else {
                    HexKind::OtherDirectory
                };
                HexEntry { name, kind }
            })
            .collect();
        entries.sort_unstable();
        Ok(entries)
    }

    /// When in doubt it is one: opening it will tell.
    fn is_directory(&self, name: &str, file_type: FileType) -> bool {
        let undecided = matches!(file_type, FileType::Symlink | FileType::Unknown);
        if undecided {
            self.root.path().join(name).metadata().map_or(true, |metadata| metadata.is_dir())
        } else {
            file_type == FileType::Directory
        }
    }
}
