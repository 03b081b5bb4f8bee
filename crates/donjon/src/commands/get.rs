//! `donjon get`

mod source;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use donjon_files::{Existing, GetOptions, Got, Locate, Signing, Unrestored};
use serde_json::{Value, json};

use crate::cluster::ClusterArgs;
use crate::counted::counted;
use crate::described::Described;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Format, print};
use crate::table::bytes;
use crate::transfer::{Bar, ManifestsDir, nodes, unless_interrupted};
pub(super) use source::Hints;
use source::Source;

/// So many files that are not restored are named on stderr; --json has them all.
const NAMED_MAX: usize = 20;

/// Restore a collection
///
/// Every block is checked against its hash, and read from another node if a copy is damaged or missing. A file has its name
/// only once it is whole and on the disk: until then it is in DEST/.donjon-get. Run it again to go on after an interruption:
/// what is there is found by its hashes and not read again. No other file is overwritten unless you say so, and no link in
/// DEST is followed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon get photos ~/restored --data /srv/keep
  donjon get 1f4b0bc7583c2a7f9102c395f4ffc5e3+45 --config config.yml
  donjon get ./a.manifest restored --url http://keep0:25107 --token-file token

With --json: an object with destination, written and kept (files), their bytes, blocks (read) and
block_bytes, and unrestored: objects with path, reason (differs or no_block) and detail.
Exit status: 0 all of it is there, 4 all but some files, 3 there is no such collection, 1 an error:
run it again to go on")]
pub(crate) struct GetArgs {
    /// The collection: its name, its portable data hash, or a file that has its manifest
    #[arg(value_name = "COLLECTION")]
    collection: String,

    /// Where to restore it; a directory of the collection's name here unless told. Made unless it is there
    #[arg(value_name = "DEST")]
    dest: Option<PathBuf>,

    /// Replace files that are there and have other content
    #[arg(long)]
    overwrite: bool,

    /// How many blocks to read at once. Each takes up to 64 MiB of memory
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
    let manifests = ManifestsDir::find(args.manifests, &cluster);
    let manifests = manifests.filter(|manifests| !manifests.is_unused());
    let dir = manifests.as_ref().map(|manifests| manifests.path.as_path());
    let Some(source) = Source::find(&args.collection, dir)? else {
        eprintln!(
            "donjon: there is no collection {:?}{}, and no file of this name; `donjon ls` shows the collections",
            args.collection,
            dir.map_or_else(String::new, |dir| format!(" in {}", dir.display()))
        );
        return Ok(Exit::NotFound);
    };
    let nodes = nodes(&cluster, &Described::default());
    let dest = args.dest.unwrap_or_else(|| PathBuf::from(&source.directory));
    let sizes = source.tree.files().map(|(_, file)| file.size());
    let (total, files) = sizes.fold((0, 0), |(total, files), size| (total + size, files + 1));
    let bar = Bar::new("get", total, files);
    let options = GetOptions {
        jobs: usize::from(args.jobs),
        existing: if args.overwrite { Existing::Overwrite } else { Existing::Keep },
        on_progress: bar.moves(),
        locate: locate(cluster.signing.clone(), source.hints),
    };
    let work = async {
        let got = donjon_files::get(&source.tree, &dest, &nodes, &options).await;
        got.map_err(|error| Failure::Other(error.to_string()))
    };
    let got = unless_interrupted(work, || INTERRUPTED.to_owned()).await;
    bar.clear();
    let got = got?;
    if cluster.signing.is_none() && wants_signatures(&got) {
        eprintln!(
            "donjon: the nodes want signatures, and the key is not known: give --config or --data of the cluster, or a manifest whose locators are signed for this token"
        );
    }
    tell(&got, &dest, args.format)?;
    Ok(if got.unrestored.is_empty() { Exit::Done } else { Exit::Partly })
}

const INTERRUPTED: &str =
    "files that were whole are in place. The same command again goes on where this one stopped";

/// Signed here if the key is known; else with the hints that the manifest has.
pub(super) fn locate(signing: Option<Signing>, hints: Hints) -> Locate {
    Arc::new(move |block| match (&signing, hints.get(&block)) {
        (Some(signing), _) => signing.sign(block, SystemTime::now().into()),
        (None, Some(with_hints)) => with_hints.clone(),
        (None, None) => block.to_string().parse().expect("hash and size are a locator"),
    })
}

/// Whether a node did not let us read a block.
fn wants_signatures(got: &Got) -> bool {
    got.unrestored.values().any(|why| match why {
        Unrestored::Differs => false,
        Unrestored::NoBlock(lost) => lost.is_forbidden(),
    })
}

fn tell(got: &Got, dest: &Path, format: Format) -> Result<(), Failure> {
    for (path, why) in got.unrestored.iter().take(NAMED_MAX) {
        match why {
            Unrestored::Differs => eprintln!(
                "donjon: {path}: a file of other content is there, and stays; --overwrite replaces it"
            ),
            Unrestored::NoBlock(lost) => eprintln!("donjon: {path}: not restored: {lost}"),
        }
    }
    let more = got.unrestored.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        eprintln!("donjon: and {more} more files; --json has them all");
    }
    print(format, &as_json(got, dest), |_| {
        let not = match got.unrestored.len() {
            0 => String::new(),
            count => format!("; {count} NOT restored"),
        };
        format!(
            "{}: {} written, {} there before and right; {}{not}",
            dest.display(),
            counted(got.written, "file"),
            got.kept,
            bytes(got.bytes)
        )
    })
}

fn as_json(got: &Got, dest: &Path) -> Value {
    let unrestored = got.unrestored.iter().map(|(path, why)| match why {
        Unrestored::Differs => {
            json!({ "path": path.to_string(), "reason": "differs", "detail": null })
        }
        Unrestored::NoBlock(lost) => {
            json!({ "path": path.to_string(), "reason": "no_block", "detail": lost.to_string() })
        }
    });
    json!({
        "destination": dest.display().to_string(),
        "written": got.written,
        "kept": got.kept,
        "bytes": got.bytes,
        "blocks": got.blocks,
        "block_bytes": got.block_bytes,
        "unrestored": unrestored.collect::<Vec<_>>(),
    })
}
