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
    /// Every call, in order.
    #[cfg(test)]
    calls: std::sync::Mutex<Vec<Operation>>,
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
            #[cfg(test)]
            calls: std::sync::Mutex::default(),
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
        #[cfg(test)]
        self.calls.lock().unwrap().push(operation);
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

    /// Syncs contents and times of a file that has a block's name. If that fails, nothing in its directory is trusted any
    /// more: what the kernel could not write of the file it may have dropped, a later sync would say that all is well, and
    /// what is read still comes from memory.
    pub(super) fn sync_live(&self, hash: BlockHash, file: &File) -> Result<(), Error> {
        if self.durability == Durability::NoSync {
            return Ok(());
        }
        self.call(Operation::Sync, || file.sync_all()).map_err(|error| {
            self.syncs.fail(name::subdirectory_number(hash), &error);
            Error::device("sync a file", error)
        })
    }

    /// Syncs contents and times of a file that nobody else uses, and that is thrown away if this fails.
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

/// In which order a power loss may find what was done. Which of it has to be synced, `tests/machine` shows.
#[cfg(test)]
mod tests {
    use keep_rules::mount::DeviceId;
    use keep_rules::trash::Fate;

    use super::*;
    use crate::Untrashed;
    use crate::directory::config::Serialize;
    use crate::directory::draft::Draft;

    const T0: Timestamp = Timestamp::from_seconds(1_700_000_000);
    const T1: Timestamp = Timestamp::from_seconds(1_700_000_001);

    fn tree(root: &Path) -> Tree {
        let config = DirectoryConfig {
            root: root.to_owned(),
            uuid: "zzzzz-nyw5e-000000000000000".parse().unwrap(),
            device_id: "device".parse::<DeviceId>().unwrap(),
            durability: Durability::Sync,
            serialize: Serialize::No,
            identity: Identity::Adopt,
        };
        Tree::open(config).unwrap()
    }

    impl Tree {
        /// The changes and syncs among the calls since the last time. Only a directory is opened just before its sync.
        fn steps(&self) -> Vec<Step> {
            let calls = std::mem::take(&mut *self.calls.lock().unwrap());
            let step = |(at, call): (usize, &Operation)| match call {
                Operation::Utimes => Some(Step::SetTimes),
                Operation::Rename => Some(Step::Rename),
                Operation::Sync if calls[at - 1] == Operation::Open => Some(Step::SyncDirectory),
                Operation::Sync => Some(Step::SyncFile),
                Operation::Open
                | Operation::Stat
                | Operation::Create
                | Operation::Unlink
                | Operation::Flock
                | Operation::Readdir => None,
            };
            calls.iter().enumerate().filter_map(step).collect()
        }

        fn store(&self, hash: BlockHash, mtime: Timestamp) {
            let mut draft = Draft::new(hash);
            draft.chunks.push_back("data".into());
            self.commit(&mut draft, mtime).unwrap();
        }
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Step {
        SetTimes,
        Rename,
        SyncFile,
        SyncDirectory,
    }

    #[test]
    fn a_block_is_whole_before_it_has_its_name_and_has_it_before_the_answer() {
        use Step::{Rename, SetTimes, SyncDirectory, SyncFile};
        let root = tempfile::tempdir().unwrap();
        let tree = tree(root.path());
        tree.store(BlockHash::EMPTY, T0);
        let first = [SyncDirectory, SetTimes, SyncFile, Rename, SyncDirectory];
        assert_eq!(tree.steps(), first, "the new sub-directory is safe before anything is in it");
        tree.store(BlockHash::EMPTY, T1);
        assert_eq!(tree.steps(), [SetTimes, SyncFile, Rename, SyncDirectory], "replaced");
    }

    #[test]
    fn a_touch_is_safe_before_the_answer() {
        use Step::{SetTimes, SyncDirectory, SyncFile};
        let root = tempfile::tempdir().unwrap();
        let tree = tree(root.path());
        tree.store(BlockHash::EMPTY, T0);
        tree.steps();
        tree.touch(BlockHash::EMPTY, T1).unwrap();
        assert_eq!(tree.steps(), [SetTimes, SyncFile, SyncDirectory]);
    }

    /// A pipe has no disk to be synced to, so its sync fails.
    #[test]
    fn a_block_that_could_not_be_synced_once_is_not_acknowledged_later() {
        let root = tempfile::tempdir().unwrap();
        let tree = tree(root.path());
        tree.store(BlockHash::EMPTY, T0);
        let elsewhere: BlockHash = "acbd18db4cc2f85cedef654fccc4a4d8".parse().unwrap();
        tree.store(elsewhere, T0);
        let (pipe, _writer) = std::io::pipe().unwrap();
        let pipe = File::from(std::os::fd::OwnedFd::from(pipe));
        tree.sync_live(BlockHash::EMPTY, &pipe).unwrap_err();
        tree.touch(BlockHash::EMPTY, T1).unwrap_err();
        tree.untrash(BlockHash::EMPTY, T1).unwrap_err();
        let mut draft = Draft::new(BlockHash::EMPTY);
        draft.chunks.push_back("data".into());
        tree.commit(&mut draft, T1).unwrap_err();
        tree.touch(elsewhere, T1).unwrap();
        let sick = crate::TryWrite::No;
        assert!(tree.check(sick).is_err(), "the operator is told");
    }

    #[test]
    fn an_untrashed_block_has_its_new_mtime_before_its_name() {
        use Step::{Rename, SetTimes, SyncDirectory, SyncFile};
        let root = tempfile::tempdir().unwrap();
        let tree = tree(root.path());
        tree.store(BlockHash::EMPTY, T0);
        tree.steps();
        tree.trash(BlockHash::EMPTY, T0, Fate::Until(T1)).unwrap();
        assert_eq!(tree.steps(), [Rename], "a trash that a crash undoes harms nobody");
        assert_eq!(tree.untrash(BlockHash::EMPTY, T1).unwrap(), Untrashed::Restored);
        assert_eq!(tree.steps(), [SetTimes, SyncFile, Rename, SyncFile, SyncDirectory]);
    }
}
