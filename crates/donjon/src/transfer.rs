//! What `donjon put` and `donjon get` have in common: the nodes, the directory of manifests, progress, the clock.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use donjon_files::{Nodes, OnBlock, OnProgress, Server};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use keep_protocol::client::KeepClient;
use keep_rules::Timestamp;
use tokio::signal::unix::{SignalKind, signal};

use crate::cluster::Cluster;
use crate::described::Described;
use crate::failure::Failure;
use crate::manifests::OWN;

/// A directory of manifests, and whether it may be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ManifestsDir {
    pub(crate) path: PathBuf,
    /// It is the one in a data directory, which nobody else makes.
    is_own: bool,
}

impl ManifestsDir {
    /// The one that was named, or configured, or that belongs to the data directory; in this order.
    pub(crate) fn find(given: Option<PathBuf>, cluster: &Cluster) -> Option<Self> {
        let configured = || cluster.balance.as_ref().and_then(|balance| balance.manifests.clone());
        if let Some(path) = given.or_else(configured) {
            return Some(ManifestsDir { path, is_own: false });
        }
        let data = cluster.data.as_ref()?;
        Some(ManifestsDir { path: data.join(OWN), is_own: true })
    }

    /// Whether it is our own, and nothing was ever put.
    pub(crate) fn is_unused(&self) -> bool {
        self.is_own && matches!(self.path.try_exists(), Ok(false))
    }

    /// Makes it if it is our own; else it must be there: it may be on a disk that is not mounted.
    pub(crate) fn prepare(&self) -> Result<(), Failure> {
        let path = &self.path;
        if self.is_own {
            return match std::fs::create_dir(path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    Err(Failure::local(format!("cannot make {}", path.display()))(error))
                }
                Ok(()) | Err(_) => sync_parent(path),
            };
        }
        match std::fs::metadata(path) {
            Ok(there) if there.is_dir() => Ok(()),
            Ok(_) => Err(Failure::Usage(format!("{} is no directory", path.display()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Failure::Usage(format!(
                "{} is not there: is the file system mounted? Else make it: mkdir {0}",
                path.display()
            ))),
            Err(error) => Err(Failure::local(format!("cannot look at {}", path.display()))(error)),
        }
    }
}

fn sync_parent(path: &Path) -> Result<(), Failure> {
    let Some(parent) = path.parent() else { return Ok(()) };
    std::fs::File::open(parent)
        .and_then(|parent| parent.sync_all())
        .map_err(Failure::local(format!("cannot sync {}", parent.display())))
}

/// The nodes of a cluster, as files are stored on them; their devices as they have described them.
pub(crate) fn nodes(cluster: &Cluster, described: &Described) -> Nodes<KeepClient> {
    let servers = cluster.servers.iter().enumerate().map(|(number, server)| Server {
        uuid: server.uuid.clone(),
        name: server.url.to_string(),
        node: server.client.clone(),
        devices: described.devices(number),
    });
    Nodes::new(servers.collect()).signed(cluster.signing.clone())
}

/// How far a transfer is: bytes, files, rate; or blocks. On stderr, if that is a terminal.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    bar: ProgressBar,
    files: u64,
    files_done: Arc<AtomicU64>,
}

impl Bar {
    pub(crate) fn new(doing: &'static str, bytes: u64, files: u64) -> Self {
        let template = "{prefix} {wide_bar} {bytes} of {total_bytes}, {msg} files, {binary_bytes_per_sec}, {eta} left";
        let style = ProgressStyle::with_template(template).expect("the template is well-formed");
        let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr())
            .with_style(style)
            .with_prefix(doing)
            .with_message(format!("0 of {files}"));
        Bar { bar, files, files_done: Arc::default() }
    }

    /// Moves it.
    pub(crate) fn moves(&self) -> OnProgress {
        let bar = self.clone();
        Arc::new(move |done| {
            bar.bar.inc(done.bytes);
            if done.files > 0 && !bar.bar.is_hidden() {
                let before = bar.files_done.fetch_add(done.files, Ordering::Relaxed);
                bar.bar.set_message(format!("{} of {}", before + done.files, bar.files));
            }
        })
    }

    /// One that counts blocks.
    pub(crate) fn of_blocks(doing: &'static str, blocks: u64) -> Self {
        let template = "{prefix} {wide_bar} {pos} of {len} blocks, {per_sec}, {eta} left";
        let style = ProgressStyle::with_template(template).expect("the template is well-formed");
        let bar = ProgressBar::with_draw_target(Some(blocks), ProgressDrawTarget::stderr())
            .with_style(style)
            .with_prefix(doing);
        Bar { bar, files: 0, files_done: Arc::default() }
    }

    /// Moves one of blocks by one.
    pub(crate) fn steps(&self) -> OnBlock {
        let bar = self.bar.clone();
        Arc::new(move || bar.inc(1))
    }

    /// Takes it off the screen.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// Does the work, unless somebody presses Ctrl-C or ends the program before: then `advice` is what he is told: it is
/// asked for when the work has stopped.
pub(crate) async fn unless_interrupted<T>(
    work: impl Future<Output = Result<T, Failure>>,
    advice: impl FnOnce() -> String,
) -> Result<T, Failure> {
    let mut terminate =
        signal(SignalKind::terminate()).map_err(Failure::local("cannot wait for signals"))?;
    let mut interrupt =
        signal(SignalKind::interrupt()).map_err(Failure::local("cannot wait for signals"))?;
    let ended = tokio::select! {
        done = work => return done,
        _ = interrupt.recv() => "interrupted",
        _ = terminate.recv() => "told to end",
    };
    Err(Failure::Other(format!("{ended}: {}", advice())))
}

/// A clock that neither goes back nor stands still while the machine sleeps: what was sent by it is at least as old as it says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    begun: Instant,
    begun_wall: SystemTime,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Clock { begun: Instant::now(), begun_wall: SystemTime::now() }
    }

    pub(crate) fn now(self) -> Timestamp {
        SystemTime::now().max(self.begun_wall + self.begun.elapsed()).into()
    }
}
