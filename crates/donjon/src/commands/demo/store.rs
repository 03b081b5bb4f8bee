//! Storing the files in the first node.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use futures_util::{StreamExt, TryStreamExt, stream};
use keep_protocol::client::{KeepClient, PutBlock};
use keep_rules::{BLOCK_SIZE_MAX, BlockHash, Locator};
use md5::{Digest, Md5};

use super::cluster::Cluster;
use super::story::Story;
use crate::failure::Failure;
use crate::table;

/// Requests at once: enough to keep two cores and a disk busy.
pub(super) const REQUESTS_AT_ONCE: usize = 8;

/// What was stored.
pub(super) struct Catalogue {
    pub(super) files: Vec<StoredFile>,
    /// The blocks of all files: hash and size. Equal contents are one block.
    pub(super) blocks: BTreeSet<BlockName>,
    /// The files' bytes.
    pub(super) bytes: u64,
}

/// A file and the blocks that it became.
pub(super) struct StoredFile {
    pub(super) path: PathBuf,
    pub(super) size: u64,
    /// When it was changed last, as of the storing.
    pub(super) modified: Option<SystemTime>,
    pub(super) blocks: Vec<BlockName>,
}

/// A block's hash and size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BlockName {
    pub(super) hash: BlockHash,
    pub(super) size: u64,
}

impl BlockName {
    pub(super) fn of(data: &[u8]) -> Self {
        BlockName { hash: BlockHash::from_bytes(Md5::digest(data).into()), size: data.len() as u64 }
    }

    pub(super) fn locator(self) -> Locator {
        format!("{}+{}", self.hash, self.size).parse().expect("a hash and a size are a locator")
    }
}

/// Stores every file, in blocks of at most 64 MiB.
pub(super) async fn put_all(
    cluster: &Cluster,
    files: Vec<PathBuf>,
    story: &mut Story,
) -> Result<Catalogue, Failure> {
    story.step(format_args!("{} files are stored in the first node", files.len()));
    let begun = Instant::now();
    let client = &cluster.first().client;
    let puts = stream::iter(files).map(|path| put_file(client, path)).buffered(REQUESTS_AT_ONCE);
    let stored: Vec<Option<StoredFile>> = puts.try_collect().await?;
    let files: Vec<StoredFile> = stored.into_iter().flatten().collect();
    let bytes = files.iter().map(|file| file.size).sum();
    let blocks: BTreeSet<BlockName> =
        files.iter().flat_map(|file| file.blocks.iter().copied()).collect();
    story.tell_prose(format_args!(
        "{} files, {} in {} different blocks, in {:.1} s. Every answer says that the block is on the disk: data, name and \
         directory are synced.",
        files.len(),
        table::bytes(bytes),
        blocks.len(),
        begun.elapsed().as_secs_f64()
    ));
    Ok(Catalogue { files, blocks, bytes })
}

/// Stores data as one block.
pub(super) async fn put_block(client: &KeepClient, data: Vec<u8>) -> Result<BlockName, Failure> {
    let block = BlockName::of(&data);
    let put = PutBlock { hash: block.hash, size: block.size, classes: &[] };
    client
        .put_block(put, data)
        .await
        .map_err(Failure::node(format!("storing block {}", block.hash)))?;
    Ok(block)
}

/// `None` if the file has gone since it was chosen.
async fn put_file(client: &KeepClient, path: PathBuf) -> Result<Option<StoredFile>, Failure> {
    let cannot = || Failure::local(format!("cannot read {}", path.display()));
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot()(error)),
    };
    let modified = file.metadata().and_then(|metadata| metadata.modified()).ok();
    let (mut blocks, mut size) = (Vec::new(), 0);
    loop {
        let mut data = Vec::new();
        file.by_ref().take(BLOCK_SIZE_MAX).read_to_end(&mut data).map_err(cannot())?;
        let block = put_block(client, data).await?;
        blocks.push(block);
        size += block.size;
        if block.size < BLOCK_SIZE_MAX {
            return Ok(Some(StoredFile { path, size, modified, blocks }));
        }
    }
}
