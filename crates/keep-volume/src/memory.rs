//! A volume in memory: for tests, demonstrations and nodes that may forget.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use keep_rules::mount::{DeviceId, Medium};
use keep_rules::trash::{Fate, may_empty};
use keep_rules::{BLOCK_SIZE_MAX, BlockHash, HashPrefix, Timestamp};

use crate::chunks::ChunkReader;
use crate::{
    BlockReader, BlockWriter, Direction, Emptied, EmptiedCopy, EmptyOrder, Error, IndexCursor,
    IndexEntry, IoStats, Operation, Replica, Round, Strange, Swept, TrashedCopy, TryWrite,
    Untrashed, Volume,
};

/// Entries that an index hands out at once.
const INDEX_BATCH: usize = 1024;

/// A volume that keeps its replicas in memory. It keeps the whole contract, except that nothing outlives the process.
///
/// A clone is another handle on the same replicas, as a second node that shares the device has. Trash deadlines have a
/// precision of one second, rounded up, as on a [`crate::Directory`].
///
/// # Examples
/// ```
/// # use keep_volume::{Memory, Volume};
/// # use keep_rules::{BlockHash, Timestamp, mount::DeviceId};
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let volume = Memory::new("memory-1".parse().expect("a device ID"));
/// volume.create(BlockHash::EMPTY).await?.commit(Timestamp::from_seconds(5)).await?;
/// assert_eq!(volume.stat(BlockHash::EMPTY).await?.mtime, Timestamp::from_seconds(5));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Memory {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    device_id: DeviceId,
    stats: IoStats,
    capacity: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    live: BTreeMap<BlockHash, Stored>,
    /// By hash and deadline in seconds, so the last of a hash is the one to bring back.
    trash: BTreeMap<(BlockHash, i64), Stored>,
    /// Bytes of all copies, trashed ones and those that are being written included.
    used: u64,
}

#[derive(Clone, Debug)]
struct Stored {
    chunks: Vec<Bytes>,
    replica: Replica,
}

impl Memory {
    /// An empty volume without a limit.
    pub fn new(device_id: DeviceId) -> Self {
        Memory::with_capacity(device_id, u64::MAX)
    }

    /// An empty volume for `capacity` bytes of content. It is full when a block of the largest size does not fit.
    pub fn with_capacity(device_id: DeviceId, capacity: u64) -> Self {
        Memory {
            shared: Arc::new(Shared {
                device_id,
                stats: IoStats::default(),
                capacity,
                state: Mutex::default(),
            }),
        }
    }

    fn state(&self, operation: Operation) -> MutexGuard<'_, State> {
        self.shared.stats.count(operation);
        // Every change of the state is complete before anything can panic.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_room(&self, state: &State, bytes: u64) -> bool {
        state.used.saturating_add(bytes) <= self.shared.capacity
    }
}

impl State {
    fn move_to_trash(&mut self, hash: BlockHash, stored: Stored, deadline: Timestamp) {
        let mut second = super::directory::deadline_seconds(deadline);
        while self.trash.contains_key(&(hash, second)) {
            second += 1;
        }
        self.trash.insert((hash, second), stored);
    }

    fn sizes_in_trash(&self) -> Vec<((BlockHash, i64), u64)> {
        self.trash.iter().map(|(key, stored)| (*key, stored.replica.size)).collect()
    }

    /// What was deleted; `None` if it is no longer there.
    fn delete_trashed(&mut self, key: (BlockHash, i64)) -> Option<Replica> {
        let deleted = self.trash.remove(&key)?.replica;
        self.used -= deleted.size;
        Some(deleted)
    }
}

#[async_trait]
impl Volume for Memory {
    fn device_id(&self) -> &DeviceId {
        &self.shared.device_id
    }

    fn medium(&self) -> Option<Medium> {
        None
    }

    fn stats(&self) -> &IoStats {
        &self.shared.stats
    }

    async fn stat(&self, hash: BlockHash) -> Result<Replica, Error> {
        Ok(self.state(Operation::Stat).live.get(&hash).ok_or(Error::NotFound)?.replica)
    }

    async fn open(&self, hash: BlockHash) -> Result<Box<dyn BlockReader>, Error> {
        let stored = self.state(Operation::Open).live.get(&hash).ok_or(Error::NotFound)?.clone();
        self.shared.stats.moved(Direction::In, stored.replica.size);
        Ok(Box::new(ChunkReader::new(stored.replica, stored.chunks)))
    }

    async fn create(&self, hash: BlockHash) -> Result<Box<dyn BlockWriter>, Error> {
        let state = self.state(Operation::Create);
        if !self.has_room(&state, BLOCK_SIZE_MAX) {
            return Err(Error::Full);
        }
        Ok(Box::new(MemoryWriter {
            volume: self.clone(),
            hash,
            chunks: Vec::new(),
            size: 0,
            committed: false,
        }))
    }

    async fn touch(&self, hash: BlockHash, now: Timestamp) -> Result<(), Error> {
        self.state(Operation::Utimes).live.get_mut(&hash).ok_or(Error::NotFound)?.replica.mtime =
            now;
        Ok(())
    }

    async fn trash(
        &self,
        hash: BlockHash,
        unchanged_since: Timestamp,
        fate: Fate,
    ) -> Result<(), Error> {
        let mut state = self.state(Operation::Rename);
        let found = state.live.get(&hash).ok_or(Error::NotFound)?.replica.mtime;
        if found != unchanged_since {
            return Err(Error::Changed { found });
        }
        let Some(stored) = state.live.remove(&hash) else { return Err(Error::NotFound) };
        match fate {
            Fate::Until(deadline) => state.move_to_trash(hash, stored, deadline),
            Fate::Delete => state.used -= stored.replica.size,
        }
        Ok(())
    }

