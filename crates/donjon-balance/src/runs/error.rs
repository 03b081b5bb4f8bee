//! Why nothing was sorted.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Why nothing was sorted, or nothing more is read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SortError {
    /// The disk is full, or a quota is used up.
    #[error(
        "the disk is full: cannot {doing} in {directory}; make room there or sort in another directory"
    )]
    Full {
        /// The step that failed, as a verb and its object: "write a run".
        doing: &'static str,
        /// Where runs are kept.
        directory: PathBuf,
    },
    /// The disk failed.
    #[error("cannot {doing} in {directory}")]
    Io {
        /// The step that failed, as a verb and its object: "write a run".
        doing: &'static str,
        /// Where runs are kept.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What was written is not what is read: the disk or the memory is broken.
    #[error(
        "a run in {directory} is damaged within bytes {} to {} of its file: {what}; check the disk, then start again",
        .bytes.start, .bytes.end
    )]
    Damaged {
        /// Where runs are kept.
        directory: PathBuf,
        /// Where in the file the damage is.
        bytes: Range<u64>,
        /// What is wrong there.
        what: &'static str,
    },
    /// A merge is not in order, although every checksum is right: the memory is broken.
    #[error(
        "records came out of order, although every checksum was right; check the memory, then start again"
    )]
    Disordered,
    /// More feeders are wanted at once than the budget is for.
    #[error("{max} feeders are in use, which is what the memory was shared out for")]
    TooManyFeeders {
        /// How many there can be.
        max: usize,
    },
    /// The budget is more than there is.
    #[error("there is no memory for a buffer of {records} records; sort with a smaller budget")]
    NoMemory {
        /// Records of 32 bytes in a feeder's buffer.
        records: usize,
        /// What the system said.
        source: std::collections::TryReserveError,
    },
    /// Some records were pushed into a feeder that was not finished.
    #[error("{open} feeders are not finished and {lost} were dropped, so records are missing")]
    Unfinished {
        /// Feeders that are in use still.
        open: usize,
        /// Feeders that were dropped, or could not be finished.
        lost: usize,
    },
    /// Reading failed before, so nothing more can be read.
    #[error("reading sorted records failed before")]
    Failed,
}

impl SortError {
    /// A step that failed; `ENOSPC` and `EDQUOT` become [`SortError::Full`].
    pub(crate) fn failed(doing: &'static str, directory: &Path, source: io::Error) -> SortError {
        let directory = directory.to_owned();
        if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            SortError::Full { doing, directory }
        } else {
            SortError::Io { doing, directory, source }
        }
    }
}
