//! `donjon put`

mod publishing;
mod signature_ttl;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use donjon_files::{Packing, PutOptions, PutReport, Special, SpecialFile, Wish, scan};
use manifest_store::{Change, CollectionName, Existing, Scan, StoreError, Wanted};
use serde_json::json;

use crate::cluster::ClusterArgs;
use crate::counted::counted;
use crate::described::{Described, check_names};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Format, print};
use crate::table::bytes;
use crate::transfer::{Bar, Clock, ManifestsDir, nodes, unless_interrupted};
use publishing::{Became, NOTHING_PUBLISHED, Publishing};
use signature_ttl::SignatureTtl;

/// Store files and directories as a collection
///
/// Files become blocks of at most 64 MiB; short ones share blocks, and what is the same is stored once. Each block goes to as
/// many nodes as there should be copies. Only when all blocks have all their copies is the collection published: from then
/// on the balancer keeps them. A directory alone is the root of the collection; of several paths each keeps its name.
/// No link below a path is followed; a path itself may be one. Owners, modes and times are not stored.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon put ~/photos --data /srv/keep
  donjon put results log.txt --name run-7 --replication 3 --config /etc/arvados/config.yml
  donjon put ~/photos --replace --data /srv/keep
  donjon get photos /tmp/copy --data /srv/keep

With --json: an object with name, result (added, replaced, unchanged, or rewished: other copies are
wanted), portable_data_hash, generation, files, bytes, blocks and their stored_bytes (each once),
copies, skipped, repeated_blocks (not sent again), renewed_blocks (made young again before the
publication), healed_manifests (of the same content), forgotten_collections (removed long ago), and
doubt: why it is published and its blocks may be gone all the same (exit status 1), else null.
Exit status: 0 it is published, 1 it is not, or it is and its blocks may be gone: stderr says which
and why; 2 the command line is wrong. Put again then: what is stored already costs no room")]
pub(crate) struct PutArgs {
    /// Files and directories
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// The collection's name; that of the first path unless told
    #[arg(long, value_name = "NAME")]
    name: Option<CollectionName>,

    /// How many copies, each on another device; DefaultReplication of the configuration. A volume that keeps N copies itself
    /// (its Replication) counts as N
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    replication: Option<u32>,

    /// Storage classes, each of which should have the copies; separated by commas
    #[arg(long, value_name = "CLASSES", value_delimiter = ',')]
    classes: Vec<String>,

    /// Take the place of a collection of this name that has other content
    #[arg(long)]
    replace: bool,

    /// Leave out symbolic links, devices, sockets and pipes, which no collection can hold
    #[arg(long)]
    skip_special: bool,

    /// How many blocks to send at once. Each takes 64 MiB of memory, and so do three that are being read
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

pub(crate) async fn run(args: PutArgs) -> Result<Exit, Failure> {
    let name = name(args.name, &args.paths)?;
    let cluster = args.cluster.clone().cluster()?;
    let ttl = SignatureTtl::new(args.cluster, cluster.ttl()?);
    let manifests = ManifestsDir::find(args.manifests, &cluster).ok_or_else(|| {
        Failure::Usage(
            "where should the manifest be kept? Give --manifests DIR, --data DIR, or --config FILE with Donjon.Balance.Manifests: blocks that no manifest names are trashed"
                .to_owned(),
        )
    })?;
    // What would stop the publication is found before anything is sent.
    manifests.prepare()?;
    check_catalog(&manifests.path)?;
    check_names(&args.classes)?;
    let copies = args.replication.unwrap_or(cluster.default_replication).max(1);
    let described = if args.classes.is_empty() && copies == 1 {
        Described::default()
    } else {
        let asking = async { Ok(Described::ask(&cluster).await) };
        unless_interrupted(asking, || NOTHING_PUBLISHED.to_owned()).await?
    };
    described.check_classes(&args.classes)?;
    let special = if args.skip_special { Special::Skip } else { Special::Refuse };
    let scan = scan(&args.paths, special).map_err(|error| Failure::Other(error.to_string()))?;
    let skipped = scan.skipped().to_vec();
    let nodes = nodes(&cluster, &described);
    let bar = Bar::new("put", scan.bytes(), scan.files());
    let options = PutOptions {
        wish: Wish {
            replication: NonZeroU32::new(copies).unwrap_or(NonZeroU32::MIN),
            classes: args.classes.clone(),
        },
        jobs: usize::from(args.jobs),
        packing: Packing::default(),
        on_progress: bar.moves(),
    };
    let wanted = Wanted { replication: args.replication, classes: args.classes };
    let existing = if args.replace { Existing::Replace } else { Existing::Refuse };
    let clock = Clock::start();
    let publishing = Publishing::new(&manifests.path, name, wanted, existing, ttl);
    let mut report = PutReport::default();
    let work = async {
        let put = donjon_files::put(scan, &nodes, &options, || clock.now()).await;
        bar.clear();
        let mut put = put.map_err(|error| Failure::Other(error.to_string()))?;
        report = put.report;
        publishing.publish(&mut put, &nodes, || clock.now()).await
    };
    let ended = unless_interrupted(work, || publishing.interrupted()).await;
    bar.clear();
    let name = publishing.name().clone();
    let became = publishing.into_became(ended)?;
    let said = Said { name: &name, report, became, copies, skipped };
    said.tell(args.format)?;
    said.became.doubt.map_or(Ok(Exit::Done), Err)
}

/// The name that was given, or that of the first path.
fn name(given: Option<CollectionName>, paths: &[PathBuf]) -> Result<CollectionName, Failure> {
    if let Some(name) = given {
        return Ok(name);
    }
    let first = paths.first().ok_or_else(|| Failure::Usage("which files?".to_owned()))?;
    // As it was named; `..` and the like have no name of their own, so where they lead to counts.
    let named = match first.file_name() {
        Some(name) => name.to_owned(),
        None => {
            let found = std::fs::canonicalize(first)
                .map_err(Failure::local(format!("cannot look at {}", first.display())))?;
            found.file_name().unwrap_or_default().to_owned()
        }
    };
    // Two names that are no UTF-8 must not become one collection.
    let Some(text) = named.to_str() else {
        return Err(Failure::Usage(format!(
            "the name of {} is no UTF-8; give --name NAME",
            first.display()
        )));
    };
    text.parse().map_err(|error| {
        Failure::Usage(format!("the path gives no name: {error}; give --name NAME"))
    })
}

fn check_catalog(dir: &Path) -> Result<(), Failure> {
    match Scan::open(dir) {
        Ok(_) | Err(StoreError::NoCatalog { .. }) => Ok(()),
        Err(error) => Err(Failure::Other(error.to_string())),
    }
}

/// What came of it.
struct Said<'a> {
    name: &'a CollectionName,
    report: PutReport,
    became: Became,
    copies: u32,
    skipped: Vec<SpecialFile>,
}

