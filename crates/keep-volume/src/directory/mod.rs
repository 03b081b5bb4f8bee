//! A volume in a directory, with the layout of the Go program (spec section 6, `docs/on-disk.md`).
//!
//! [`Directory`] is the async side: it hands each operation, whole, to a blocking thread. `tree` and the files that
//! extend it are the blocking side.

mod check;
mod config;
mod device;
mod draft;
mod empty;
mod full;
mod index;
mod list;
mod lock;
mod name;
mod read;
mod rename;
mod root;
mod sweep;
mod sync;
mod temp;
mod touch;
mod trash;
mod trashed;
mod tree;
mod untrash;
mod write;

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use keep_rules::mount::{DeviceId, Medium};
use keep_rules::trash::Fate;
use keep_rules::{BlockHash, HashPrefix, Timestamp};
use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore};
use tokio::task::{JoinHandle, spawn_blocking};

pub use config::{DirectoryConfig, Durability, Identity, Serialize};
pub use device::device_id;
pub(crate) use name::deadline_seconds;
pub use root::{Looks, look};

use self::index::Cursor;
use self::read::Reader;
use self::tree::Tree;
use self::write::Writer;
use crate::{
    BlockReader, BlockWriter, EmptyOrder, Error, IndexCursor, IoStats, Replica, Round, Swept,
    TrashedCopy, TryWrite, Untrashed, Volume,
};

/// Threads that the operations of one volume take at once, at most. A quarter of those that tokio has: a disk that hangs
/// keeps its threads, and must leave some to the other disks. More than a disk has use for.
const THREADS_MAX: usize = 128;

/// A volume in a directory, which Go keepstores and other nodes may share.
///
/// A clone is another handle on the same volume.
#[derive(Clone, Debug)]
pub struct Directory {
    tree: Arc<Tree>,
    device_id: DeviceId,
    /// Whoever has it may move data; `None` if all may.
    turn: Option<Arc<Mutex<()>>>,
    threads: Arc<Semaphore>,
}

impl Directory {
    /// Opens a volume. Its root must exist; see [`Identity`] for what else must be there.
    ///
    /// # Errors
    /// [`Error::WrongRoot`] if the root is missing, no directory, or belongs to another mount; a failure of the device.
    ///
    /// # Blocking
    /// Reads, and perhaps writes and syncs, a small file.
    ///
    /// # Examples
    /// ```
    /// # use keep_volume::{BlockReader, BlockWriter, Volume};
    /// # use keep_volume::directory::{Directory, DirectoryConfig, Durability, Identity, Serialize, device_id};
    /// # use keep_rules::{BlockHash, Timestamp};
    /// # let root = tempfile::tempdir()?;
    /// # let root = root.path().to_owned();
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let volume = Directory::open(DirectoryConfig {
    ///     device_id: device_id(&root),
    ///     root,
    ///     uuid: "zzzzz-nyw5e-000000000000000".parse()?,
    ///     durability: Durability::Sync,
    ///     serialize: Serialize::No,
    ///     identity: Identity::Adopt,
    /// })?;
    /// let foo: BlockHash = "acbd18db4cc2f85cedef654fccc4a4d8".parse()?;
    /// let mut writer = volume.create(foo).await?;
    /// writer.write("foo".into()).await?;
    /// writer.commit(Timestamp::from_seconds(5)).await?;
    /// assert_eq!(volume.open(foo).await?.read(Vec::with_capacity(8)).await?, b"foo");
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open(config: DirectoryConfig) -> Result<Directory, Error> {
        let turn = match config.serialize {
            Serialize::Yes => Some(Arc::default()),
            Serialize::No => None,
        };
        let device_id = config.device_id.clone();
        let threads = Arc::new(Semaphore::new(THREADS_MAX));
        Ok(Directory { tree: Arc::new(Tree::open(config)?), device_id, turn, threads })
    }

    /// Runs `work` on a blocking thread and waits for it. It runs to its end also when nobody waits any more.
    async fn hop<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tree) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        Directory::join(self.spawn(work).await).await
    }