    async fn untrash(&self, hash: BlockHash, now: Timestamp) -> Result<Untrashed, Error> {
        let mut state = self.state(Operation::Rename);
        let latest = state.trash.range((hash, i64::MIN)..=(hash, i64::MAX)).next_back();
        let key = *latest.ok_or(Error::NotFound)?.0;
        if let Some(live) = state.live.get_mut(&hash) {
            live.replica.mtime = now;
            return Ok(Untrashed::AlreadyLive);
        }
        if let Some(mut stored) = state.trash.remove(&key) {
            stored.replica.mtime = now;
            state.live.insert(hash, stored);
        }
        Ok(Untrashed::Restored)
    }

    async fn trashed(&self, hash: BlockHash) -> Result<Vec<TrashedCopy>, Error> {
        let state = self.state(Operation::Readdir);
        let copies = state.trash.range((hash, i64::MIN)..=(hash, i64::MAX)).rev();
        let copy = |((_hash, seconds), stored): (&(BlockHash, i64), &Stored)| TrashedCopy {
            size: stored.replica.size,
            mtime: stored.replica.mtime,
            deadline: Timestamp::from_seconds(*seconds),
        };
        Ok(copies.map(copy).collect())
    }

    async fn empty_trash(&self, now: Timestamp, order: EmptyOrder) -> Result<Round, Error> {
        let copies = self.state(Operation::Readdir).sizes_in_trash();
        let mut emptied = Emptied::default();
        for ((hash, seconds), size) in copies {
            if order.halt.is_stopped() {
                return Ok(Round::Halted(emptied));
            }
            let deadline = Timestamp::from_seconds(seconds);
            if !may_empty(deadline, now) {
                emptied.count_kept(size);
                continue;
            }
            let deleted = self.state(Operation::Unlink).delete_trashed((hash, seconds));
            if let Some(Replica { size, mtime }) = deleted {
                emptied.count_deleted(size);
                (order.report)(EmptiedCopy { hash, size, mtime, deadline });
            }
        }
        Ok(Round::Complete(emptied))
    }

    async fn index(&self, prefix: HashPrefix) -> Result<Box<dyn IndexCursor>, Error> {
        let state = self.state(Operation::Readdir);
        let entries = state.live.iter().filter(|(hash, _stored)| prefix.contains(**hash));
        let entries: Vec<_> = entries
            .map(|(hash, stored)| IndexEntry { hash: *hash, replica: stored.replica })
            .collect();
        Ok(Box::new(MemoryIndex { rest: entries.into_iter() }))
    }

    /// A writer in memory leaves no temp file: there is nothing to sweep.
    async fn sweep(&self, _before: Timestamp) -> Result<Swept, Error> {
        Ok(Swept::default())
    }

    async fn check(&self, _write: TryWrite) -> Result<(), Error> {
        Ok(())
    }

    async fn is_full(&self) -> bool {
        !self.has_room(&self.state(Operation::Stat), BLOCK_SIZE_MAX)
    }
}

struct MemoryWriter {
    volume: Memory,
    hash: BlockHash,
    chunks: Vec<Bytes>,
    /// Bytes in `chunks`, counted in `State::used` until this writer is dropped or committed.
    size: u64,
    committed: bool,
}

#[async_trait]
impl BlockWriter for MemoryWriter {
    async fn write(&mut self, data: Bytes) -> Result<(), Error> {
        let bytes = data.len() as u64;
        if self.size + bytes > BLOCK_SIZE_MAX {
            return Err(Error::TooLarge { size: self.size + bytes });
        }
        {
            let mut state = self.volume.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
            if !self.volume.has_room(&state, bytes) {
                return Err(Error::Full);
            }
            state.used += bytes;
        }
        self.size += bytes;
        // A copy: `data` may be a small slice that keeps a large buffer of the connection alive.
        self.chunks.push(Bytes::copy_from_slice(&data));
        Ok(())
    }

    async fn read_back(&mut self) -> Result<Box<dyn BlockReader>, Error> {
        let replica = Replica { size: self.size, mtime: Timestamp::EPOCH };
        Ok(Box::new(ChunkReader::new(replica, self.chunks.clone())))
    }

    async fn commit(&mut self, mtime: Timestamp) -> Result<(), Error> {
        assert!(!self.committed, "commit was called again after it returned Ok");
        let stored =
            Stored { chunks: self.chunks.clone(), replica: Replica { size: self.size, mtime } };
        self.volume.shared.stats.moved(Direction::Out, self.size);
        let mut state = self.volume.state(Operation::Rename);
        if let Some(old) = state.live.insert(self.hash, stored) {
            state.used -= old.replica.size;
        }
        self.committed = true;
        Ok(())
    }
}

impl Drop for MemoryWriter {
    fn drop(&mut self) {
        if !self.committed {
            self.volume.shared.state.lock().unwrap_or_else(PoisonError::into_inner).used -=
                self.size;
        }
    }
}

struct MemoryIndex {
    rest: std::vec::IntoIter<IndexEntry>,
}

#[async_trait]
impl IndexCursor for MemoryIndex {
    async fn next(&mut self) -> Result<Option<Vec<IndexEntry>>, Error> {
        let batch: Vec<_> = self.rest.by_ref().take(INDEX_BATCH).collect();
        Ok(if batch.is_empty() { None } else { Some(batch) })
    }

    fn strange(&self) -> &[Strange] {
        &[]
    }
}