impl Said<'_> {
    fn tell(&self, format: Format) -> Result<(), Failure> {
        for SpecialFile { path, kind } in &self.skipped {
            eprintln!("donjon: left out: {} ({kind})", path.display());
        }
        let Said { name, report, became, copies, skipped } = self;
        let Became { published, renewed, forgotten, doubt } = became;
        if published.healed > 0 {
            let healed = published.healed;
            eprintln!(
                "donjon: manifests of this content that were lost or damaged, and are good again: {healed}"
            );
        }
        if published.generation == 1 {
            eprintln!(
                "donjon: this is the first collection here; if there were others before, the file system of the manifests is not mounted"
            );
        }
        let said = json!({
            "name": name,
            "result": result(published.change),
            "portable_data_hash": published.pdh.to_string(),
            "generation": published.generation,
            "files": report.files,
            "bytes": report.bytes,
            "blocks": report.blocks,
            "stored_bytes": report.block_bytes,
            "copies": copies,
            "repeated_blocks": report.repeated_blocks,
            "renewed_blocks": renewed,
            "healed_manifests": published.healed,
            "forgotten_collections": forgotten,
            "skipped": skipped.len(),
            "doubt": doubt.as_ref().map(Failure::to_string),
        });
        let already = match published.change {
            Change::Added | Change::Replaced => "",
            Change::Rewished => "already stored, and wants other copies now: ",
            Change::Nothing => "already stored, nothing is changed: ",
        };
        print(format, &said, |_| {
            format!(
                "{name}: {already}{}, {} in {}, {} each\n{}",
                counted(report.files, "file"),
                bytes(report.bytes),
                counted(report.blocks, "block"),
                counted((*copies).into(), "copy"),
                published.pdh
            )
        })
    }
}

fn result(change: Change) -> &'static str {
    match change {
        Change::Added => "added",
        Change::Replaced => "replaced",
        Change::Rewished => "rewished",
        Change::Nothing => "unchanged",
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_collection_is_called_as_the_first_path_is_named_and_not_as_its_target() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("run-7")).unwrap();
        symlink("run-7", dir.path().join("latest")).unwrap();
        let of = |path: PathBuf| name(None, &[path]).map(|name| name.to_string());
        assert_eq!(of(dir.path().join("latest")).unwrap(), "latest");
        assert_eq!(of(dir.path().join("run-7/")).unwrap(), "run-7");
        assert_eq!(of(dir.path().join("run-7/../run-7/.")).unwrap(), "run-7");
        let odd = dir.path().join(OsStr::from_bytes(b"no utf-8 \xff"));
        assert!(matches!(of(odd), Err(Failure::Usage(said)) if said.contains("--name")));
    }
}
