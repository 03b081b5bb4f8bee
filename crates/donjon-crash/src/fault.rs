//! What a node did wrong.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::books::Nanos;

/// A broken promise, or something that kept the campaign from checking one.
#[derive(Debug)]
pub enum Fault {
    /// An acknowledged block is gone and nothing excuses it.
    Lost {
        /// The block.
        hash: String,
        /// When it was noticed.
        now: Nanos,
        /// When the request was sent that promised it.
        promised_at: Nanos,
        /// The latest mtime that a list condemned.
        condemned: Option<Nanos>,
    },
    /// A node answered 200 with other data than the block's.
    WrongData {
        /// The block.
        hash: String,
    },
    /// A file under a block's name has other contents.
    Damaged(PathBuf),
    /// A block was trashed with a lifetime of hours and is not in the trash.
    NotInTrash {
        /// The block.
        hash: String,
    },
    /// Temp files of the killed process are still there.
    TempsStay(Vec<PathBuf>),
    /// The index lacks its last line, or holds a line that cannot be.
    BadIndex(String),
    /// An answer that no healthy node gives to this request.
    Answer {
        /// Method and path.
        request: String,
        /// The status code.
        status: u16,
        /// The body's text.
        text: String,
    },
    /// The connection broke although nobody had killed the node.
    Broken {
        /// Method and path.
        request: String,
        /// What happened.
        error: io::Error,
    },
    /// The node did not come back, or the campaign itself could not go on.
    Stuck(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost { hash, now, promised_at, condemned } => write!(
                f,
                "LOST: block {hash} was acknowledged (request sent at {promised_at} ns) and is absent at {now} ns; \
                 the latest mtime on a trash list was {condemned:?}"
            ),
            Self::WrongData { hash } => {
                write!(f, "block {hash} was answered with 200 and other data")
            }
            Self::Damaged(path) => {
                write!(f, "{} has other contents than its name says", path.display())
            }
            Self::NotInTrash { hash } => {
                write!(f, "block {hash} was trashed and is not in the trash")
            }
            Self::TempsStay(paths) => {
                write!(f, "{} temp files stay after a restart, first: {:?}", paths.len(), paths[0])
            }
            Self::BadIndex(what) => write!(f, "the index is wrong: {what}"),
            Self::Answer { request, status, text } => {
                write!(f, "{request} was answered with {status}: {text}")
            }
            Self::Broken { request, error } => {
                write!(f, "{request} broke while the node was alive: {error}")
            }
            Self::Stuck(what) => f.write_str(what),
        }
    }
}
