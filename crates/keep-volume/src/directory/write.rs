//! Writing blocks, piece by piece, while more arrives.

use std::io;
use std::mem;

use async_trait::async_trait;
use bytes::Bytes;
use keep_rules::{BLOCK_SIZE_MAX, BlockHash, Timestamp};
use tokio::task::JoinHandle;

use super::Directory;
use super::draft::Draft;
use super::read::ReadBack;
use crate::{BlockReader, BlockWriter, Error};

/// How much is collected before it is written. A smaller block is stored in one hop to a blocking thread; a larger one
/// has up to twice this in memory, because the next piece is collected while the last one is written.
const PIECE_BYTES: usize = 256 << 10;

/// A block that is being stored in a directory.
pub(super) struct Writer {
    directory: Directory,
    draft: Place,
    /// What came since the last piece was handed over.
    collected: Vec<Bytes>,
    collected_bytes: usize,
    size: u64,
    committed: bool,
}

/// Where the draft is.
enum Place {
    Here(Draft),
    /// A piece is being written.
    Away(JoinHandle<(Draft, Result<(), Error>)>),
    /// A future was dropped while it had the draft, or the runtime is gone.
    Lost,
}

impl Writer {
    pub(super) fn new(directory: Directory, hash: BlockHash) -> Self {
        Writer {
            directory,
            draft: Place::Here(Draft::new(hash)),
            collected: Vec::new(),
            collected_bytes: 0,
            size: 0,
            committed: false,
        }
    }

    /// Waits until the draft is here. Says how the last piece went.
    async fn settle(&mut self) -> Result<(), Error> {
        let Place::Away(task) = &mut self.draft else { return Ok(()) };
        let (draft, outcome) = match task.await {
            Ok(back) => back,
            Err(error) => {
                self.draft = Place::Lost;
                return Err(Error::Device {
                    doing: "finish writing a piece",
                    source: io::Error::from(error),
                });
            }
        };
        self.draft = Place::Here(draft);
        outcome
    }

    /// Takes the draft, with all that was collected.
    fn take_draft(&mut self) -> Result<Draft, Error> {
        match mem::replace(&mut self.draft, Place::Lost) {
            Place::Here(mut draft) => {
                draft.chunks.extend(self.collected.drain(..));
                self.collected_bytes = 0;
                Ok(draft)
            }
            other @ (Place::Away(_) | Place::Lost) => {
                self.draft = other;
                let source = io::Error::other("an earlier call of this writer was dropped");
                Err(Error::Device { doing: "go on writing a block", source })
            }
        }
    }
}

#[async_trait]
impl BlockWriter for Writer {
    async fn write(&mut self, data: Bytes) -> Result<(), Error> {
        let size = self.size + data.len() as u64;
        if size > BLOCK_SIZE_MAX {
            return Err(Error::TooLarge { size });
        }
        if self.collected_bytes > 0 && self.collected_bytes + data.len() > PIECE_BYTES {
            self.settle().await?;
            let mut draft = self.take_draft()?;
            self.draft = Place::Away(
                self.directory
                    .start(move |tree| {
                        let outcome = tree.spill(&mut draft);
                        (draft, outcome)
                    })
                    .await,
            );
        }
        self.collected_bytes += data.len();
        self.size = size;
        self.collected.push(data);
        Ok(())
    }

    async fn read_back(&mut self) -> Result<Box<dyn BlockReader>, Error> {
        // How the last piece went is told by `write` and `commit`; what it could not write is in the draft's memory.
        let _told_elsewhere = self.settle().await;
        let draft = self.take_draft()?;
        let chunks = draft.chunks.iter().cloned().collect();
        let reader = ReadBack::new(self.directory.clone(), draft.temp.as_ref(), chunks);
        self.draft = Place::Here(draft);
        Ok(Box::new(reader))
    }

    async fn commit(&mut self, mtime: Timestamp) -> Result<(), Error> {
        assert!(!self.committed, "commit was called again after it returned Ok");
        self.settle().await?;
        let mut draft = self.take_draft()?;
        self.draft = Place::Away(
            self.directory
                .start(move |tree| {
                    let outcome = tree.commit(&mut draft, mtime);
                    (draft, outcome)
                })
                .await,
        );
        self.settle().await?;
        self.committed = true;
        Ok(())
    }
}

impl Drop for Writer {
    /// Removes the temp file, on a blocking thread where there is one. A task that the runtime never starts is dropped
    /// by it, and that removes the file too.
    fn drop(&mut self) {
        if let Place::Here(Draft { temp: Some(temp), .. }) =
            mem::replace(&mut self.draft, Place::Lost)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            drop(runtime.spawn_blocking(move || drop(temp)));
        }
    }
}
