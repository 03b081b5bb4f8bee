//! Directories to open volumes in.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use keep_rules::Timestamp;
use keep_volume::Error;
use keep_volume::directory::{Directory, DirectoryConfig, Durability, Identity, Serialize};

/// The UUID of every mount here.
pub(crate) const UUID: &str = "zzzzz-nyw5e-000000000000000";
/// Some instants.
pub(crate) const T0: Timestamp = Timestamp::from_nanos(1_700_000_000_123_456_789);
pub(crate) const T1: Timestamp = Timestamp::from_nanos(1_700_000_001_123_456_789);

/// A temporary directory, with roots of volumes in it.
pub(crate) struct Disk {
    directory: tempfile::TempDir,
    roots: AtomicU32,
}

impl Disk {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Disk { directory, roots: AtomicU32::new(0) }
    }

    /// A new, empty root.
    pub(crate) fn fresh_root(&self) -> PathBuf {
        let number = self.roots.fetch_add(1, Ordering::Relaxed);
        let root = self.directory.path().join(number.to_string());
        fs::create_dir(&root).expect("a new root");
        root
    }

    pub(crate) fn config(&self, root: &Path) -> DirectoryConfig {
        DirectoryConfig {
            root: root.to_owned(),
            uuid: UUID.parse().expect("a UUID"),
            device_id: "device".parse().expect("a device ID"),
            durability: Durability::Sync,
            serialize: Serialize::No,
            identity: Identity::Adopt,
        }
    }

    pub(crate) fn open(&self, root: &Path) -> Directory {
        Directory::open(self.config(root)).expect("a volume")
    }

    pub(crate) fn fresh_volume(&self) -> Directory {
        self.open(&self.fresh_root())
    }
}

/// All files below a root with their permissions, sorted: `"acb/<hash> 600"`.
pub(crate) fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    collect(root, root, &mut found);
    found.sort();
    found
}

fn collect(root: &Path, directory: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let metadata = path.symlink_metadata().expect("a file");
        let name = path.strip_prefix(root).expect("below the root").display();
        let mode = metadata.permissions().mode() & 0o7777;
        found.push(format!("{name} {mode:o}"));
        if metadata.is_dir() {
            collect(root, &path, found);
        }
    }
}

#[track_caller]
pub(crate) fn assert_wrong_root<T>(outcome: Result<T, Error>) {
    let error = outcome.err().expect("the root is wrong, but the call succeeded");
    assert!(matches!(error, Error::WrongRoot { .. }), "{error:?}");
}

#[track_caller]
pub(crate) fn assert_device<T>(outcome: Result<T, Error>) {
    let error = outcome.err().expect("the device is broken, but the call succeeded");
    assert!(matches!(error, Error::Device { .. }), "{error:?}");
}
