//! What every device holds: its index, whole or not at all (`spec/keep-balance.md` sections 2.2 and 2.4).

use std::collections::HashMap;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use keep_protocol::client::{ClientError, IndexScope, KeepClient};
use keep_protocol::index::IndexLine;
use keep_rules::balance::{Device, Layout};
use keep_rules::{HashPrefix, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::progress::Progress;
use crate::retry::Patience;
use crate::runs::{Feeder, ReplicaRecord, SortError, Sorter};
use crate::servers::Server;

/// An mtime this far in the future is no clock skew: it is damage, or a disk from elsewhere. Such a block would never age.
const FUTURE_MAX: Duration = Duration::from_secs(24 * 3600);

/// What was read of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexRead {
    /// The UUID of the volume.
    pub device: String,
    /// The UUID of the node that was asked.
    pub server: String,
    /// Blocks.
    pub blocks: u64,
    /// Bytes of the index, its end mark included.
    pub bytes: u64,
    /// Blocks whose mtime is far in the future.
    pub in_future: u64,
    /// The SHA-256 of hash, size and mtime of its lines as they came.
    pub digest: [u8; 32],
}

/// Why the replicas are not known. Nothing may be trashed then.
#[derive(Debug, thiserror::Error)]
pub enum IndexesError {
    /// No node gave the index of a device.
    #[error("the index of volume {device} on {url} cannot be had: {error}")]
    Index {
        /// The UUID of the volume.
        device: String,
        /// The node that was asked last.
        url: String,
        /// What happened.
        #[source]
        error: ClientError,
    },
    /// It cannot be kept for sorting.
    #[error(transparent)]
    Sort(#[from] SortError),
}

/// How indexes are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// How many at once.
    pub at_once: usize,
    /// How often each is tried.
    pub patience: Patience,
    /// The instant that ages count from.
    pub started: Timestamp,
}

/// Reads the index of every device once into `sorter`, which has room for `reading.at_once` feeders. Gives what was read,
/// in the order of devices.
///
/// # Errors
/// The first index that cannot be had whole. The sorter is of no use then.
pub async fn read_all(
    layout: &Layout,
    servers: &[Server],
    sorter: &Sorter<ReplicaRecord>,
    reading: Reading,
    progress: &dyn Progress,
) -> Result<Vec<IndexRead>, IndexesError> {
    let clients: HashMap<&str, &Server> =
        servers.iter().map(|server| (server.uuid.as_str(), server)).collect();
    progress.begin("indexes", layout.devices().len() as u64);
    let devices = layout.devices().iter().zip(0_u16..);
    let read = devices.map(|(device, number)| {
        let clients = &clients;
        async move {
            let read = one(layout, device, number, clients, sorter, reading, progress).await?;
            progress.step(1);
            Ok::<_, IndexesError>(read)
        }
    });
    // Collected first: a lazily mapped stream of borrowing futures does not prove that it can be sent.
    let read: Vec<_> = read.collect();
    stream::iter(read).buffered(reading.at_once.max(1)).try_collect().await
}

/// Reads the index of one device: through its views in turn, each a few times.
async fn one(
    layout: &Layout,
    device: &Device,
    number: u16,
    clients: &HashMap<&str, &Server>,
    sorter: &Sorter<ReplicaRecord>,
    reading: Reading,
    progress: &dyn Progress,
) -> Result<IndexRead, IndexesError> {
    let mut last = None;
    for view in device.views() {
        let server = layout.server(layout.mount(*view).server());
        let Some(server) = clients.get(server.uuid()) else { continue };
        let mut wait = reading.patience.first_wait;
        for left in (0..reading.patience.tries.max(1)).rev() {
            let feeder = sorter.feeder()?;
            let from = Source { device: device.uuid().as_str(), number, server, reading };
            match from.read(feeder, progress).await {
                Err(IndexesError::Index { error, .. }) if error.may_pass() => {
                    tracing::info!(device = %device.uuid(), url = %server.url, %error, "asking for the index again");
                    last = Some((server.url.to_string(), error));
                    if left > 0 {
                        tokio::time::sleep(wait).await;
                        wait = wait.saturating_mul(2);
                    }
                }
                done => return done,
            }
        }
    }
    let (url, error) = last.unwrap_or_else(|| (String::new(), ClientError::NotFound));
    Err(IndexesError::Index { device: device.uuid().to_string(), url, error })
}

/// One device as one node tells of it.
struct Source<'a> {
    device: &'a str,
    number: u16,
    server: &'a Server,
    reading: Reading,
}

impl Source<'_> {
    /// Reads the index into `feeder`, which counts only if the index was whole.
    async fn read(
        &self,
        mut feeder: Feeder<ReplicaRecord>,
        progress: &dyn Progress,
    ) -> Result<IndexRead, IndexesError> {
        match self.lines(&self.server.client, &mut feeder, progress).await {
            Ok(read) => {
                feeder.finish()?;
                Ok(read)
            }
            Err(error) => {
                feeder.discard();
                Err(error)
            }
        }
    }

    async fn lines(
        &self,
        client: &KeepClient,
        feeder: &mut Feeder<ReplicaRecord>,
        progress: &dyn Progress,
    ) -> Result<IndexRead, IndexesError> {
        let failed = |error| IndexesError::Index {
            device: self.device.to_owned(),
            url: self.server.url.to_string(),
            error,
        };
        let scope = IndexScope::Mount(self.device);
        let mut lines = client.index(scope, HashPrefix::ALL).await.map_err(failed)?;
        let mut read = IndexRead {
            device: self.device.to_owned(),
            server: self.server.uuid.clone(),
            blocks: 0,
            bytes: 0,
            in_future: 0,
            digest: [0; 32],
        };
        let mut digest = Sha256::new();
        let future = self.reading.started.after(FUTURE_MAX);
        while let Some(line) = lines.next().await {
            let line = line.map_err(failed)?;
            digest.update(line.hash.as_bytes());
            digest.update(line.size.to_le_bytes());
            digest.update(line.mtime.as_nanos().to_le_bytes());
            feeder.push(self.record(&line))?;
            read.blocks += 1;
            read.in_future += u64::from(line.mtime > future);
            progress.note(1);
        }
        read.bytes = lines.received();
        read.digest = digest.finalize().into();
        Ok(read)
    }

    fn record(&self, line: &IndexLine) -> ReplicaRecord {
        let size = u32::try_from(line.size).expect("no line of an index names more than 64 MiB");
        ReplicaRecord { hash: line.hash, size, device: self.number, mtime: line.mtime }
    }
}
