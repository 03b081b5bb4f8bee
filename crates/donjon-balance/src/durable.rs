//! A small file of the state directory, replaced as a whole: contents, then name, then directory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A file of the state directory that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot {doing} it: {error}{}", path.display(), advice(error))]
pub struct StateError {
    path: PathBuf,
    doing: &'static str,
    #[source]
    error: io::Error,
}

/// What to do about it.
fn advice(error: &io::Error) -> &'static str {
    let kind = error.kind();
    if matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
        "; make room there"
    } else if kind == io::ErrorKind::ReadOnlyFilesystem {
        "; mount it writable"
    } else if kind == io::ErrorKind::PermissionDenied {
        "; the balancer reads and writes its state directory: run it as the user who owns that"
    } else {
        ""
    }
}

impl StateError {
    pub(crate) fn new(path: &Path, doing: &'static str, error: io::Error) -> StateError {
        StateError { path: path.to_owned(), doing, error }
    }
}

/// The bytes of a file; none if it is absent, and nothing if it is longer than `max`, which no file of ours is.
pub(crate) fn read(path: &Path, max: u64) -> Result<Option<Vec<u8>>, StateError> {
    let read = fs::metadata(path)
        .and_then(|file| if file.len() > max { Ok(Vec::new()) } else { fs::read(path) });
    match read {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StateError::new(path, "read", error)),
    }
}

/// Replaces a file, so that after a crash it is the old one or the new one. One writer at a time: whoever has the lock.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), StateError> {
    write(path, bytes).map_err(|error| StateError::new(path, "write", error))
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let mut options = OpenOptions::new();
    let mut file = options.create(true).truncate(true).write(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    match path.parent() {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}
