//! `donjon put`

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use donjon_files::{Node, Nodes, Putting, Special, put, scan};
use indicatif::{ProgressBar, ProgressStyle};
use manifest_store::{CollectionName, Existing, Publication, Store, Wanted};
use serde_json::json;

use super::get::now;
use crate::cluster::{Cluster, ClusterArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::manifests::OWN;
use crate::output::{Format, print};
use crate::table::bytes;

/// Store files and directories as a collection
///
/// Files become blocks of at most 64 MiB; small ones share blocks, and a block that is there already is not kept twice. When every
/// block has its copies, the manifest is published under the collection's name, durably: from then on the balancer keeps the
/// blocks, and `donjon get` restores the files.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon put ~/photos --data /srv/keep
  donjon put a.txt b.txt --name letters --replication 3 --config /etc/arvados/config.yml
  donjon put ~/photos --name photos --replace --data /srv/keep

Links are not followed. A directory alone is the root of the collection;
several paths keep their names.
Exit status: 0 it is stored and published, 1 it is not, and the reason is on stderr")]
pub(crate) struct PutArgs {
    /// Files and directories
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// The collection's name; that of the first path unless told
    #[arg(long, value_name = "NAME")]
    name: Option<CollectionName>,

    /// How many copies, each on another node; DefaultReplication of the configuration
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    replication: Option<u32>,

    /// In which storage classes, separated by commas
    #[arg(long, value_name = "CLASSES", value_delimiter = ',')]
    classes: Vec<String>,

    /// Replace a collection of this name; its blocks are kept for the signature TTL
    #[arg(long)]
    replace: bool,

    /// Leave out links, devices, sockets and pipes instead of refusing them
    #[arg(long)]
    skip_special: bool,

    /// Blocks on their way at once; each takes 64 MiB of memory
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,

    /// The directory of manifests; Donjon.Balance.Manifests of the configuration, or DIR/manifests with --data DIR.
    /// Made if its parent exists
    #[arg(long, value_name = "DIR")]
    manifests: Option<PathBuf>,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    cluster: ClusterArgs,
}

pub(crate) async fn run(args: PutArgs) -> Result<Exit, Failure> {
    let cluster = args.cluster.cluster()?;
    let dir = manifests(args.manifests, &cluster)?;
    let name = name(args.name, &args.paths)?;
    let special = if args.skip_special { Special::Skip } else { Special::Refuse };
    let found = scan(&args.paths, special).map_err(|error| Failure::Other(error.to_string()))?;
    let (files, skipped) = (found.files(), found.skipped.len());
    for path in &found.skipped {
        eprintln!("donjon: left out {}", path.display());
    }
    let copies = args.replication.unwrap_or(cluster.default_replication);
    let (nodes, ttl) = (nodes(&cluster), cluster.ttl);
    let putting = Putting { copies, classes: args.classes.clone(), at_once: args.jobs.into(), now };
    let (begun, begun_wall) = (Instant::now(), SystemTime::now());
    let bar = Bar::new(found.bytes());
    let stored = put(found, &nodes, &putting, &bar).await;
    let stored = stored.map_err(|error| Failure::Other(error.to_string()))?;
    drop(bar);
    let mut manifest = Vec::new();
    stored.tree.write(&mut manifest).expect("a vector takes everything");
    let publication = Publication {
        name: name.clone(),
        wanted: Wanted { replication: args.replication, classes: args.classes },
        files,
        data_bytes: stored.bytes,
        at: SystemTime::now().into(),
        existing: if args.replace { Existing::Replace } else { Existing::Refuse },
    };
    let mut store = Store::open(&dir, SystemTime::now().into())
        .map_err(|error| Failure::Other(error.to_string()))?;
    // Published later, a block might be trashed before anybody knows that it is wanted (spec/keep-balance.md section 2.5).
    // A clock that stood still while the machine slept, or went back, proves nothing.
    let by_wall = begun_wall.elapsed().unwrap_or(Duration::MAX);
    if begun.elapsed().max(by_wall) > ttl / 2 {
        return Err(Failure::Other(
            "storing took longer than half the signature TTL, so nothing was published; store it in parts"
                .to_owned(),
        ));
    }
    let published = store
        .publish(publication, manifest.as_slice())
        .map_err(|error| Failure::Other(error.to_string()))?;
    let said = json!({
        "name": name,
        "portable_data_hash": published.pdh.to_string(),
        "files": files,
        "bytes": stored.bytes,
        "blocks": stored.blocks.len(),
        "stored_bytes": stored.stored_bytes,
        "copies": copies,
        "skipped": skipped,
    });
    print(args.format, &said, |_| {
        format!(
            "{name}: {files} files, {} in {} blocks, {copies} copies each\n{}",
            bytes(stored.bytes),
            stored.blocks.len(),
            published.pdh
        )
    })?;
    Ok(Exit::Done)
}

/// The nodes, as files are stored on them.
pub(crate) fn nodes(cluster: &Cluster) -> Nodes {
    let nodes = cluster
        .servers
        .iter()
        .map(|server| Node { uuid: server.uuid.clone(), client: server.client.clone() });
    Nodes { nodes: nodes.collect(), signing: cluster.signing.clone() }
}

/// The directory of manifests. Made if its parent is there.
fn manifests(given: Option<PathBuf>, cluster: &Cluster) -> Result<PathBuf, Failure> {
    let configured = cluster.balance.as_ref().and_then(|balance| balance.manifests.clone());
    let own = cluster.data.as_ref().map(|data| data.join(OWN));
    let dir = given.or(configured).or(own).ok_or_else(|| {
        Failure::Usage("which directory of manifests? Give --manifests DIR".to_owned())
    })?;
    match std::fs::create_dir(&dir) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(Failure::local(format!("cannot make {}", dir.display()))(error))
        }
        Ok(()) | Err(_) => Ok(dir),
    }
}

fn name(given: Option<CollectionName>, paths: &[PathBuf]) -> Result<CollectionName, Failure> {
    if let Some(name) = given {
        return Ok(name);
    }
    let first = paths.first().ok_or_else(|| Failure::Usage("which files?".to_owned()))?;
    let first = std::fs::canonicalize(first)
        .map_err(Failure::local(format!("cannot look at {}", first.display())))?;
    let text = first.file_name().map(|name| name.to_string_lossy().into_owned());
    text.unwrap_or_default()
        .parse()
        .map_err(|error| Failure::Usage(format!("the path gives no name: {error}; give --name")))
}

/// A bar of bytes on stderr, if that is a terminal.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn new(total: u64) -> Bar {
        let bar = ProgressBar::new(total);
        let template = "{bytes} of {total_bytes} {wide_bar} {binary_bytes_per_sec}, {eta} left";
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.unwrap_or_else(|_bad| ProgressStyle::default_bar()));
        Bar(bar)
    }
}

impl donjon_files::Progress for Bar {
    fn bytes(&self, count: u64) {
        self.0.inc(count);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
