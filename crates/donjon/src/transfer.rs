//! What `donjon put` and `donjon get` have in common: the nodes, the directory of manifests, the progress bar.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use donjon_files::{Nodes, OnProgress, Server};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use keep_protocol::client::KeepClient;

use crate::cluster::Cluster;
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

/// The nodes of a cluster, as files are stored on them.
pub(crate) fn nodes(cluster: &Cluster) -> Nodes<KeepClient> {
    let servers = cluster.servers.iter().map(|server| Server {
        uuid: server.uuid.clone(),
        name: server.url.to_string(),
        node: server.client.clone(),
    });
    Nodes::new(servers.collect())
}

/// On stderr, if that is a terminal.
pub(crate) fn bar(doing: &'static str, bytes: u64) -> ProgressBar {
    let template = "{prefix} {bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  {eta}";
    let style = ProgressStyle::with_template(template).expect("the template is well-formed");
    ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr())
        .with_style(style)
        .with_prefix(doing)
}

/// Moves the bar.
pub(crate) fn moves(bar: &ProgressBar) -> OnProgress {
    let bar = bar.clone();
    Arc::new(move |bytes| bar.inc(bytes))
}
