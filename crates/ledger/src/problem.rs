//! What is wrong with a line, and where it is.

use std::fmt;

use crate::{FileNumber, LINE_BYTES_MAX, RecordNumber};

/// Something that no ledger writes, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// In which file.
    pub file: FileNumber,
    /// In which line, the first being 1.
    pub line: u64,
    /// How many bytes of the file come before that line.
    pub byte: u64,
    /// What is wrong with it.
    pub what: Flaw,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// Its chain value does not follow from it and the line before.
    #[error(
        "does not follow from the line before: lines were changed, removed, inserted or moved here"
    )]
    Altered,
    /// It does not end with a chain value.
    #[error("does not end with a chain value, so no ledger wrote it")]
    Unsealed,
    /// It has a chain value, but is no record or header.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// It has more than [`LINE_BYTES_MAX`] bytes.
    #[error("is longer than {LINE_BYTES_MAX} bytes, so no ledger wrote it")]
    TooLong,
    /// It does not end. A crash leaves that at the end of the last file; opening the ledger repairs it.
    #[error("has no end: it was cut off, or is being written now")]
    Torn,
    /// The file does not begin with a header.
    #[error("is not the header that a file begins with")]
    NoHeader,
    /// The file is of another version of the format.
    #[error("says format {0}, which this program cannot read; use a newer one")]
    UnknownFormat(u32),
    /// The header does not continue where the file before ends.
    #[error(
        "does not continue where the file before ends: records are missing there, or were changed"
    )]
    Discontinued,
    /// The file before this one is gone, and older ones are not.
    #[error("comes after {missing} missing files; only the oldest files may be deleted")]
    FilesMissing {
        /// How many.
        missing: u64,
    },
    /// The first file of a ledger continues from something.
    #[error(
        "is of the first file, but continues from another: that was removed, or this one renamed"
    )]
    NoStart,
    /// The header is that of another file.
    #[error("is the header of {0}: the file was renamed")]
    Misnamed(FileNumber),
    /// The record has not the number that comes next.
    #[error("has the number {found}, not {expected}")]
    Misnumbered {
        /// The number that comes next.
        expected: RecordNumber,
        /// The one it has.
        found: RecordNumber,
    },
    /// The chain value that the caller knows is nowhere in the ledger. Reported at its end.
    #[error(
        "ends a ledger that never had the expected chain value: records were cut off its end, it was written anew, or \
         that file was deleted"
    )]
    HeadMissing,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {} (byte {}): {}", self.file, self.line, self.byte, self.what)
    }
}
