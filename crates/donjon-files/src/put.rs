//! A tree, stored: blocks of at most 64 MiB, several at once.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use keep_manifest::{BlockRef, Segment, Tree};
use keep_rules::Timestamp;

use crate::Progress;
use crate::nodes::{Nodes, TooFewCopies};
use crate::pack::{Packed, Packer, Part};
use crate::scan::{Kind, Scan};

/// How a tree is stored.
#[derive(Clone, Debug)]
pub struct Putting {
    /// Copies of each block.
    pub copies: u32,
    /// The storage classes they should be in.
    pub classes: Vec<String>,
    /// Blocks on their way at once: each takes 64 MiB of memory.
    pub at_once: usize,
    /// The clock.
    pub now: fn() -> Timestamp,
}

/// A tree that is stored: every block has all its copies.
#[derive(Debug)]
pub struct Put {
    /// What its manifest will say.
    pub tree: Tree,
    /// Distinct blocks.
    pub blocks: Vec<BlockRef>,
    /// Bytes in them.
    pub stored_bytes: u64,
    /// Bytes of files.
    pub bytes: u64,
}

/// Why a tree is not stored. Some of its blocks may be; nobody refers to them.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// A file cannot be read.
    #[error("{}: cannot be read: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A file was written to while it was read.
    #[error("{}: changed while it was stored; store it again when nobody writes to it", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A block has too few copies.
    #[error(transparent)]
    Copies(#[from] TooFewCopies),
    /// A thread of ours ended badly.
    #[error("storing ended badly: {0}")]
    Thread(String),
}

/// Stores what was found.
///
/// # Errors
/// [`PutError`].
///
/// # Cancel safety
/// Dropping it may leave blocks that nobody refers to.
pub async fn put(
    scan: Scan,
    nodes: &Nodes,
    putting: &Putting,
    progress: &dyn Progress,
) -> Result<Put, PutError> {
    let scan = Arc::new(scan);
    let (sender, mut blocks) = tokio::sync::mpsc::channel::<Result<Packed, PutError>>(1);
    let reader = tokio::task::spawn_blocking({
        let scan = Arc::clone(&scan);
        move || read(&scan, |block| sender.blocking_send(block).is_ok())
    });
    let mut tree = Tree::new();
    for found in &scan.found {
        let made = match found.kind {
            Kind::Directory => tree.add_directory(&found.path),
            Kind::File(_) => tree.file_mut(&found.path).map(drop),
        };
        made.expect("a file system has one thing at a path");
    }
    let tree = Mutex::new(tree);
    let known = Mutex::new((HashSet::new(), 0_u64));
    let mut sending = FuturesUnordered::new();
    let mut order: Vec<(BlockRef, Vec<Part>)> = Vec::new();
    let mut open = true;
    while open || !sending.is_empty() {
        tokio::select! {
            block = blocks.recv(), if open && sending.len() < putting.at_once.max(1) => match block {
                None => open = false,
                Some(packed) => {
                    let packed = packed?;
                    let block = packed.block();
                    order.push((block, packed.parts));
                    let new = lock(&known).0.insert(block);
                    if !new {
                        progress.bytes(packed.data.len() as u64);
                        continue;
                    }
                    lock(&known).1 += packed.data.len() as u64;
                    let data = Bytes::from(packed.data);
                    sending.push(async move {
                        let length = data.len() as u64;
                        let done = nodes.store(block.hash(), data, putting.copies, &putting.classes, (putting.now)()).await;
                        progress.bytes(length);
                        done
                    });
                }
            },
            Some(done) = sending.next(), if !sending.is_empty() => done?,
        }
    }
    drop(blocks);
    reader.await.map_err(|error| PutError::Thread(error.to_string()))?;
    let mut tree = tree.into_inner().unwrap_or_else(PoisonError::into_inner);
    // In the order in which files were read, so that the segments of each are in order.
    for (block, parts) in order {
        for part in parts {
            let file = tree.file_mut(&scan.found[part.file].path).expect("it was made above");
            file.push(
                Segment::new(block, part.offset, part.length).expect("the part is of the block"),
            );
        }
    }
    let (blocks, stored_bytes) = known.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Put { tree, blocks: blocks.into_iter().collect(), stored_bytes, bytes: scan.bytes() })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads all files into blocks, until `take` wants no more.
fn read(scan: &Scan, mut take: impl FnMut(Result<Packed, PutError>) -> bool) {
    let mut packer = Packer::default();
    for (number, found) in scan.found.iter().enumerate() {
        let Kind::File(size) = found.kind else { continue };
        if packer.begins_a_block(size)
            && let Some(block) = packer.take()
            && !take(Ok(block))
        {
            return;
        }
        match read_file(&found.source, size, number, &mut packer, &mut take) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                take(Err(error));
                return;
            }
        }
    }
    if let Some(block) = packer.take() {
        take(Ok(block));
    }
}

/// Reads one file. `false` if nobody takes blocks any more.
fn read_file(
    path: &PathBuf,
    size: u64,
    number: usize,
    packer: &mut Packer,
    take: &mut impl FnMut(Result<Packed, PutError>) -> bool,
) -> Result<bool, PutError> {
    let unread = |error| PutError::Read { path: path.clone(), error };
    let mut file = File::open(path).map_err(unread)?;
    let before = seen(&file).map_err(unread)?;
    let mut buffer = vec![0; 256 << 10];
    let mut length = 0;
    loop {
        if packer.room() == 0
            && let Some(block) = packer.take()
            && !take(Ok(block))
        {
            return Ok(false);
        }
        let wanted = buffer.len().min(packer.room());
        let read = file.read(&mut buffer[..wanted]).map_err(unread)?;
        if read == 0 {
            break;
        }
        length += read as u64;
        packer.push(number, &buffer[..read]);
    }
    let after = seen(&file).map_err(unread)?;
    if before != after || length != size {
        return Err(PutError::Changed { path: path.clone() });
    }
    Ok(true)
}

fn seen(file: &File) -> io::Result<(u64, SystemTime)> {
    let metadata = file.metadata()?;
    Ok((metadata.len(), metadata.modified()?))
}
