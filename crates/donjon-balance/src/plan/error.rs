//! Why there is no plan.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use keep_rules::BlockHash;

use crate::plan::block_name::BlockName;
use crate::runs::SortError;

/// Why a plan was not written, or is not believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The disk is full, or a quota is used up. Nothing is left of the plan.
    #[error("the disk is full: cannot {doing} {path}; make room and plan again")]
    Full {
        /// The step that failed, as a verb: "write".
        doing: &'static str,
        /// The plan.
        path: PathBuf,
    },
    /// The disk failed.
    #[error("cannot {doing} {path}: {source}")]
    Io {
        /// The step that failed, as a verb: "write".
        doing: &'static str,
        /// The plan.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is a file of this name already. It stays as it is.
    #[error("{path} exists, and no plan is overwritten; choose another name")]
    Exists {
        /// The name.
        path: PathBuf,
    },
    /// The file is not what was written, or no plan.
    #[error(
        "{path} is no whole plan: {place}: {what}; nothing in it is to be believed, plan again"
    )]
    Damaged {
        /// The plan.
        path: PathBuf,
        /// Where the damage was noticed.
        place: Place,
        /// What is wrong there.
        what: String,
    },
    /// The plan was written by a newer version of this program.
    #[error(
        "{path} has format {found}, and this program knows up to {known}: use the version that wrote it"
    )]
    Version {
        /// The plan.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that is known here.
        known: u32,
    },
    /// The header says something that no plan may say. Nothing was written.
    #[error("no plan can begin so: {what}")]
    BadHeader {
        /// What is wrong.
        what: String,
    },
    /// The statistics are too long for a line. The plan was not finished.
    #[error("the last line would be longer than {max} bytes; count less in the statistics")]
    LongStatistics {
        /// The longest line there may be.
        max: usize,
    },
    /// The entry says something that no plan may say. It was not taken.
    #[error("no plan can say this of block {block}: {what}")]
    BadEntry {
        /// The block.
        block: BlockName,
        /// What is wrong.
        what: String,
    },
    /// Entries must be ascending by hash, one for each block. It was not taken.
    #[error(
        "block {block} comes after block {after}: a plan is sorted by hash, and names each block once"
    )]
    OutOfOrder {
        /// The block that came.
        block: BlockHash,
        /// The one before it.
        after: BlockHash,
    },
    /// The entries of the lists could not be sorted.
    #[error("cannot sort the entries of the plan: {0}")]
    Sort(#[from] SortError),
    /// Reading or writing failed before, so nothing more is read or written.
    #[error("reading or writing the plan failed before")]
    Failed,
}

/// A place in a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1, if lines were counted.
    pub line: Option<u64>,
    /// The byte, from 0, counted from the beginning of the file.
    pub byte: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}, ")?;
        }
        write!(f, "byte {}", self.byte)
    }
}

impl PlanError {
    /// A step that failed; `ENOSPC` and `EDQUOT` become [`PlanError::Full`].
    pub(crate) fn failed(doing: &'static str, path: &Path, source: io::Error) -> PlanError {
        let path = path.to_owned();
        if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            PlanError::Full { doing, path }
        } else if source.kind() == io::ErrorKind::AlreadyExists {
            PlanError::Exists { path }
        } else {
            PlanError::Io { doing, path, source }
        }
    }

    pub(crate) fn damaged(path: &Path, place: Place, what: impl Into<String>) -> PlanError {
        PlanError::Damaged { path: path.to_owned(), place, what: what.into() }
    }
}
