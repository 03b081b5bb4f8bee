//! Exclusion: commit, touch, trash and untrash of one block happen one after the other.
//!
//! Within the process by a lock per hash; against other processes on the same disk, Go keepstores included, by `flock`
//! on the replica's file. A Go keepstore takes the `flock` to touch and to trash, but not to write (spec section 11,
//! 26), so whoever changes a file by name looks afterwards at what it changed.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use keep_rules::{BlockHash, Timestamp};
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::{Errno, retry_on_intr};

use super::root::FileId;
use super::tree::Tree;
use crate::{Error, Operation, Replica};

/// Locks in the process. More than there are threads at work as a rule, so two hashes seldom share one.
const STRIPES: usize = 256;

/// How often a change is tried anew because someone else replaced the file meanwhile. Each attempt means that someone
/// else got ahead, so only a broken file system gets this far.
pub(super) const ATTEMPTS_MAX: usize = 1000;

/// One lock for every 256th hash.
#[derive(Debug)]
pub(super) struct Stripes([Mutex<()>; STRIPES]);

impl Stripes {
    pub(super) fn new() -> Self {
        Stripes([const { Mutex::new(()) }; STRIPES])
    }

    /// Waits until no other thread changes `hash`.
    pub(super) fn lock(&self, hash: BlockHash) -> MutexGuard<'_, ()> {
        let stripe = usize::from(hash.as_bytes()[15]) % STRIPES;
        self.0[stripe].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stored file that no one else may touch or trash until this is dropped.
#[derive(Debug)]
pub(super) struct Locked {
    pub(super) file: File,
    pub(super) id: FileId,
    /// Read after the lock was taken.
    pub(super) replica: Replica,
}

impl Tree {
    /// Opens and locks the file that `path` names, and makes sure that the path still names it then. `None` if there is
    /// no such file; that says nothing about the root.
    pub(super) fn lock_file(&self, path: &Path) -> Result<Option<Locked>, Error> {
        for _attempt in 0..ATTEMPTS_MAX {
            let Some(file) = self.open_to_lock(path)? else { return Ok(None) };
            self.call(Operation::Flock, || {
                Ok(retry_on_intr(|| flock(&file, FlockOperation::LockExclusive))?)
            })
            .map_err(|error| Error::device("lock a block", error))?;
            let locked = self.metadata(Operation::Stat, || file.metadata(), "look at a block")?;
            let Some(named) = self.named(path)? else { continue };
            let id = FileId::of(&locked);
            if FileId::of(&named) == id {
                return Ok(Some(Locked { file, id, replica: replica(&named) }));
            }
        }
        Err(too_often("lock a block"))
    }

    /// What `path` names now, if anything.
    pub(super) fn named(&self, path: &Path) -> Result<Option<std::fs::Metadata>, Error> {
        match self.call(Operation::Stat, || path.symlink_metadata()) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::device("look at a block", error)),
        }
    }

    /// Read-write, because NFS emulates `flock` by a lock that needs it.
    pub(super) fn open_to_lock(&self, path: &Path) -> Result<Option<File>, Error> {
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let opened = self.call(Operation::Open, || {
            OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)
        });
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(not_opened(error)),
        };
        let metadata = self.metadata(Operation::Stat, || file.metadata(), "look at a block")?;
        if metadata.is_file() { Ok(Some(file)) } else { Err(no_regular_file()) }
    }
}

/// How an attempt to lock a file ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// It is ours until the file is closed or unlocked.
    Locked,
    /// Someone else has it.
    Taken,
}

/// Locks a file, open to be written, if nobody else has.
pub(super) fn try_to_lock(file: &File) -> io::Result<Attempt> {
    match retry_on_intr(|| flock(file, FlockOperation::NonBlockingLockExclusive)) {
        Ok(()) => Ok(Attempt::Locked),
        Err(Errno::WOULDBLOCK) => Ok(Attempt::Taken),
        Err(error) => Err(error.into()),
    }
}

/// Size and mtime, as the file system has them.
pub(super) fn replica(metadata: &std::fs::Metadata) -> Replica {
    Replica { size: metadata.len(), mtime: timestamp(metadata.mtime(), metadata.mtime_nsec()) }
}

/// An instant as the file system has it; the nearest one that we can represent.
pub(super) fn timestamp(seconds: i64, nanos: i64) -> Timestamp {
    Timestamp::from_nanos(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
}

/// A block's file that is there and cannot be opened. A link or a directory says so in words that mean something else.
pub(super) fn not_opened(error: io::Error) -> Error {
    match Errno::from_io_error(&error) {
        Some(Errno::LOOP | Errno::ISDIR) => no_regular_file(),
        _other => Error::device("open a block", error),
    }
}

/// Something has a block's name and is a directory, a link or a device.
pub(super) fn no_regular_file() -> Error {
    let source = io::Error::new(io::ErrorKind::InvalidData, "what has its name is no regular file");
    Error::Device { doing: "read a block", source }
}

/// Others replaced a file again and again.
pub(super) fn too_often(doing: &'static str) -> Error {
    let source = io::Error::new(io::ErrorKind::ResourceBusy, "others kept replacing it");
    Error::Device { doing, source }
}
