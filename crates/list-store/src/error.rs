//! Why the store did not do what it was asked.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::code::OutcomeCode;

/// Why the store did not do what it was asked.
///
/// Unless a variant says otherwise, what was stored before is stored still.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The disk is full, or a quota is used up.
    #[error("the disk is full: cannot {doing} {path}; make room and send the list again")]
    Full {
        /// The step that failed, as a verb: "write".
        doing: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The disk failed.
    ///
    /// If it failed while it synced a new state, either state may be found after a restart. Both are whole.
    #[error("cannot {doing} {path}")]
    Io {
        /// The step that failed, as a verb: "write".
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not what was written. No item of the list is given out.
    #[error(
        "{path} is damaged within its bytes {} to {}: {what}; send the list again, or start without it",
        .bytes.start, .bytes.end
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in the file the damage is: what one checksum covers.
        bytes: Range<u64>,
        /// What is wrong there.
        what: &'static str,
    },
    /// A file was written by a newer version of this program.
    #[error(
        "{path} has format {found}, and this program knows up to {known}: start the version that wrote it"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u16,
        /// The newest format that is known here.
        known: u16,
    },
    /// An outcome in the progress is none that the caller knows: a newer version wrote it.
    #[error("{path} has an outcome that this program does not know, at byte {at}: {code}")]
    UnknownCode {
        /// The file.
        path: PathBuf,
        /// The entry's first byte.
        at: u64,
        /// What is not known.
        code: OutcomeCode,
    },
    /// Another process, or another part of this one, has the store open.
    #[error("{path} is locked: another node uses this directory")]
    InUse {
        /// The file that is locked.
        path: PathBuf,
    },
    /// The list is not newer than the last one.
    #[error("generation {given} is not above {last}, that of the last list")]
    StaleGeneration {
        /// The generation in the receipt.
        given: u64,
        /// The last one.
        last: u64,
    },
    /// The list's sender is not the latest that sent one.
    #[error(
        "epoch {given} is below {last}, that of an earlier list: its sender was replaced by another"
    )]
    StaleEpoch {
        /// The epoch in the receipt.
        given: u64,
        /// The highest so far.
        last: u64,
    },
    /// The receipt counts other items than were pushed.
    #[error("the receipt counts {receipt} items, but {pushed} were pushed")]
    Miscounted {
        /// Items that the draft took.
        pushed: u64,
        /// Items that the receipt counts.
        receipt: u64,
    },
    /// A list can hold no more items.
    #[error("a list holds at most {max} items")]
    TooManyItems {
        /// The most there can be.
        max: u64,
    },
    /// More blocks were taken off one list than are kept apart.
    #[error("at most {max} blocks can be taken off a list: cancel it instead")]
    TooManyRemoved {
        /// The most there can be.
        max: usize,
    },
    /// The list is no longer the stored one.
    #[error(
        "list {generation} is no longer the stored one: another replaced it, or it was discarded"
    )]
    Superseded {
        /// The list that the call was about.
        generation: u64,
    },
    /// The list is cancelled, which is final.
    #[error("list {generation} is cancelled, and stays so")]
    Cancelled {
        /// The list that the call was about.
        generation: u64,
    },
}

impl StoreError {
    /// A step that failed; `ENOSPC` and `EDQUOT` become [`StoreError::Full`].
    pub(crate) fn failed(doing: &'static str, path: &Path, source: io::Error) -> StoreError {
        let path = path.to_owned();
        if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            StoreError::Full { doing, path }
        } else {
            StoreError::Io { doing, path, source }
        }
    }

    pub(crate) fn damaged(path: &Path, bytes: Range<u64>, what: &'static str) -> StoreError {
        StoreError::Damaged { path: path.to_owned(), bytes, what }
    }
}
