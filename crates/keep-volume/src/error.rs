//! Why a volume did not do what it was asked.

use std::io;

use keep_rules::Timestamp;

/// Why a volume did not do what it was asked.
///
/// [`Error::NotFound`] is a fact about the block. Everything else is not: whoever sees another error knows nothing
/// about whether the block is there, and must not act as if it were absent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The volume was read, it is the right one, and the block is not on it.
    #[error("file does not exist")]
    NotFound,
    /// The replica is no longer the one that was decided on. Nothing was done.
    #[error("the replica was rewritten or touched meanwhile (its mtime is now {found})")]
    Changed {
        /// The mtime that the replica has now.
        found: Timestamp,
    },
    /// There is no room for another block. What was stored is intact.
    #[error("volume is full")]
    Full,
    /// A copy is larger than a block can be: a stored file that nobody wrote through Keep, or what a writer was given.
    #[error("it has {size} bytes, more than a block can have")]
    TooLarge {
        /// Bytes in the copy.
        size: u64,
    },
    /// The root is not the volume that the config names, or no longer the directory that was opened at start: a disk
    /// was unmounted or swapped.
    #[error("volume root is not the right one: {detail}")]
    WrongRoot {
        /// What differs, without server paths.
        detail: &'static str,
    },
    /// A [`crate::Halt`] was stopped before the work was done.
    #[error("it was halted")]
    Halted,
    /// The device failed, or does not answer.
    #[error("cannot {doing}")]
    Device {
        /// The step that failed, as a verb phrase: "sync the directory".
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// A failed step of the device. `ENOSPC` and `EDQUOT` become [`Error::Full`].
    ///
    /// `ENOENT` is not turned into [`Error::NotFound`]: only a caller that knows which file was missing, and that the
    /// root is right, may do that.
    pub fn device(doing: &'static str, source: io::Error) -> Error {
        if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            Error::Full
        } else {
            Error::Device { doing, source }
        }
    }
}
