//! A Directory volume seen from its file system (spec section 6).

use std::fs::{self, File, FileTimes};
use std::io;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keep_rules::BlockHash;

use crate::signature::unix_seconds;

/// A volume whose files the cases make and look at. What was planted goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Volume {
    pub(crate) uuid: String,
    root: PathBuf,
    planted: Mutex<Vec<BlockHash>>,
}

/// A stored copy as `stat` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Replica {
    pub(crate) mtime: SystemTime,
    pub(crate) inode: u64,
}

impl Volume {
    pub(crate) fn new(uuid: &str, root: &Path) -> Self {
        Volume { uuid: uuid.to_owned(), root: root.to_owned(), planted: Mutex::default() }
    }

    fn directory(&self, hash: BlockHash) -> PathBuf {
        self.root.join(hash.to_string().get(..3).unwrap_or_default())
    }

    pub(crate) fn path(&self, hash: BlockHash) -> PathBuf {
        self.directory(hash).join(hash.to_string())
    }

    /// Stores `data` under `hash`, right or wrong, as if written at `mtime`.
    pub(crate) fn plant(&self, hash: BlockHash, data: &[u8], mtime: SystemTime) -> io::Result<()> {
        self.plant_named(hash, &hash.to_string(), data, mtime)
    }

    /// Stores a trashed copy, to be deleted at `deadline`.
    pub(crate) fn plant_trashed(
        &self,
        hash: BlockHash,
        data: &[u8],
        deadline: SystemTime,
    ) -> io::Result<()> {
        self.plant_named(
            hash,
            &format!("{hash}.trash.{}", unix_seconds(deadline)),
            data,
            SystemTime::now(),
        )
    }

    /// Stores a file of any name beside the block's.
    pub(crate) fn plant_named(
        &self,
        hash: BlockHash,
        name: &str,
        data: &[u8],
        mtime: SystemTime,
    ) -> io::Result<()> {
        fs::create_dir_all(self.directory(hash))?;
        self.planted.lock().unwrap_or_else(PoisonError::into_inner).push(hash);
        let path = self.directory(hash).join(name);
        fs::write(&path, data)?;
        set_mtime(&path, mtime)
    }

    /// Makes reads of this block fail: a directory stands in its place.
    pub(crate) fn break_replica(&self, hash: BlockHash) -> io::Result<()> {
        fs::create_dir_all(self.path(hash))
    }

    /// Makes writes of this block fail: a file stands in place of its directory.
    pub(crate) fn break_directory(&self, hash: BlockHash) -> io::Result<()> {
        fs::write(self.directory(hash), b"not a directory")
    }

    /// Stores a file of `length` zero bytes that takes no room.
    pub(crate) fn plant_sparse(&self, hash: BlockHash, length: u64) -> io::Result<()> {
        self.plant(hash, b"", SystemTime::now())?;
        File::options().write(true).open(self.path(hash))?.set_len(length)
    }

    /// Marks the volume full from now on.
    pub(crate) fn mark_full(&self) -> io::Result<()> {
        symlink(unix_seconds(SystemTime::now()).to_string(), self.root.join("full"))
    }

    /// The stored copy, if there is one.
    pub(crate) fn replica(&self, hash: BlockHash) -> io::Result<Option<Replica>> {
        match fs::metadata(self.path(hash)) {
            Ok(found) => Ok(Some(Replica { mtime: found.modified()?, inode: found.ino() })),
            Err(error) if absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn has(&self, hash: BlockHash) -> io::Result<bool> {
        Ok(self.replica(hash)?.is_some())
    }

    pub(crate) fn read(&self, hash: BlockHash) -> io::Result<Vec<u8>> {
        fs::read(self.path(hash))
    }

    pub(crate) fn set_mtime(&self, hash: BlockHash, mtime: SystemTime) -> io::Result<()> {
        set_mtime(&self.path(hash), mtime)
    }

    /// The deadlines of the trashed copies.
    pub(crate) fn trashed(&self, hash: BlockHash) -> io::Result<Vec<u64>> {
        let prefix = format!("{hash}.trash.");
        let names = self.names_beside(hash)?;
        Ok(names.iter().filter_map(|name| name.strip_prefix(&prefix)?.parse().ok()).collect())
    }

    fn names_beside(&self, hash: BlockHash) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.directory(hash)) {
            Ok(entries) => entries,
            Err(error) if absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }
}

/// Whole nanoseconds since 1970, as lists and indexes write an mtime.
pub(crate) fn nanoseconds(mtime: SystemTime) -> u64 {
    u64::try_from(mtime.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos())
        .unwrap_or(u64::MAX)
}

/// `time` with a part below the second that survives no rounding.
pub(crate) fn with_odd_nanoseconds(time: SystemTime) -> SystemTime {
    UNIX_EPOCH + Duration::new(unix_seconds(time), 123_456_789)
}

fn set_mtime(path: &Path, mtime: SystemTime) -> io::Result<()> {
    File::options()
        .write(true)
        .open(path)?
        .set_times(FileTimes::new().set_accessed(mtime).set_modified(mtime))
}

fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

impl Drop for Volume {
    /// Removes every planted block and what the server made of it: the volume may be somebody's.
    fn drop(&mut self) {
        let planted =
            std::mem::take(self.planted.get_mut().unwrap_or_else(PoisonError::into_inner));
        for hash in planted {
            for name in self.names_beside(hash).unwrap_or_default() {
                if name.contains(&hash.to_string()) {
                    // A file that cannot be removed was removed by the server, or stays for its emptier.
                    fs::remove_file(self.directory(hash).join(name)).unwrap_or_default();
                }
            }
        }
    }
}
