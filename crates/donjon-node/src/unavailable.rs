//! A volume that could not be opened.
//!
//! The node serves its other volumes. This one stays in its place, so that every question about a block that may be on
//! it is answered with an error and never with "not found", and a balancer sees that its listing fails.

use async_trait::async_trait;
use keep_rules::mount::Medium;
use keep_rules::trash::Fate;
use keep_rules::{BlockHash, DeviceId, HashPrefix, MountUuid, Timestamp};
use keep_volume::{
    BlockReader, BlockWriter, EmptyOrder, Error, IndexCursor, IoStats, Replica, Round, Swept,
    TrashedCopy, TryWrite, Untrashed, Volume,
};

/// Answers everything with [`Error::WrongRoot`].
#[derive(Debug)]
pub(crate) struct Unavailable {
    device_id: DeviceId,
    stats: IoStats,
}

impl Unavailable {
    pub(crate) fn new(mount: &MountUuid) -> Unavailable {
        let device_id =
            format!("unavailable:{mount}").parse().expect("a text with a colon is not empty");
        Unavailable { device_id, stats: IoStats::default() }
    }
}

fn refused<T>() -> Result<T, Error> {
    Err(Error::WrongRoot {
        detail: "it could not be opened when the node started; see the log, repair it, restart",
    })
}

#[async_trait]
impl Volume for Unavailable {
    fn device_id(&self) -> &DeviceId {
        &self.device_id
    }

    fn medium(&self) -> Option<Medium> {
        None
    }

    fn stats(&self) -> &IoStats {
        &self.stats
    }

    async fn stat(&self, _hash: BlockHash) -> Result<Replica, Error> {
        refused()
    }

    async fn open(&self, _hash: BlockHash) -> Result<Box<dyn BlockReader>, Error> {
        refused()
    }

    async fn create(&self, _hash: BlockHash) -> Result<Box<dyn BlockWriter>, Error> {
        refused()
    }

    async fn touch(&self, _hash: BlockHash, _now: Timestamp) -> Result<(), Error> {
        refused()
    }

    async fn trash(
        &self,
        _hash: BlockHash,
        _unchanged_since: Timestamp,
        _fate: Fate,
    ) -> Result<(), Error> {
        refused()
    }

    async fn untrash(&self, _hash: BlockHash, _now: Timestamp) -> Result<Untrashed, Error> {
        refused()
    }

    async fn trashed(&self, _hash: BlockHash) -> Result<Vec<TrashedCopy>, Error> {
        refused()
    }

    async fn empty_trash(&self, _now: Timestamp, _order: EmptyOrder) -> Result<Round, Error> {
        refused()
    }

    async fn index(&self, _prefix: HashPrefix) -> Result<Box<dyn IndexCursor>, Error> {
        refused()
    }

    async fn sweep(&self, _before: Timestamp) -> Result<Swept, Error> {
        refused()
    }

    async fn check(&self, _write: TryWrite) -> Result<(), Error> {
        refused()
    }

    async fn is_full(&self) -> bool {
        false
    }
}
