//! The blocking side of a directory volume. Every file beside this one adds one operation to [`Tree`].

use std::fs::{DirBuilder, File, FileTimes, Metadata};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use keep_rules::{BlockHash, Timestamp};

use super::config::{DirectoryConfig, Durability, Identity};
use super::lock::Stripes;
use super::name::{self, SUBDIRECTORIES};
use super::rename::{rename_private, rename_shared, unlink};
use super::root::Root;
use super::sync::DirSync;
use crate::{Error, IoStats, Operation};

/// The number under which [`DirSync`] knows the root.
const ROOT_SLOT: usize = SUBDIRECTORIES;

/// The files of a volume. All methods block.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) root: Root,
    pub(super) identity: Identity,
    pub(super) durability: Durability,
    pub(super) stats: IoStats,
    pub(super) stripes: Stripes,
    pub(super) syncs: DirSync,
    /// Sub-directories that are known to be durable in the root.
    settled: Box<[AtomicBool]>,
}

impl Tree {
    pub(super) fn open(config: DirectoryConfig) -> Result<Tree, Error> {
        Ok(Tree {
            root: Root::open(config.root, config.uuid, config.identity)?,
            identity: config.identity,
            durability: config.durability,
            stats: IoStats::default(),
            stripes: Stripes::new(),
            syncs: DirSync::new(SUBDIRECTORIES + 1),
            settled: (0..SUBDIRECTORIES).map(|_number| AtomicBool::new(false)).collect(),
        })
    }

    /// The sub-directory of `hash`.
    pub(super) fn subdirectory(&self, hash: BlockHash) -> PathBuf {
        self.root.path().join(name::subdirectory(hash))
    }

    /// The live replica of `hash`.
    pub(super) fn block(&self, hash: BlockHash) -> PathBuf {
        let mut path = self.subdirectory(hash);
        path.push(hash.to_string());
        path
    }

    /// Counts a call and, if it went wrong, its error. That something is absent, or there already, is no failure.
    pub(super) fn call<T>(
        &self,
        operation: Operation,
        call: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        self.stats.count(operation);
        let outcome = call();
        if let Err(error) = &outcome
            && !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists)
        {
            self.stats.failed(error);
        }
        outcome
    }

    /// Looks at a file that must be there.
    pub(super) fn metadata(
        &self,
        operation: Operation,
        look: impl FnOnce() -> io::Result<Metadata>,
        doing: &'static str,
    ) -> Result<Metadata, Error> {
        self.call(operation, look).map_err(|error| Error::device(doing, error))
    }

    /// What to answer when a block's file is missing: absence is a fact only on the right volume.
    pub(super) fn absent(&self) -> Error {
        match self.root.verify() {
            Ok(()) => Error::NotFound,
            Err(wrong) => wrong,
        }
    }

    /// Makes sure that the sub-directory of `hash` exists and that a power loss does not take it away.
    pub(super) fn settle_subdirectory(&self, hash: BlockHash) -> Result<(), Error> {
        let settled = &self.settled[name::subdirectory_number(hash)];
        if settled.load(Ordering::Acquire) {
            return Ok(());
        }
        // Before anything is made there: the path may have become an empty mount point.
        self.root.verify()?;
        match DirBuilder::new().mode(0o755).create(self.subdirectory(hash)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Error::device("create a sub-directory", error));
            }
            _there_now => {}
        }
        self.sync_directory(ROOT_SLOT, self.root.path())?;
        settled.store(true, Ordering::Release);
        Ok(())
    }

    /// Forgets that the sub-directory exists: someone removed it.
    pub(super) fn unsettle_subdirectory(&self, hash: BlockHash) {
        self.settled[name::subdirectory_number(hash)].store(false, Ordering::Release);
    }

    /// Makes the names in the sub-directory of `hash` durable, and makes sure that all this happened on the right
    /// volume. The last step before a change is acknowledged.
    pub(super) fn settle_names(&self, hash: BlockHash) -> Result<(), Error> {
        self.settle_subdirectory(hash)?;
        self.sync_directory(name::subdirectory_number(hash), &self.subdirectory(hash))?;
        self.root.verify()
    }

    fn sync_directory(&self, slot: usize, path: &Path) -> Result<(), Error> {
        if self.durability == Durability::NoSync {
            return Ok(());
        }
        // Opened here: a directory that cannot be opened is no failed sync.
        let directory = self
            .call(Operation::Open, || File::open(path))
            .map_err(|error| Error::device("open a directory to sync it", error))?;
        self.syncs
            .sync(slot, || self.call(Operation::Sync, || directory.sync_all()))
            .map_err(|error| Error::device("sync a directory", error))
    }

    /// Syncs contents and times of a file.
    pub(super) fn sync_file(&self, file: &File) -> Result<(), Error> {
        if self.durability == Durability::NoSync {
            return Ok(());
        }
        self.call(Operation::Sync, || file.sync_all())
            .map_err(|error| Error::device("sync a file", error))
    }

    /// Sets atime and mtime, as the Go program does.
    pub(super) fn set_mtime(&self, file: &File, mtime: Timestamp) -> Result<(), Error> {
        let time = SystemTime::from(mtime);
        let times = FileTimes::new().set_accessed(time).set_modified(time);
        self.call(Operation::Utimes, || file.set_times(times))
            .map_err(|error| Error::device("set the times of a file", error))
    }

    /// Renames a temp file or a trashed copy, unless `to` exists: `AlreadyExists` then, and nothing was done.
    pub(super) fn rename_to_free_name(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(Operation::Rename, || rename_private(from, to))
    }

    /// The same for a live replica, whose name others use: what was moved is to be looked at.
    pub(super) fn take_to_free_name(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(Operation::Rename, || rename_shared(from, to))
    }

    /// Removes a file. `NotFound` is success: it is gone.
    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        self.call(Operation::Unlink, || unlink(path))
    }
}
