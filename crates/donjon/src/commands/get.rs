//! `donjon get`

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use donjon_files::{Existing, Getting, get};
use keep_manifest::{PdhRead, Tree};
use keep_rules::Timestamp;
use manifest_store::{Entry, Scan};
use serde_json::json;

use super::put::{Bar, nodes};
use crate::cluster::ClusterArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::manifests::OWN;
use crate::output::{Format, print};
use crate::table::bytes;

/// Memory for the files of one collection: some millions of them.
const TREE_MEMORY: usize = 2 << 30;

/// Restore a collection
///
/// Every block is checked against its name, and fetched from another node if one has a damaged copy or none. A file is in its place
/// only when it is whole; what was there and is right stays, so that an interrupted command goes on when it is repeated.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon get photos ~/restored --data /srv/keep
  donjon get 1f4b0bc7583c2a7f9102c395f4ffc5e3+45 --data /srv/keep
  donjon get ./saved.manifest ~/restored --config /etc/arvados/config.yml

Exit status: 0 all of it is there, 1 something is not, and the reason is on stderr,
3 there is no such collection")]
pub(crate) struct GetArgs {
    /// The collection: its name, its portable data hash, or a file with a manifest
    #[arg(value_name = "COLLECTION")]
    collection: String,

    /// Where to restore it; a directory of the collection's name here unless told. Made if its parent exists
    #[arg(value_name = "DEST")]
    destination: Option<PathBuf>,

    /// Replace files that are there with other content
    #[arg(long)]
    overwrite: bool,

    /// Files at once; each takes a block, 64 MiB, of memory
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,

    /// The directory of manifests; Donjon.Balance.Manifests of the configuration, or DIR/manifests with --data DIR
    #[arg(long, value_name = "DIR")]
    manifests: Option<PathBuf>,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    cluster: ClusterArgs,
}

pub(crate) async fn run(args: GetArgs) -> Result<Exit, Failure> {
    let cluster = args.cluster.cluster()?;
    let configured = cluster.balance.as_ref().and_then(|balance| balance.manifests.clone());
    let own = cluster.data.as_ref().map(|data| data.join(OWN));
    let dir = args.manifests.or(configured).or(own);
    let Some((tree, name)) = find(&args.collection, dir.as_deref())? else {
        eprintln!(
            "donjon: there is no collection {:?}; `donjon ls` shows those there are",
            args.collection
        );
        return Ok(Exit::NotFound);
    };
    let destination = match args.destination {
        Some(destination) => destination,
        None => PathBuf::from(name.replace('/', "-")),
    };
    let getting = Getting {
        existing: if args.overwrite { Existing::Overwrite } else { Existing::Keep },
        at_once: args.jobs.into(),
        now,
    };
    let total = tree.files().map(|(_, file)| file.size()).sum();
    let bar = Bar::new(total);
    let got = get(&tree, &destination, &nodes(&cluster), getting, &bar).await;
    let got = got.map_err(|error| Failure::Other(error.to_string()))?;
    drop(bar);
    let said = json!({
        "destination": destination.display().to_string(),
        "written": got.written,
        "kept": got.kept,
        "bytes": got.bytes,
    });
    print(args.format, &said, |_| {
        format!(
            "{}: {} files written, {} were there and right; {}",
            destination.display(),
            got.written,
            got.kept,
            bytes(got.bytes)
        )
    })?;
    Ok(Exit::Done)
}

pub(crate) fn now() -> Timestamp {
    SystemTime::now().into()
}

/// The collection and its name; nothing if there is none.
fn find(collection: &str, dir: Option<&Path>) -> Result<Option<(Tree, String)>, Failure> {
    let unread = |error: &dyn std::fmt::Display| Failure::Other(format!("{collection}: {error}"));
    if let Some(dir) = dir.filter(|dir| dir.exists()) {
        let scan = Scan::open(dir).map_err(|error| unread(&error))?;
        // By its hash, a collection is found though it was removed: its blocks may be there still, or again.
        let named = |entry: &&Entry| {
            (entry.is_live() && entry.name.as_str() == collection)
                || entry.pdh.to_string() == collection
        };
        if let Some(entry) = scan.entries().iter().find(named) {
            let mut manifest = scan.manifest(entry).map_err(|error| unread(&error))?;
            let tree = Tree::read(&mut manifest, TREE_MEMORY).map_err(|error| unread(&error))?;
            scan.check(entry, manifest).map_err(|error| unread(&error))?;
            return Ok(Some((tree, entry.name.to_string())));
        }
    }
    let path = Path::new(collection);
    match File::open(path) {
        Ok(file) => {
            let tree = Tree::read(PdhRead::new(file), TREE_MEMORY);
            let name = path
                .file_stem()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            Ok(Some((tree.map_err(|error| unread(&error))?, format!("{name}.files"))))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unread(&error)),
    }
}
