//! A volume one of whose calls fails.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use keep_rules::mount::DeviceId;
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

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `ENOSPC`: [`Error::Full`].
    NoSpace,
    /// `EIO`: [`Error::Device`].
    Io,
}

impl Fault {
    fn error(self) -> Error {
        match self {
            Fault::NoSpace => Error::device("write", io::Error::from(io::ErrorKind::StorageFull)),
            Fault::Io => Error::device("do what was asked", io::Error::from_raw_os_error(5)),
        }
    }
}

/// A volume whose n-th call of a kind fails, and does nothing. All other calls go to the volume within.
///
/// # Examples
/// ```
/// # use keep_volume::{Error, Memory, Volume};
/// # use testkit::{blocks::Block, faults::{Call, FailNth, Fault}};
/// # use keep_rules::Timestamp;
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let memory = Memory::new("memory".parse()?);
/// let volume = FailNth::once(memory, Call::Commit, 2, Fault::Io);
/// let (first, second) = (Block::of("foo"), Block::of("bar"));
/// first.store(&volume, Timestamp::EPOCH).await?;
/// assert!(matches!(second.store(&volume, Timestamp::EPOCH).await, Err(Error::Device { .. })));
/// second.store(&volume, Timestamp::EPOCH).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FailNth<V> {
    inner: V,
    plan: Arc<Plan>,
}

#[derive(Debug)]
struct Plan {
    call: Call,
    first: u64,
    last: u64,
    fault: Fault,
    seen: AtomicU64,
}

impl Plan {
    fn pass(&self, call: Call) -> Result<(), Error> {
        if call != self.call {
            return Ok(());
        }
        let number = self.seen.fetch_add(1, Ordering::Relaxed) + 1;
        if (self.first..=self.last).contains(&number) { Err(self.fault.error()) } else { Ok(()) }
    }
}

impl<V: Volume> FailNth<V> {
    /// The `nth` call of this kind fails; the first is number 1.
    pub fn once(inner: V, call: Call, nth: u64, fault: Fault) -> Self {
        FailNth::between(inner, call, nth, nth, fault)
    }

    /// The `nth` call of this kind fails, and all later ones.
    pub fn from_then_on(inner: V, call: Call, nth: u64, fault: Fault) -> Self {
        FailNth::between(inner, call, nth, u64::MAX, fault)
    }

    fn between(inner: V, call: Call, first: u64, last: u64, fault: Fault) -> Self {
        let plan = Plan { call, first, last, fault, seen: AtomicU64::new(0) };
        FailNth { inner, plan: Arc::new(plan) }
    }

    /// The volume within.
    pub fn inner(&self) -> &V {
        &self.inner
    }
}

struct Faulty<T> {
    inner: T,
    plan: Arc<Plan>,
}

#[async_trait]
impl BlockReader for Faulty<Box<dyn BlockReader>> {
    fn replica(&self) -> Replica {
        self.inner.replica()
    }

    async fn read(&mut self, buffer: Vec<u8>) -> Result<Vec<u8>, Error> {
        self.plan.pass(Call::Read)?;
        self.inner.read(buffer).await
    }
}

#[async_trait]
impl BlockWriter for Faulty<Box<dyn BlockWriter>> {
    async fn write(&mut self, data: Bytes) -> Result<(), Error> {
        self.plan.pass(Call::Write)?;
        self.inner.write(data).await
    }

    async fn read_back(&mut self) -> Result<Box<dyn BlockReader>, Error> {
        self.plan.pass(Call::ReadBack)?;
        self.inner.read_back().await
    }

    async fn commit(&mut self, mtime: Timestamp) -> Result<(), Error> {
        self.plan.pass(Call::Commit)?;
        self.inner.commit(mtime).await
    }
}

#[async_trait]
impl IndexCursor for Faulty<Box<dyn IndexCursor>> {
    async fn next(&mut self) -> Result<Option<Vec<IndexEntry>>, Error> {
        self.plan.pass(Call::Next)?;
        self.inner.next().await
    }

    fn strange(&self) -> &[Strange] {
        self.inner.strange()
    }
}

#[async_trait]
impl<V: Volume> Volume for FailNth<V> {
    fn device_id(&self) -> &DeviceId {
        self.inner.device_id()
    }

    fn stats(&self) -> &IoStats {
        self.inner.stats()
    }

    async fn stat(&self, hash: BlockHash) -> Result<Replica, Error> {
        self.plan.pass(Call::Stat)?;
        self.inner.stat(hash).await
    }

    async fn open(&self, hash: BlockHash) -> Result<Box<dyn BlockReader>, Error> {
        self.plan.pass(Call::Open)?;
        let inner = self.inner.open(hash).await?;
        Ok(Box::new(Faulty { inner, plan: Arc::clone(&self.plan) }))
    }

    async fn create(&self, hash: BlockHash) -> Result<Box<dyn BlockWriter>, Error> {
        self.plan.pass(Call::Create)?;
        let inner = self.inner.create(hash).await?;
        Ok(Box::new(Faulty { inner, plan: Arc::clone(&self.plan) }))
    }

    async fn touch(&self, hash: BlockHash, now: Timestamp) -> Result<(), Error> {
        self.plan.pass(Call::Touch)?;
        self.inner.touch(hash, now).await
    }

    async fn trash(
        &self,
        hash: BlockHash,
        unchanged_since: Timestamp,
        fate: Fate,
    ) -> Result<(), Error> {
        self.plan.pass(Call::Trash)?;
        self.inner.trash(hash, unchanged_since, fate).await
    }

    async fn untrash(&self, hash: BlockHash, now: Timestamp) -> Result<Untrashed, Error> {
        self.plan.pass(Call::Untrash)?;
        self.inner.untrash(hash, now).await
    }

    async fn trashed(&self, hash: BlockHash) -> Result<Vec<TrashedCopy>, Error> {
        self.plan.pass(Call::Trashed)?;
        self.inner.trashed(hash).await
    }

    async fn empty_trash(&self, now: Timestamp, order: EmptyOrder) -> Result<Round, Error> {
        self.plan.pass(Call::EmptyTrash)?;
        self.inner.empty_trash(now, order).await
    }

    async fn index(&self, prefix: HashPrefix) -> Result<Box<dyn IndexCursor>, Error> {
        self.plan.pass(Call::Index)?;
        let inner = self.inner.index(prefix).await?;
        Ok(Box::new(Faulty { inner, plan: Arc::clone(&self.plan) }))
    }

    async fn tally(&self, halt: Halt) -> Result<Tally, Error> {
        self.plan.pass(Call::Tally)?;
        self.inner.tally(halt).await
    }

    async fn sweep(&self, before: Timestamp) -> Result<Swept, Error> {
        self.plan.pass(Call::Sweep)?;
        self.inner.sweep(before).await
    }

    async fn check(&self, write: TryWrite) -> Result<(), Error> {
        self.plan.pass(Call::Check)?;
        self.inner.check(write).await
    }

    async fn is_full(&self) -> bool {
        self.inner.is_full().await
    }
}
