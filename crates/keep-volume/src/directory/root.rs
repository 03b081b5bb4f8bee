//! The volume's root directory: the one that was opened, or an error.
//!
//! A path may come to mean another directory: a disk is unmounted, and the empty mount point appears; another disk is
//! mounted in its place. What was read there says nothing about our blocks, and what was written there is lost to them.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use keep_rules::BlockHash;
use keep_rules::mount::{Medium, MountUuid};

use super::config::Identity;
use super::temp;
use crate::Error;
use crate::medium::medium_of;

/// The marker file's name. The Go program ignores it: it is not hexadecimal.
const MARKER: &str = ".donjon-volume";
/// More than any UUID and its newline: the marker is not read further.
const MARKER_BYTES_MAX: u64 = 1024;

/// What a root holds, at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looks {
    /// The marker file, of whichever mount.
    Marked,
    /// Something, but no marker: a Go keepstore may have used it.
    Unmarked,
    /// Nothing at all: a new directory, or the mount point of a disk that is not mounted.
    Empty,
}

/// Looks at a root, before it is opened or after that was refused.
///
/// # Errors
/// [`Error::WrongRoot`] if it is missing or no directory; a failure of the device.
///
/// # Blocking
/// Reads a small file or the beginning of the directory.
pub fn look(root: &Path) -> Result<Looks, Error> {
    look_at_root(root)?;
    if read_marker(root)?.is_some() {
        return Ok(Looks::Marked);
    }
    let mut entries = fs::read_dir(root).map_err(|error| Error::device("read the root", error))?;
    match entries.next() {
        None => Ok(Looks::Empty),
        Some(Ok(_something)) => Ok(Looks::Unmarked),
        Some(Err(error)) => Err(Error::device("read the root", error)),
    }
}

/// Names a file for as long as its file system is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The file that was looked at.
    pub(super) fn of(metadata: &Metadata) -> Self {
        FileId { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// The marker as it was when its text was last read. Another disk's root may have the same device and inode numbers,
/// and so may its marker, but hardly the same change time to the nanosecond.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    id: FileId,
    changed: (i64, i64),
    medium: Medium,
}

impl Seen {
    fn of(metadata: &Metadata) -> Self {
        let changed = (metadata.ctime(), metadata.ctime_nsec());
        Seen { id: FileId::of(metadata), changed, medium: medium_of(metadata) }
    }
}

/// The root directory, by identity.
#[derive(Debug)]
pub(super) struct Root {
    path: PathBuf,
    uuid: MountUuid,
    id: FileId,
    /// `None` if the volume is only observed and has no marker.
    marker: Option<Mutex<Seen>>,
}

impl Root {
    /// Looks at the root, reads its marker, and writes one if that is asked for.
    pub(super) fn open(path: PathBuf, uuid: MountUuid, identity: Identity) -> Result<Root, Error> {
        if !path.is_absolute() {
            return Err(Error::WrongRoot { detail: "its path is not absolute" });
        }
        let id = look_at_root(&path)?;
        let marker = match (read_marker(&path)?, identity) {
            (Some(found), _any) => Some(found.checked(&uuid)?),
            (None, Identity::Adopt) => Some(write_marker(&path, &uuid)?.checked(&uuid)?),
            (None, Identity::Require) => {
                return Err(Error::WrongRoot { detail: "it has no marker file .donjon-volume" });
            }
            (None, Identity::Observe) => None,
        };
        Ok(Root { path, uuid, id, marker: marker.map(Mutex::new) })
    }

    /// Where the root is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What the marker that was last read says of the disk; `None` without a marker.
    pub(super) fn medium(&self) -> Option<Medium> {
        let marker = self.marker.as_ref()?;
        Some(marker.lock().unwrap_or_else(PoisonError::into_inner).medium.clone())
    }

    /// Makes sure that the path still means the directory that was opened. Two cheap look-ups as a rule.
    pub(super) fn verify(&self) -> Result<(), Error> {
        if look_at_root(&self.path)? != self.id {
            return Err(Error::WrongRoot { detail: "another directory is in its place" });
        }
        let Some(seen) = &self.marker else { return Ok(()) };
        let seen_now = match fs::symlink_metadata(self.path.join(MARKER)) {
            Ok(metadata) => Seen::of(&metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(NO_MARKER),
            Err(error) => return Err(Error::device("look at the marker file", error)),
        };
        if *seen.lock().unwrap_or_else(PoisonError::into_inner) == seen_now {
            return Ok(());
        }
        let found = read_marker(&self.path)?.ok_or(NO_MARKER)?.checked(&self.uuid)?;
        *seen.lock().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(())
    }
}

const NO_MARKER: Error = Error::WrongRoot { detail: "its marker file .donjon-volume is gone" };

fn look_at_root(path: &Path) -> Result<FileId, Error> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(FileId::of(&metadata)),
        Ok(_no_directory) => Err(Error::WrongRoot { detail: "it is no directory" }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Error::WrongRoot { detail: "it does not exist" })
        }
        Err(error) => Err(Error::device("look at the root", error)),
    }
}

struct Marker {
    text: String,
    seen: Seen,
}

impl Marker {
    fn checked(self, uuid: &MountUuid) -> Result<Seen, Error> {
        if self.text.trim_end() == uuid.as_str() {
            Ok(self.seen)
        } else {
            Err(Error::WrongRoot { detail: "its marker file .donjon-volume names another mount" })
        }
    }
}

fn read_marker(root: &Path) -> Result<Option<Marker>, Error> {
    let read = || -> io::Result<Marker> {
        let file = File::open(root.join(MARKER))?;
        let seen = Seen::of(&file.metadata()?);
        let mut text = String::new();
        file.take(MARKER_BYTES_MAX).read_to_string(&mut text)?;
        Ok(Marker { text, seen })
    };
    match read() {
        Ok(marker) => Ok(Some(marker)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::device("read the marker file", error)),
    }
}

/// Writes the marker durably, by way of a temp file that the sweep removes after a crash. When two nodes do this at once,
/// one of them wins, and both read what is there.
fn write_marker(root: &Path, uuid: &MountUuid) -> Result<Marker, Error> {
    let write = || -> io::Result<()> {
        let temp = temp::create(root, BlockHash::EMPTY, 0o644)?;
        let mut file: &File = temp.file();
        writeln!(file, "{uuid}")?;
        file.sync_all()?;
        match fs::hard_link(temp.path(), root.join(MARKER)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _there_now => {}
        }
        drop(temp);
        File::open(root)?.sync_all()
    };
    write().map_err(|error| Error::device("write the marker file", error))?;
    read_marker(root)?.ok_or(NO_MARKER)
}
