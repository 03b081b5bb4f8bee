//! What can go wrong with a ledger.

use std::io;
use std::path::{Path, PathBuf};

use crate::{LINE_BYTES_MAX, Problem};

/// What can go wrong with a ledger.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Another process, or another part of this one, writes this ledger.
    #[error("the ledger in {} is being written by another process; stop it, or give this one its own", dir.display())]
    InUse {
        /// The directory of the ledger.
        dir: PathBuf,
    },
    /// The disk has no room, the quota none, or the process may not write such large files. Nothing was recorded; the
    /// ledger ends with a whole record as before.
    #[error("no room for another record in {}; make room, or delete the oldest ledger files", path.display())]
    Full {
        /// The file that could not grow.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The device failed, or a file is missing or may not be read. Nothing was recorded.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// The step that failed, as a verb phrase.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A sync failed, now or earlier. The kernel may have dropped what it could not write, so nothing more is recorded
    /// until the ledger is opened anew, which looks at what is there.
    #[error("cannot sync the ledger in {}: its last records may be lost; open it again", dir.display())]
    SyncFailed {
        /// The directory of the ledger.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line is not as the ledger wrote it.
    #[error(
        "{0}; run `donjon ledger verify` to see all that is wrong, and move the directory away to start a new ledger"
    )]
    Damaged(Problem),
    /// The line would be too long. Nothing was recorded.
    #[error(
        "a line of {bytes} bytes is more than {LINE_BYTES_MAX}: give the mount or the node a shorter name"
    )]
    LineTooLong {
        /// What it would need.
        bytes: usize,
    },
}

impl LedgerError {
    /// A failed step. No room becomes [`LedgerError::Full`].
    pub(crate) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        let full = matches!(
            source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
        );
        let path = path.to_owned();
        if full {
            LedgerError::Full { path, source }
        } else {
            LedgerError::Io { doing, path, source }
        }
    }
}
