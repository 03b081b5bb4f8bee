//! A tree, restored: looked for, fetched, verified, named.

mod run;
mod survey;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keep_manifest::{BlockRef, Tree, TreePath};
use keep_rules::Locator;

use crate::destination::Ground;
use crate::fetch::NotFetched;
use crate::node::Node;
use crate::nodes::Nodes;
use crate::put::OnProgress;
use run::Run;

/// What a node is asked for: the locator of a block, signed if need be.
pub type Locate = Arc<dyn Fn(BlockRef) -> Locator + Send + Sync>;

/// What becomes of files that are there and have other content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// They stay, and are reported.
    #[default]
    Keep,
    /// They are replaced, each in one step, once what replaces it is whole.
    Overwrite,
}

/// How to restore.
#[derive(Clone)]
pub struct GetOptions {
    /// How many blocks are on their way at once. Memory: a block for each.
    pub jobs: usize,
    /// What becomes of files that are there.
    pub existing: Existing,
    /// How a block is asked for.
    pub locate: Locate,
    /// Who is told of progress: bytes and files that are there.
    pub on_progress: OnProgress,
}

impl fmt::Debug for GetOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetOptions")
            .field("jobs", &self.jobs)
            .field("existing", &self.existing)
            .finish_non_exhaustive()
    }
}

/// What was restored. All of it if `unrestored` is empty.
#[derive(Clone, Debug, Default)]
pub struct Got {
    /// Files that are there now, and were not.
    pub written: u64,
    /// Files that were there, and have the right content.
    pub kept: u64,
    /// Bytes of all those.
    pub bytes: u64,
    /// Blocks that were read from nodes.
    pub blocks: u64,
    /// Their bytes.
    pub block_bytes: u64,
    /// Files that are not restored, and why.
    pub unrestored: BTreeMap<TreePath, Unrestored>,
}

/// Why a file is not restored.
#[derive(Clone, Debug)]
pub enum Unrestored {
    /// A file of the same size and other content is there; it was left alone.
    Differs,
    /// A block of it cannot be read: which, and what each node said.
    NoBlock(Arc<NotFetched>),
}

/// Why restoring ended early. What was restored is whole; run it again to go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GetError {
    /// The destination could not be read or written.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Where: the destination, and the path in it.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file or directory is in the way. Nothing was changed.
    #[error("{}", survey::in_the_way(found, *count))]
    InTheWay {
        /// The first of them: where, and what is wrong.
        found: Vec<(PathBuf, &'static str)>,
        /// How many there are.
        count: u64,
    },
    /// A name that cannot be in this directory. Nothing was changed.
    #[error(
        "the collection has a file or directory {path}, whose name no directory can have or which `donjon get` uses itself"
    )]
    BadName {
        /// Its path in the collection.
        path: TreePath,
    },
    /// No node answers.
    #[error("{0}. What is there so far stays: run it again to go on")]
    NobodyAnswers(NotFetched),
    /// A thread has ended in a panic.
    #[error("a thread of this program has panicked: {0}")]
    Thread(#[from] tokio::task::JoinError),
}

impl GetError {
    fn io(
        doing: &'static str,
        destination: &Path,
        path: &TreePath,
    ) -> impl FnOnce(io::Error) -> GetError + use<> {
        use std::os::unix::ffi::OsStrExt as _;
        let path = match path.is_root() {
            true => destination.to_owned(),
            false => destination.join(std::ffi::OsStr::from_bytes(path.as_bytes())),
        };
        move |source| GetError::Io { doing, path, source }
    }
}

/// Restores a tree into the directory `to`, which is made unless it is there.
///
/// A file has its name only once it is whole and on the disk. What is there with the right content is not written again,
/// and what an earlier run has left unfinished is used if its hashes are right. A file whose blocks cannot be read is
/// reported, and the others are restored.
///
/// # Errors
/// [`GetError`]. [`GetError::InTheWay`] and [`GetError::BadName`] are found before anything is changed.
pub async fn get<N: Node>(
    tree: &Tree,
    to: &Path,
    nodes: &Nodes<N>,
    options: &GetOptions,
) -> Result<Got, GetError> {
    survey::check_names(tree)?;
    let root = TreePath::root();
    let failed = || GetError::io("restore into", to, &root);
    let ground = Ground::open(to).map_err(failed())?;
    let surveyed = survey::survey(&ground, tree, to, options.existing)?;
    let destination = ground.begin().map_err(failed())?;
    survey::make_directories(&destination, tree, to)?;
    let mut run = Run::new(destination, to, nodes, options, surveyed);
    run.all(tree).await?;
    run.end(tree)
}
