//! How a mount that joins an upload late gets what was received before it joined.
//!
//! No upload is held in memory. Its beginning lies in its first pieces as long as they are kept, in the replica that it
//! was found equal to so far, or in what another mount has written. Whatever is read back is hashed: it counts only if
//! it is what was received.

use std::sync::Arc;

use bytes::Bytes;
use keep_rules::BlockHash;
use keep_volume::{BlockReader, BlockWriter, Error};

use super::admin::untrash_on;
use super::sink::{Comparison, Sink, SinkFailure, Work};
use crate::buffer::BufferPool;
use crate::hashing::BlockHasher;
use crate::mounts::Mount;
use crate::node::Node;

/// What was received before a sink joins.
pub(super) enum Prefix {
    /// All of it is in memory.
    Kept(Vec<Bytes>),
    /// It has this hash and length, and has to be read back.
    Passed(BlockHasher),
}

/// Who may be able to give it back.
pub(super) struct Origins<'u> {
    /// Mounts with a replica that was equal so far.
    pub(super) compared: Vec<Arc<Mount>>,
    /// Sinks that have written it, working or not.
    pub(super) written: Vec<&'u mut Sink>,
}

/// Opens a new replica on `mount` that begins with the prefix.
pub(super) async fn write_after(
    mount: &Mount,
    hash: BlockHash,
    prefix: &Prefix,
    origins: Origins<'_>,
    node: &Arc<Node>,
) -> Result<Work, SinkFailure> {
    match prefix {
        Prefix::Kept(pieces) => {
            let mut writer = mount.volume.create(hash).await?;
            for piece in pieces {
                writer.write(piece.clone()).await?;
            }
            Ok(Work::Writing(writer))
        }
        Prefix::Passed(passed) if passed.length() == 0 => {
            Ok(Work::Writing(mount.volume.create(hash).await?))
        }
        Prefix::Passed(passed) => {
            read_back(mount, hash, passed, origins, node).await.map(Work::Writing)
        }
    }
}

async fn read_back(
    mount: &Mount,
    hash: BlockHash,
    passed: &BlockHasher,
    origins: Origins<'_>,
    node: &Arc<Node>,
) -> Result<Box<dyn BlockWriter>, SinkFailure> {
    let buffers = &node.buffers;
    for origin in origins.compared {
        if let Some(reader) = reopen(node, &origin, hash).await
            && let Some(writer) = copy(mount, hash, reader, passed, buffers).await?
        {
            return Ok(writer);
        }
    }
    for sink in origins.written {
        let Work::Writing(written) = &mut sink.work else { continue };
        if let Ok(reader) = written.read_back().await
            && let Some(writer) = copy(mount, hash, reader, passed, buffers).await?
        {
            return Ok(writer);
        }
    }
    Err(SinkFailure::NoPrefix)
}

/// Opens the replica that was compared. If a list has trashed it meanwhile, it is brought back: it is needed.
async fn reopen(
    node: &Arc<Node>,
    origin: &Arc<Mount>,
    hash: BlockHash,
) -> Option<Box<dyn BlockReader>> {
    match origin.volume.open(hash).await {
        Ok(reader) => Some(reader),
        Err(Error::NotFound) => {
            untrash_on(node, origin, hash).await.ok()?;
            origin.volume.open(hash).await.ok()
        }
        Err(_) => None,
    }
}

/// Copies the prefix out of `reader`. `None` if it is not there; an error if the new replica cannot be written.
async fn copy(
    mount: &Mount,
    hash: BlockHash,
    reader: Box<dyn BlockReader>,
    passed: &BlockHasher,
    buffers: &BufferPool,
) -> Result<Option<Box<dyn BlockWriter>>, Error> {
    let mut writer = mount.volume.create(hash).await?;
    let mut source = Comparison::new(reader);
    let mut copied = BlockHasher::begin();
    while copied.length() < passed.length() {
        let left = usize::try_from(passed.length() - copied.length()).unwrap_or(usize::MAX);
        let Ok(piece) = source.next(left, buffers).await else { return Ok(None) };
        if piece.is_empty() {
            return Ok(None);
        }
        copied.update(piece.clone()).await;
        writer.write(piece).await?;
    }
    let is_right = copied.finish().await == passed.clone().finish().await;
    Ok(is_right.then_some(writer))
}

/// Begins to compare the replica on `mount`, whose beginning must be the prefix.
pub(super) async fn compare_after(
    mount: &Mount,
    hash: BlockHash,
    prefix: &Prefix,
    buffers: &BufferPool,
) -> Result<Work, SinkFailure> {
    let mut comparison = Comparison::new(mount.volume.open(hash).await?);
    let passed = match prefix {
        Prefix::Passed(passed) => passed,
        Prefix::Kept(pieces) => {
            for piece in pieces {
                comparison.take(piece, buffers).await?;
            }
            return Ok(Work::Comparing(comparison));
        }
    };
    let mut stored = BlockHasher::begin();
    while stored.length() < passed.length() {
        let left = usize::try_from(passed.length() - stored.length()).unwrap_or(usize::MAX);
        let piece = comparison.next(left, buffers).await?;
        if piece.is_empty() {
            return Err(SinkFailure::Differs);
        }
        stored.update(piece).await;
    }
    if stored.finish().await != passed.clone().finish().await {
        return Err(SinkFailure::Differs);
    }
    comparison.skipped(passed.length());
    Ok(Work::Comparing(comparison))
}