    /// As [`Directory::hop`], for work that moves data: it waits for its turn.
    async fn moving<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tree) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        Directory::join(self.start(work).await).await
    }

    /// Waits for its turn and starts work that moves data.
    async fn start<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tree) -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let turn = self.turn().await;
        self.spawn(move |tree| {
            let done = work(tree);
            drop(turn);
            done
        })
        .await
    }

    async fn turn(&self) -> Option<OwnedMutexGuard<()>> {
        match &self.turn {
            Some(turn) => Some(Arc::clone(turn).lock_owned().await),
            None => None,
        }
    }

    /// Waits for one of the volume's threads, and starts the work.
    async fn spawn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tree) -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let thread = Arc::clone(&self.threads).acquire_owned().await;
        let tree = Arc::clone(&self.tree);
        spawn_blocking(move || {
            let done = work(&tree);
            drop(thread);
            done
        })
    }

    async fn join<T>(task: JoinHandle<Result<T, Error>>) -> Result<T, Error> {
        match task.await {
            Ok(outcome) => outcome,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(cancelled) => {
                    let source = io::Error::from(cancelled);
                    Err(Error::Device { doing: "work on a volume while the node stops", source })
                }
            },
        }
    }
}

#[async_trait]
impl Volume for Directory {
    fn device_id(&self) -> &DeviceId {
        &self.device_id
    }

    fn medium(&self) -> Option<Medium> {
        self.tree.root.medium()
    }

    fn stats(&self) -> &IoStats {
        &self.tree.stats
    }

    async fn stat(&self, hash: BlockHash) -> Result<Replica, Error> {
        self.hop(move |tree| tree.stat(hash)).await
    }

    async fn open(&self, hash: BlockHash) -> Result<Box<dyn BlockReader>, Error> {
        let block = self.moving(move |tree| tree.open_block(hash)).await?;
        Ok(Box::new(Reader::new(self.clone(), block)))
    }

    async fn create(&self, hash: BlockHash) -> Result<Box<dyn BlockWriter>, Error> {
        if self.is_full().await {
            return Err(Error::Full);
        }
        Ok(Box::new(Writer::new(self.clone(), hash)))
    }

    async fn touch(&self, hash: BlockHash, now: Timestamp) -> Result<(), Error> {
        self.moving(move |tree| tree.touch(hash, now)).await
    }

    async fn trash(
        &self,
        hash: BlockHash,
        unchanged_since: Timestamp,
        fate: Fate,
    ) -> Result<(), Error> {
        self.moving(move |tree| tree.trash(hash, unchanged_since, fate)).await
    }

    async fn untrash(&self, hash: BlockHash, now: Timestamp) -> Result<Untrashed, Error> {
        self.moving(move |tree| tree.untrash(hash, now)).await
    }

    async fn trashed(&self, hash: BlockHash) -> Result<Vec<TrashedCopy>, Error> {
        self.hop(move |tree| tree.trashed(hash)).await
    }

    async fn empty_trash(&self, now: Timestamp, order: EmptyOrder) -> Result<Round, Error> {
        self.empty(now, order).await
    }

    async fn index(&self, prefix: HashPrefix) -> Result<Box<dyn IndexCursor>, Error> {
        let walk = self.hop(move |tree| tree.begin_index(prefix)).await?;
        Ok(Box::new(Cursor::new(self.clone(), walk)))
    }

    async fn sweep(&self, before: Timestamp) -> Result<Swept, Error> {
        self.hop(move |tree| tree.sweep(before)).await
    }

    async fn check(&self, write: TryWrite) -> Result<(), Error> {
        self.hop(move |tree| tree.check(write)).await
    }

    async fn is_full(&self) -> bool {
        let full = |tree: &Tree| Ok(tree.is_full(SystemTime::now().into()));
        self.hop(full).await.unwrap_or(false)
    }
}
