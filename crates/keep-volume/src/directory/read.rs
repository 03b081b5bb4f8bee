//! Reading replicas.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;

use async_trait::async_trait;
use keep_rules::{BLOCK_SIZE_MAX, BlockHash, Timestamp};
use rustix::buffer::spare_capacity;
use rustix::fs::{Advice, OFlags, fadvise};
use rustix::io::{pread, retry_on_intr};

use super::Directory;
use super::lock::{no_regular_file, not_opened, replica};
use super::temp::Temp;
use super::tree::Tree;
use crate::chunks::ChunkReader;
use crate::{BlockReader, Direction, Error, Operation, Replica};

/// How much is read together with the open, in one hop to a blocking thread: all of a small block.
const HEAD_BYTES: u64 = 256 << 10;

/// An open replica and its first bytes.
#[derive(Debug)]
pub(super) struct OpenBlock {
    file: File,
    replica: Replica,
    head: Vec<u8>,
}

impl Tree {
    /// Reads a replica's size and mtime.
    pub(super) fn stat(&self, hash: BlockHash) -> Result<Replica, Error> {
        let metadata = self.named(&self.block(hash))?.ok_or_else(|| self.absent())?;
        if metadata.is_file() { Ok(replica(&metadata)) } else { Err(no_regular_file()) }
    }

    /// Opens a replica and reads its first bytes.
    pub(super) fn open_block(&self, hash: BlockHash) -> Result<OpenBlock, Error> {
        // A link or a device with a block's name is not followed, and a pipe does not stop us.
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let path = self.block(hash);
        let opened = self
            .call(Operation::Open, || OpenOptions::new().read(true).custom_flags(flags).open(path));
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(self.absent()),
            Err(error) => return Err(not_opened(error)),
        };
        let metadata = self.metadata(Operation::Stat, || file.metadata(), "look at a block")?;
        if !metadata.is_file() {
            return Err(no_regular_file());
        }
        let replica = replica(&metadata);
        if replica.size > BLOCK_SIZE_MAX {
            return Err(Error::TooLarge { size: replica.size });
        }
        let head_bytes = replica.size.min(HEAD_BYTES);
        let mut head = Vec::with_capacity(usize::try_from(head_bytes).unwrap_or(usize::MAX));
        self.fill(&file, &mut head, 0, head_bytes)?;
        if head_bytes == replica.size {
            self.check_end(&file, replica.size)?;
        } else {
            // Advice only: the kernel reads ahead further. Some file systems take none.
            let _taken = fadvise(&file, 0, None, Advice::Sequential);
        }
        Ok(OpenBlock { file, replica, head })
    }

    /// Appends exactly `wanted` bytes from `offset` to `buffer`, which is empty and has room for them.
    fn fill(
        &self,
        file: &File,
        buffer: &mut Vec<u8>,
        offset: u64,
        wanted: u64,
    ) -> Result<(), Error> {
        let wanted_here = usize::try_from(wanted).unwrap_or(usize::MAX);
        while buffer.len() < wanted_here {
            let position = offset + buffer.len() as u64;
            match retry_on_intr(|| pread(file, spare_capacity(buffer), position)) {
                Ok(0) => return Err(changed_size()),
                Ok(_read) => {}
                Err(error) => {
                    let error = io::Error::from(error);
                    self.stats.failed(&error);
                    return Err(Error::device("read a block", error));
                }
            }
        }
        // The buffer may have had more room than was wanted.
        buffer.truncate(wanted_here);
        self.stats.moved(Direction::In, wanted);
        Ok(())
    }

    fn check_end(&self, file: &File, size: u64) -> Result<(), Error> {
        let metadata = self.metadata(Operation::Stat, || file.metadata(), "look at a block")?;
        if metadata.len() == size { Ok(()) } else { Err(changed_size()) }
    }
}

fn changed_size() -> Error {
    let source = io::Error::new(io::ErrorKind::UnexpectedEof, "its size changed while it was read");
    Error::Device { doing: "read a block", source }
}

/// Streams one replica out.
pub(super) struct Reader {
    directory: Directory,
    file: Arc<File>,
    replica: Replica,
    head: Vec<u8>,
    position: u64,
}

impl Reader {
    pub(super) fn new(directory: Directory, block: OpenBlock) -> Self {
        let OpenBlock { file, replica, head } = block;
        Reader { directory, file: Arc::new(file), replica, head, position: 0 }
    }

    /// Takes from what was read together with the open. Gives that up when it is used up.
    fn take_head(&mut self, buffer: &mut Vec<u8>) {
        let Some(rest) =
            usize::try_from(self.position).ok().and_then(|start| self.head.get(start..))
        else {
            return;
        };
        let taken = rest.len().min(buffer.capacity());
        buffer.extend_from_slice(&rest[..taken]);
        if taken == rest.len() {
            self.head = Vec::new();
        }
    }
}

#[async_trait]
impl BlockReader for Reader {
    fn replica(&self) -> Replica {
        self.replica
    }

    async fn read(&mut self, mut buffer: Vec<u8>) -> Result<Vec<u8>, Error> {
        buffer.clear();
        self.take_head(&mut buffer);
        let wanted = (self.replica.size - self.position).min(buffer.capacity() as u64);
        if buffer.is_empty() && wanted > 0 {
            let (file, position, size) = (Arc::clone(&self.file), self.position, self.replica.size);
            buffer = self
                .directory
                .moving(move |tree| {
                    tree.fill(&file, &mut buffer, position, wanted)?;
                    if position + wanted == size {
                        tree.check_end(&file, size)?;
                    }
                    Ok(buffer)
                })
                .await?;
        }
        self.position += buffer.len() as u64;
        Ok(buffer)
    }
}

/// Streams out what a writer has written so far: a temp file, and then memory.
pub(super) struct ReadBack {
    directory: Directory,
    file: Option<Arc<File>>,
    in_file: u64,
    position: u64,
    rest: ChunkReader,
    replica: Replica,
}

impl ReadBack {
    pub(super) fn new(
        directory: Directory,
        temp: Option<&Temp>,
        chunks: Vec<bytes::Bytes>,
    ) -> Self {
        let in_file = temp.map_or(0, Temp::written);
        let in_memory: u64 = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        let replica = Replica { size: in_file + in_memory, mtime: Timestamp::EPOCH };
        ReadBack {
            directory,
            file: temp.map(|temp| Arc::clone(temp.file())),
            in_file,
            position: 0,
            rest: ChunkReader::new(replica, chunks),
            replica,
        }
    }
}

#[async_trait]
impl BlockReader for ReadBack {
    fn replica(&self) -> Replica {
        self.replica
    }

    async fn read(&mut self, mut buffer: Vec<u8>) -> Result<Vec<u8>, Error> {
        buffer.clear();
        let wanted = (self.in_file - self.position).min(buffer.capacity() as u64);
        let Some(file) = self.file.clone().filter(|_file| wanted > 0) else {
            self.rest.fill(&mut buffer);
            return Ok(buffer);
        };
        let position = self.position;
        self.position += wanted;
        self.directory
            .moving(move |tree| {
                tree.fill(&file, &mut buffer, position, wanted)?;
                Ok(buffer)
            })
            .await
    }
}
