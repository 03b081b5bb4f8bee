//! A tree, stored: read, packed, sent, confirmed.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use keep_manifest::{BlockRef, Conflict, Tree};
use keep_rules::{BlockHash, Timestamp};
use md5::{Digest as _, Md5};
use tokio::sync::mpsc;

use crate::layout::Layout;
use crate::node::Node;
use crate::nodes::Nodes;
use crate::packing::Packing;
use crate::placement::Wish;
use crate::reading::{Full, SourceError, Stop, read_all};
use crate::renewal::{RenewError, StoredBlock, renew};
use crate::scan::Scan;
use crate::store::{TooFewCopies, store};

/// Is told what is done, as it is.
pub type OnProgress = Arc<dyn Fn(Done) + Send + Sync>;

/// What is done since the last time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Bytes of files.
    pub bytes: u64,
    /// Files, whole.
    pub files: u64,
}

/// How to store.
#[derive(Clone)]
pub struct PutOptions {
    /// What is wanted of every block.
    pub wish: Wish,
    /// How many blocks are on their way at once. Memory: a block for each, and three that are being read.
    pub jobs: usize,
    /// How files become blocks.
    pub packing: Packing,
    /// Who is told of progress.
    pub on_progress: OnProgress,
}

impl fmt::Debug for PutOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PutOptions { wish, jobs, packing, on_progress: _ } = self;
        f.debug_struct("PutOptions")
            .field("wish", wish)
            .field("jobs", jobs)
            .field("packing", packing)
            .finish_non_exhaustive()
    }
}

/// What was stored, and is not published yet.
#[derive(Debug)]
pub struct Put {
    /// Its files and directories: the manifest.
    pub tree: Tree,
    /// In numbers.
    pub report: PutReport,
    stored: Vec<StoredBlock>,
    classes: Vec<String>,
}

/// What was stored, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PutReport {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Blocks that they are, each once.
    pub blocks: u64,
    /// The bytes of those, each once.
    pub block_bytes: u64,
    /// Blocks that came again, and were not sent again.
    pub repeated_blocks: u64,
}

/// Why nothing is to be published. Blocks may have been stored; the balancer takes care of those.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PutError {
    /// A file was not read as it is.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A block has too few copies.
    #[error(transparent)]
    TooFewCopies(#[from] TooFewCopies),
    /// Files and directories are in each other's way.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// The thread that reads or hashes has ended in a panic.
    #[error("a thread of this program has panicked: {0}")]
    Thread(#[from] tokio::task::JoinError),
}

impl Put {
    /// Makes those blocks young again that have waited for half of the signature TTL. Publish right after it. Gives how many.
    ///
    /// # Errors
    /// [`RenewError`]: do not publish.
    pub async fn renew<N: Node>(
        &mut self,
        nodes: &Nodes<N>,
        ttl: Duration,
        clock: impl Fn() -> Timestamp,
    ) -> Result<u64, RenewError> {
        renew(nodes, &mut self.stored, &self.classes, ttl, clock).await
    }
}

/// A block on its way.
struct Sent {
    number: usize,
    block: BlockRef,
    /// Files that end in it.
    files: u64,
    /// `None` if another of the same data is on its way, or there.
    stored: Option<StoredBlock>,
}

/// Stores all files of a scan. When it returns, every block has as many copies as wanted, acknowledged.
///
/// # Errors
/// [`PutError`]; nothing is to be published then.
///
/// # Cancel safety
/// Dropping the future stops it. Blocks may have been stored.
pub async fn put<N: Node>(
    scan: Scan,
    nodes: &Nodes<N>,
    options: &PutOptions,
    clock: impl Fn() -> Timestamp,
) -> Result<Put, PutError> {
    let packing = options.packing;
    let (to, from) = mpsc::channel(1);
    let reader = tokio::task::spawn_blocking(move || {
        read_all(scan, packing, |full| to.blocking_send(full).map_err(|_closed| Stop::Unwanted))
    });
    let sent = send_all(from, nodes, options, clock).await;
    // Whoever reads has ended, or ends now that nobody takes its blocks.
    let layout = match (reader.await?, sent) {
        (Err(Stop::Source(error)), _) => return Err(error.into()),
        (_, Err(error)) => return Err(error),
        (Err(Stop::Unwanted), Ok(_)) => unreachable!("blocks are taken until there are no more"),
        (Ok(layout), Ok(sent)) => (layout, sent),
    };
    // Empty files after the last block.
    let sent_files = layout.1.iter().map(|sent| sent.files).sum::<u64>();
    let files = layout.0.files.len() as u64 - sent_files;
    (options.on_progress)(Done { bytes: 0, files });
    assemble(layout.0, layout.1, options.wish.classes.clone())
}

async fn send_all<N: Node>(
    from: mpsc::Receiver<Full>,
    nodes: &Nodes<N>,
    options: &PutOptions,
    clock: impl Fn() -> Timestamp,
) -> Result<Vec<Sent>, PutError> {
    // Blocks that were sent, or are on their way: if one of those fails, all does.
    let claimed: Mutex<HashSet<BlockHash>> = Mutex::default();
    let full = stream::unfold(from, |mut from| async { Some((from.recv().await?, from)) });
    let sending = full
        .map(|full| send(full, nodes, options, &claimed, &clock))
        .buffer_unordered(options.jobs.max(1));
    let mut sending = std::pin::pin!(sending);
    let mut sent = Vec::new();
    while let Some(result) = sending.next().await {
        sent.push(result?);
    }
    Ok(sent)
}

async fn send<N: Node>(
    full: Full,
    nodes: &Nodes<N>,
    options: &PutOptions,
    claimed: &Mutex<HashSet<BlockHash>>,
    clock: impl Fn() -> Timestamp,
) -> Result<Sent, PutError> {
    let Full { number, data, files } = full;
    let (hash, data) = tokio::task::spawn_blocking(move || {
        (BlockHash::from_bytes(Md5::digest(&data).into()), Bytes::from(data))
    })
    .await?;
    let size = u32::try_from(data.len()).ok().and_then(|size| BlockRef::new(hash, size));
    let block = size.expect("packing makes no block that is too long");
    let is_new = claimed.lock().unwrap_or_else(PoisonError::into_inner).insert(hash);
    let stored = if is_new {
        let since = clock();
        let (holders, locator) = store(nodes, &options.wish, block, data, since).await?;
        Some(StoredBlock { block, since, holders, locator })
    } else {
        None
    };
    (options.on_progress)(Done { bytes: block.size().into(), files });
    Ok(Sent { number, block, files, stored })
}

fn assemble(layout: Layout, mut sent: Vec<Sent>, classes: Vec<String>) -> Result<Put, PutError> {
    sent.sort_unstable_by_key(|sent| sent.number);
    let blocks: Vec<BlockRef> = sent.iter().map(|sent| sent.block).collect();
    let all = sent.len() as u64;
    let stored: Vec<StoredBlock> = sent.into_iter().filter_map(|sent| sent.stored).collect();
    let files = layout.files.len() as u64;
    let bytes = |(_, parts): &(_, Vec<crate::layout::Part>)| {
        parts.iter().map(|part| u64::from(part.length)).sum::<u64>()
    };
    let report = PutReport {
        files,
        bytes: layout.files.iter().map(bytes).sum(),
        blocks: stored.len() as u64,
        block_bytes: stored.iter().map(|stored| u64::from(stored.block.size())).sum(),
        repeated_blocks: all - stored.len() as u64,
    };
    Ok(Put { tree: layout.into_tree(&blocks)?, report, stored, classes })
}
