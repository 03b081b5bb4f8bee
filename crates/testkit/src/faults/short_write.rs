//! A device that loses the end of what is written to it.

use async_trait::async_trait;
use bytes::Bytes;
use keep_rules::mount::DeviceId;
use keep_rules::trash::Fate;
use keep_rules::{BlockHash, HashPrefix, Timestamp};
use keep_volume::{
    BlockReader, BlockWriter, EmptyOrder, Error, Halt, IndexCursor, IoStats, Replica, Round, Swept,
    Tally, TrashedCopy, TryWrite, Untrashed, Volume,
};

/// A volume that stores only the first bytes of every block and says that all went well: what a crash leaves on a disk
/// that was never synced.
#[derive(Debug)]
pub struct ShortWrite<V> {
    inner: V,
    kept: usize,
}

impl<V: Volume> ShortWrite<V> {
    /// Keeps the first `kept` bytes of what is written to `inner` from now on.
    pub fn new(inner: V, kept: usize) -> Self {
        ShortWrite { inner, kept }
    }
}

struct ShortWriter {
    inner: Box<dyn BlockWriter>,
    left: usize,
}

#[async_trait]
impl BlockWriter for ShortWriter {
    async fn write(&mut self, data: Bytes) -> Result<(), Error> {
        let kept = data.slice(..data.len().min(self.left));
        self.left -= kept.len();
        self.inner.write(kept).await
    }

    async fn read_back(&mut self) -> Result<Box<dyn BlockReader>, Error> {
        self.inner.read_back().await
    }

    async fn commit(&mut self, mtime: Timestamp) -> Result<(), Error> {
        self.inner.commit(mtime).await
    }
}

#[async_trait]
impl<V: Volume> Volume for ShortWrite<V> {
    fn device_id(&self) -> &DeviceId {
        self.inner.device_id()
    }

    fn stats(&self) -> &IoStats {
        self.inner.stats()
    }

    async fn stat(&self, hash: BlockHash) -> Result<Replica, Error> {
        self.inner.stat(hash).await
    }

    async fn open(&self, hash: BlockHash) -> Result<Box<dyn BlockReader>, Error> {
        self.inner.open(hash).await
    }

    async fn create(&self, hash: BlockHash) -> Result<Box<dyn BlockWriter>, Error> {
        let inner = self.inner.create(hash).await?;
        Ok(Box::new(ShortWriter { inner, left: self.kept }))
    }

    async fn touch(&self, hash: BlockHash, now: Timestamp) -> Result<(), Error> {
        self.inner.touch(hash, now).await
    }

    async fn trash(
        &self,
        hash: BlockHash,
        unchanged_since: Timestamp,
        fate: Fate,
    ) -> Result<(), Error> {
        self.inner.trash(hash, unchanged_since, fate).await
    }

    async fn untrash(&self, hash: BlockHash, now: Timestamp) -> Result<Untrashed, Error> {
        self.inner.untrash(hash, now).await
    }

    async fn trashed(&self, hash: BlockHash) -> Result<Vec<TrashedCopy>, Error> {
        self.inner.trashed(hash).await
    }

    async fn empty_trash(&self, now: Timestamp, order: EmptyOrder) -> Result<Round, Error> {
        self.inner.empty_trash(now, order).await
    }

    async fn index(&self, prefix: HashPrefix) -> Result<Box<dyn IndexCursor>, Error> {
        self.inner.index(prefix).await
    }

    async fn tally(&self, halt: Halt) -> Result<Tally, Error> {
        self.inner.tally(halt).await
    }

    async fn sweep(&self, before: Timestamp) -> Result<Swept, Error> {
        self.inner.sweep(before).await
    }

    async fn check(&self, write: TryWrite) -> Result<(), Error> {
        self.inner.check(write).await
    }

    async fn is_full(&self) -> bool {
        self.inner.is_full().await
    }
}
