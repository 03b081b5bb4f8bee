use std::fs;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tempfile::TempDir;
use tokio::time::sleep;

use crate::block::Block;
use crate::launcher::{Launcher, StartFailure};
use crate::report::Stop;
use crate::server::{Server, skipped};
use crate::setup::{Setup, VolumeSetup};
use crate::target::Target;

/// How long an effect may take that no answer announces: a list worked off, a line logged.
const EFFECT_TIMEOUT: Duration = Duration::from_secs(15);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The class of the second standard volume.
pub(crate) const OTHER_CLASS: &str = "foo";

/// What one case has: the target, a directory of its own, and blocks nobody else has.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    target: &'a Target,
    scratch: TempDir,
    blocks: AtomicU64,
}

impl<'a> Context<'a> {
    pub(crate) fn new(target: &'a Target) -> std::io::Result<Self> {
        let scratch = tempfile::Builder::new().prefix("keep-conformance-").tempdir()?;
        Ok(Context { target, scratch, blocks: AtomicU64::new(0) })
    }

    /// A small block with content of its own.
    pub(crate) fn block(&self) -> Block {
        Block::new(self.own_text().into_bytes())
    }

    /// A block of `length` bytes with content of its own.
    pub(crate) fn block_of(&self, length: usize) -> Block {
        let mut data = self.own_text().into_bytes();
        data.resize(length, b'.');
        Block::new(data)
    }

    /// A small block that `server` tries on the volume at `position` first.
    pub(crate) fn block_first_on(&self, server: &Server, position: usize) -> Result<Block, Stop> {
        let wanted = &server.volumes(position + 1)?[position].uuid;
        loop {
            let block = self.block();
            if server.volumes_for(&block, 1)?.first().is_some_and(|first| first.uuid == *wanted) {
                return Ok(block);
            }
        }
    }

    fn own_text(&self) -> String {
        let number = self.blocks.fetch_add(1, Ordering::Relaxed);
        let nanoseconds =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
        format!("keep-conformance {} {nanoseconds} {number}\n", std::process::id())
    }

    /// A fresh writable volume; `number` makes its UUID and its directory.
    pub(crate) fn volume(&self, number: u8) -> Result<VolumeSetup, Stop> {
        let root = self.scratch.path().join(format!("volume-{number}"));
        fs::create_dir_all(&root)?;
        Ok(VolumeSetup::new(&format!("zzzzz-nyw5e-{number:015}"), &root))
    }

    /// The settings of most cases: signing on, v1 of class `default`, v2 of class `foo` and replication 2.
    pub(crate) fn standard_setup(&self) -> Result<Setup, Stop> {
        let mut second = self.volume(2)?;
        second.storage_classes = vec![OTHER_CLASS.to_owned()];
        second.replication = 2;
        let mut setup = self.setup(vec![self.volume(1)?, second]);
        setup.storage_classes.push(OTHER_CLASS.to_owned());
        Ok(setup)
    }

    /// Standard settings with other volumes, all of class `default`.
    pub(crate) fn setup(&self, volumes: Vec<VolumeSetup>) -> Setup {
        Setup { volumes, ..Setup::new(self.scratch.path()) }
    }

    /// The server that runs already, or a fresh one with the standard settings.
    pub(crate) async fn standard(&self) -> Result<Server, Stop> {
        match &self.target.running {
            Some(server) => Ok(Server::running(server)),
            None => self.launch(&self.standard_setup()?).await,
        }
    }

    /// A fresh server with these settings.
    pub(crate) async fn launch(&self, setup: &Setup) -> Result<Server, Stop> {
        let running = self.launcher()?.start(setup).await.map_err(not_started)?;
        Ok(Server::launched(setup, running))
    }

    /// Tries to start a server that should refuse its settings; `None` if it started all the same.
    pub(crate) async fn refusal_to_start(
        &self,
        setup: &Setup,
    ) -> Result<Option<StartFailure>, Stop> {
        Ok(self.launcher()?.start(setup).await.err())
    }

    pub(crate) fn launcher(&self) -> Result<&dyn Launcher, Stop> {
        self.target
            .launcher
            .as_deref()
            .ok_or_else(|| skipped("needs a server with other settings, started for it"))
    }
}

fn not_started(failure: StartFailure) -> Stop {
    match failure {
        StartFailure::Unsupported(why) => skipped(format!("the launcher cannot do this: {why}")),
        other @ (StartFailure::Exited { .. }
        | StartFailure::NotReady(_)
        | StartFailure::Io { .. }) => Stop::Wrong(format!("the server did not start: {other}")),
    }
}

/// Asks until the answer is yes; false if it is not within the deadline.
pub(crate) async fn eventually<F>(mut check: impl FnMut() -> F) -> Result<bool, Stop>
where
    F: Future<Output = Result<bool, Stop>>,
{
    let deadline = Instant::now() + EFFECT_TIMEOUT;
    loop {
        if check().await? {
            return Ok(true);
        }
        if Instant::now() > deadline {
            return Ok(false);
        }
        sleep(POLL_INTERVAL).await;
    }
}
