//! A volume within another one: the place where every call is handed on.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use keep_rules::mount::{DeviceId, Medium};
use keep_rules::trash::Fate;
use keep_rules::{BlockHash, HashPrefix, Timestamp};
use keep_volume::{
    BlockReader, BlockWriter, EmptyOrder, Error, Halt, IndexCursor, IndexEntry, IoStats, Replica,
    Round, Strange, Swept, Tally, TrashedCopy, TryWrite, Untrashed, Volume,
};

/// A call of a volume, its readers, writers and cursors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// [`Volume::stat`]
    Stat,
    /// [`Volume::open`]
    Open,
    /// [`BlockReader::read`]
    Read,
    /// [`Volume::create`]
    Create,
    /// [`BlockWriter::write`]
    Write,
    /// [`BlockWriter::read_back`]
    ReadBack,
    /// [`BlockWriter::commit`]
    Commit,
    /// [`Volume::touch`]
    Touch,
    /// [`Volume::trash`]
    Trash,
    /// [`Volume::untrash`]
    Untrash,
    /// [`Volume::trashed`]
    Trashed,
    /// [`Volume::empty_trash`]
    EmptyTrash,
    /// [`Volume::index`]
    Index,
    /// [`IndexCursor::next`]
    Next,
    /// [`Volume::tally`]
    Tally,
    /// [`Volume::sweep`]
    Sweep,
    /// [`Volume::check`]
    Check,
}

/// What goes wrong around the calls of a volume.
pub trait Hook: fmt::Debug + Send + Sync + 'static {
    /// Asked before each call.
    ///
    /// # Errors
    /// What the call ends with: the volume within is not asked then.
    fn before(&self, _call: Call) -> Result<(), Error> {
        Ok(())
    }

    /// How many bytes of each block that is written reach the volume within. Those beyond are lost without a word.
    fn bytes_kept(&self) -> usize {
        usize::MAX
    }
}

/// A volume that hands every call on to the one within, unless its hook is against it.
#[derive(Debug)]
pub struct Around<V, H> {
    inner: V,
    hook: Arc<H>,
}

impl<V: Volume, H: Hook> Around<V, H> {
    pub(super) fn with(inner: V, hook: H) -> Self {
        Around { inner, hook: Arc::new(hook) }
    }

    /// The volume within.
    pub fn inner(&self) -> &V {
        &self.inner
    }
}

/// A reader or a cursor.
struct Handle<T, H> {
    inner: T,
    hook: Arc<H>,
}

struct Writer<H> {
    inner: Box<dyn BlockWriter>,
    hook: Arc<H>,
    /// Bytes that are still kept.
    left: usize,
}

#[async_trait]
impl<H: Hook> BlockReader for Handle<Box<dyn BlockReader>, H> {
    fn replica(&self) -> Replica {
        self.inner.replica()
    }

    async fn read(&mut self, buffer: Vec<u8>) -> Result<Vec<u8>, Error> {
        self.hook.before(Call::Read)?;
        self.inner.read(buffer).await
    }
}

#[async_trait]
impl<H: Hook> BlockWriter for Writer<H> {
    async fn write(&mut self, data: Bytes) -> Result<(), Error> {
        self.hook.before(Call::Write)?;
        let kept = data.slice(..data.len().min(self.left));
        self.left -= kept.len();
        self.inner.write(kept).await
    }

    async fn read_back(&mut self) -> Result<Box<dyn BlockReader>, Error> {
        self.hook.before(Call::ReadBack)?;
        self.inner.read_back().await
    }

    async fn commit(&mut self, mtime: Timestamp) -> Result<(), Error> {
        self.hook.before(Call::Commit)?;
        self.inner.commit(mtime).await
    }
}

#[async_trait]
impl<H: Hook> IndexCursor for Handle<Box<dyn IndexCursor>, H> {
    async fn next(&mut self) -> Result<Option<Vec<IndexEntry>>, Error> {
        self.hook.before(Call::Next)?;
        self.inner.next().await
    }

    fn strange(&self) -> &[Strange] {
        self.inner.strange()
    }
}

#[async_trait]
impl<V: Volume, H: Hook> Volume for Around<V, H> {
    fn device_id(&self) -> &DeviceId {
        self.inner.device_id()
    }

    fn medium(&self) -> Option<Medium> {
        self.inner.medium()
    }

    fn stats(&self) -> &IoStats {
        self.inner.stats()
    }

    async fn stat(&self, hash: BlockHash) -> Result<Replica, Error> {
        self.hook.before(Call::Stat)?;
        self.inner.stat(hash).await
    }

    async fn open(&self, hash: BlockHash) -> Result<Box<dyn BlockReader>, Error> {
        self.hook.before(Call::Open)?;
        let inner = self.inner.open(hash).await?;
        Ok(Box::new(Handle { inner, hook: Arc::clone(&self.hook) }))
    }

    async fn create(&self, hash: BlockHash) -> Result<Box<dyn BlockWriter>, Error> {
        self.hook.before(Call::Create)?;
        let inner = self.inner.create(hash).await?;
        let (hook, left) = (Arc::clone(&self.hook), self.hook.bytes_kept());
        Ok(Box::new(Writer { inner, hook, left }))
    }

    async fn touch(&self, hash: BlockHash, now: Timestamp) -> Result<(), Error> {
        self.hook.before(Call::Touch)?;
        self.inner.touch(hash, now).await
    }

    async fn trash(
        &self,
        hash: BlockHash,
        unchanged_since: Timestamp,
        fate: Fate,
    ) -> Result<(), Error> {
        self.hook.before(Call::Trash)?;
        self.inner.trash(hash, unchanged_since, fate).await
    }

    async fn untrash(&self, hash: BlockHash, now: Timestamp) -> Result<Untrashed, Error> {
        self.hook.before(Call::Untrash)?;
        self.inner.untrash(hash, now).await
    }

    async fn trashed(&self, hash: BlockHash) -> Result<Vec<TrashedCopy>, Error> {
        self.hook.before(Call::Trashed)?;
        self.inner.trashed(hash).await
    }

    async fn empty_trash(&self, now: Timestamp, order: EmptyOrder) -> Result<Round, Error> {
        self.hook.before(Call::EmptyTrash)?;
        self.inner.empty_trash(now, order).await
    }

    async fn index(&self, prefix: HashPrefix) -> Result<Box<dyn IndexCursor>, Error> {
        self.hook.before(Call::Index)?;
        let inner = self.inner.index(prefix).await?;
        Ok(Box::new(Handle { inner, hook: Arc::clone(&self.hook) }))
    }

    async fn tally(&self, halt: Halt) -> Result<Tally, Error> {
        self.hook.before(Call::Tally)?;
        self.inner.tally(halt).await
    }

    async fn sweep(&self, before: Timestamp) -> Result<Swept, Error> {
        self.hook.before(Call::Sweep)?;
        self.inner.sweep(before).await
    }

    async fn check(&self, write: TryWrite) -> Result<(), Error> {
        self.hook.before(Call::Check)?;
        self.inner.check(write).await
    }

    async fn is_full(&self) -> bool {
        self.inner.is_full().await
    }
}
