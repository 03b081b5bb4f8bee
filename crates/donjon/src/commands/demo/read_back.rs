//! Reading everything back and comparing it.

use std::fs::{self, File};
use std::io::Read;

use futures_util::{StreamExt, TryStreamExt, stream};
use keep_protocol::client::ClientError;
use serde::Serialize;

use super::cluster::{Cluster, Node};
use super::lists::Worked;
use super::store::{BlockName, Catalogue, REQUESTS_AT_ONCE, StoredFile};
use super::story::Story;
use crate::failure::{Failure, with_advice};
use crate::table;

/// What came back.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct ReadBack {
    /// Files that are as they were stored.
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// Blocks that the first node had.
    pub(super) from_first: u64,
    /// Blocks that only the second node had any more.
    pub(super) from_second: u64,
    /// Files that somebody changed on the disk meanwhile; their blocks came back right.
    pub(super) changed_on_disk: u64,
    /// Files whose blocks did not come back, or not as they were.
    pub(super) wrong: u64,
}

/// Recovers one block from the first node's trash, and shows that it was gone before. `None` if nothing was trashed.
pub(super) async fn untrash_one(
    cluster: &Cluster,
    catalogue: &Catalogue,
    trash: &Worked,
    story: &mut Story,
) -> Result<Option<String>, Failure> {
    story.step("One block is taken out of the first node's trash again");
    let Some(block) = catalogue.blocks.iter().find(|block| trash.has_done(block.hash)) else {
        story.tell("Nothing was trashed, so there is nothing to recover.");
        return Ok(None);
    };
    let locator = block.locator();
    let first = &cluster.first().client;
    match first.get_block(&cluster.signed(&locator)).await {
        Err(ClientError::NotFound) => {
            story.tell(format_args!("GET {locator}: not found, as it should be"))
        }
        Ok(_) => {
            return Err(Failure::Other(format!(
                "block {locator} was trashed, but the first node still gives it out"
            )));
        }
        Err(error) => return Err(Failure::node(format!("block {locator}"))(error)),
    }
    first.untrash_block(&locator).await.map_err(Failure::node(format!("untrashing {locator}")))?;
    story.tell(format_args!("PUT /untrash/{}: recovered", locator.hash()));
    let data =
        first.get_block(&cluster.signed(&locator)).await.map_err(Failure::node("reading"))?;
    let data = data.collect().await.map_err(Failure::node("reading"))?;
    story.tell(format_args!("GET {locator}: {} bytes, and their MD5 is right", data.len()));
    Ok(Some(locator.hash().to_string()))
}

/// Reads every file from the nodes, as a client would: from the first one that has the block.
pub(super) async fn everything(
    cluster: &Cluster,
    catalogue: &Catalogue,
    story: &mut Story,
) -> Result<ReadBack, Failure> {
    story.step("Everything is read back and compared with the files, byte by byte");
    let reads = stream::iter(&catalogue.files)
        .map(|file| read_file(cluster, file))
        .buffer_unordered(REQUESTS_AT_ONCE);
    let total = reads.try_fold(ReadBack::default(), async |sum, file| Ok(sum.and(file))).await?;
    story.tell(format_args!(
        "{} files, {}: {} blocks from the first node, {} from the second; {} wrong",
        total.files,
        table::bytes(total.bytes),
        total.from_first,
        total.from_second,
        total.wrong
    ));
    if total.changed_on_disk > 0 {
        story.tell(format_args!(
            "{} files were changed on the disk meanwhile; their blocks came back as they were stored",
            total.changed_on_disk
        ));
    }
    Ok(total)
}

impl ReadBack {
    fn and(self, other: ReadBack) -> ReadBack {
        ReadBack {
            files: self.files + other.files,
            bytes: self.bytes + other.bytes,
            from_first: self.from_first + other.from_first,
            from_second: self.from_second + other.from_second,
            changed_on_disk: self.changed_on_disk + other.changed_on_disk,
            wrong: self.wrong + other.wrong,
        }
    }
}

async fn read_file(cluster: &Cluster, file: &StoredFile) -> Result<ReadBack, Failure> {
    let mut read = ReadBack::default();
    let mut on_disk = OnDisk::open(file);
    for block in &file.blocks {
        let Some((node, data)) = read_block(cluster, *block).await? else {
            return Ok(ReadBack { wrong: 1, ..read });
        };
        if node.url == cluster.first().url {
            read.from_first += 1
        } else {
            read.from_second += 1
        }
        read.bytes += block.size;
        on_disk.compare(&data);
    }
    match on_disk {
        OnDisk::Same(_) => read.files += 1,
        OnDisk::Differs if was_changed(file) => (read.files, read.changed_on_disk) = (1, 1),
        OnDisk::Differs => read.wrong += 1,
    }
    Ok(read)
}

/// The block's data and who had it; `None` if neither node has it.
async fn read_block(
    cluster: &Cluster,
    block: BlockName,
) -> Result<Option<(&Node, Vec<u8>)>, Failure> {
    for node in &cluster.nodes {
        let read = match node.client.get_block(&cluster.signed(&block.locator())).await {
            Ok(data) => data.collect().await,
            Err(error) => Err(error),
        };
        match read {
            Ok(data) => return Ok(Some((node, data))),
            Err(ClientError::NotFound) => {}
            Err(error) => {
                return Err(Failure::Other(format!(
                    "block {} from the {} node: {}",
                    block.hash,
                    node.name,
                    with_advice(&error)
                )));
            }
        }
    }
    Ok(None)
}

/// The file on the disk, as far as it was compared.
enum OnDisk {
    Same(File),
    Differs,
}

impl OnDisk {
    fn open(file: &StoredFile) -> Self {
        File::open(&file.path).map_or(OnDisk::Differs, OnDisk::Same)
    }

    fn compare(&mut self, data: &[u8]) {
        let OnDisk::Same(file) = self else { return };
        let mut there = Vec::with_capacity(data.len());
        let read = file.take(data.len() as u64).read_to_end(&mut there);
        if read.is_err() || there != data {
            *self = OnDisk::Differs;
        }
    }
}

/// Whether the file is not the one that was stored: gone, or with another length or time.
fn was_changed(file: &StoredFile) -> bool {
    match fs::metadata(&file.path) {
        Ok(now) => now.len() != file.size || now.modified().ok() != file.modified,
        Err(_gone) => true,
    }
}
