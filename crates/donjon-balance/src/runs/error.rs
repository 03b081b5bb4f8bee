//! Why nothing was sorted.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Why nothing was sorted, or nothing more is read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SortError {
    /// The disk is full, or a quota is used up.
    #[error("no room to sort in {directory}: make room there")]
    Full {
        /// The step that failed, as a verb and its object: "write sorted records".
        doing: &'static str,
        /// Where they are kept.
        directory: PathBuf,
    },
    /// The disk failed.
    #[error("cannot {doing} in {directory}: {source}")]
    Io {
        /// The step that failed, as a verb and its object: "write sorted records".
        doing: &'static str,
        /// Where they are kept.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What was written is not what is read: the disk or the memory is broken.
    #[error(
        "the sorted records in {directory} are damaged within bytes {} to {} of its file: {what}; check the disk, then start again",
        .bytes.start, .bytes.end
    )]
    Damaged {
        /// Where they are kept.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(code: i32) -> String {
        let error = io::Error::from_raw_os_error(code);
        SortError::failed("write sorted records", Path::new("/full"), error).to_string()
    }

    #[test]
    fn a_full_disk_is_named_with_what_to_do_and_any_other_error_with_its_reason() {
        let [no_space, input_output] = [28, 5];
        assert_eq!(failed(no_space), "no room to sort in /full: make room there");
        let said = failed(input_output);
        assert!(said.starts_with("cannot write sorted records in /full: Input/output"), "{said}");
    }
}
