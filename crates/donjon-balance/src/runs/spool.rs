//! The file without a name in which runs lie.

use std::fs::File;
use std::io::ErrorKind;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FallocateFlags, fallocate};

use crate::runs::error::SortError;

/// A file that has no name, so that it ends with the process. Any thread writes to the part it has claimed.
#[derive(Debug)]
pub(crate) struct Spool {
    file: File,
    directory: PathBuf,
    /// What lies beyond was not claimed yet.
    end: AtomicU64,
}

impl Spool {
    pub(crate) fn create(directory: &Path) -> Result<Spool, SortError> {
        let file = tempfile::tempfile_in(directory)
            .map_err(|error| SortError::failed("create a file", directory, error))?;
        Ok(Spool { file, directory: directory.to_owned(), end: AtomicU64::new(0) })
    }

    /// A part of the file that nobody else writes to: its first byte.
    pub(crate) fn claim(&self, bytes: u64) -> u64 {
        self.end.fetch_add(bytes, Ordering::Relaxed)
    }

    pub(crate) fn write(&self, bytes: &[u8], at: u64) -> Result<(), SortError> {
        self.file
            .write_all_at(bytes, at)
            .map_err(|error| SortError::failed("write sorted records", &self.directory, error))
    }

    pub(crate) fn read(&self, bytes: &mut [u8], at: u64) -> Result<(), SortError> {
        self.file.read_exact_at(bytes, at).map_err(|error| {
            if error.kind() == ErrorKind::UnexpectedEof {
                self.damaged(at..at + bytes.len() as u64, "it is cut off")
            } else {
                SortError::failed("read sorted records", &self.directory, error)
            }
        })
    }

    /// Gives the disk back what lies there. It is not read any more.
    pub(crate) fn release(&self, bytes: Range<u64>) {
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        // Where a file system cannot do that, the room comes back with the end of the file.
        let (Ok(()) | Err(_)) = fallocate(&self.file, flags, bytes.start, bytes.end - bytes.start);
    }

    pub(crate) fn damaged(&self, bytes: Range<u64>, what: &'static str) -> SortError {
        SortError::Damaged { directory: self.directory.clone(), bytes, what }
    }

    #[cfg(test)]
    pub(crate) fn file(&self) -> &File {
        &self.file
    }
}
