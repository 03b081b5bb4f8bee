//! Directories to open volumes in.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use keep_volume::directory::{Directory, DirectoryConfig, Durability, Identity, Serialize};

/// The UUID of every mount here.
pub(crate) const UUID: &str = "zzzzz-nyw5e-000000000000000";

/// A temporary directory, with roots of volumes in it.
pub(crate) struct Disk {
    directory: tempfile::TempDir,
    roots: AtomicU32,
}

impl Disk {
    pub(crate) fn new() -> Self {
        Disk { directory: tempfile::tempdir().unwrap(), roots: AtomicU32::new(0) }
    }

    /// A new, empty root.
    pub(crate) fn fresh_root(&self) -> PathBuf {
        let number = self.roots.fetch_add(1, Ordering::Relaxed);
        let root = self.directory.path().join(number.to_string());
        fs::create_dir(&root).unwrap();
        root
    }

    pub(crate) fn config(&self, root: &Path) -> DirectoryConfig {
        DirectoryConfig {
            root: root.to_owned(),
            uuid: UUID.parse().unwrap(),
            device_id: "device".parse().unwrap(),
            durability: Durability::Sync,
            serialize: Serialize::No,
            identity: Identity::Adopt,
        }
    }

    pub(crate) fn open(&self, root: &Path) -> Directory {
        Directory::open(self.config(root)).unwrap()
    }

    pub(crate) fn fresh_volume(&self) -> Directory {
        self.open(&self.fresh_root())
    }
}
