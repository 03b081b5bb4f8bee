//! `donjon rm`

use std::time::SystemTime;

use keep_rules::Timestamp;
use manifest_store::{CollectionName, Standing, Store, StoreError};
use serde_json::json;

use crate::exit::{Exit, Tally};
use crate::failure::Failure;
use crate::manifests::ManifestsArgs;
use crate::output::{Format, Output};
use crate::utc;

/// Remove collections
///
/// Their blocks are kept for the signature TTL, because who holds a signature may still use them in a new collection; until
/// then --undo brings a collection back. After that, the next run of the balancer trashes what no other collection wants.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon rm photos --data /srv/keep
  donjon rm --undo photos --data /srv/keep

Exit status: 0 all of them, 3 none of them was there, 4 some of them")]
pub(crate) struct RmArgs {
    /// The collections
    #[arg(value_name = "NAME", required = true)]
    names: Vec<CollectionName>,

    /// Bring them back
    #[arg(long)]
    undo: bool,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    manifests: ManifestsArgs,
}

pub(crate) fn run(args: RmArgs) -> Result<Exit, Failure> {
    let manifests = args.manifests.find()?;
    let now: Timestamp = SystemTime::now().into();
    let mut store = open(&manifests.dir, now)?;
    let mut tally = Tally::default();
    let mut output = Output::stdout();
    for name in &args.names {
        let done = if args.undo {
            store.restore(name, now, manifests.ttl)
        } else {
            store.remove(name, now)
        };
        let result = match done {
            Ok(()) if args.undo => "brought_back",
            Ok(()) => "removed",
            Err(StoreError::NoSuchName { .. }) => "no_such_name",
            Err(StoreError::Exists { .. }) => "name_taken",
            Err(error) => return Err(Failure::Other(error.to_string())),
        };
        match result {
            "no_such_name" => tally.missing += 1,
            "name_taken" => tally.kept += 1,
            _ => tally.done += 1,
        }
        let until = kept_until(&store, name, now, manifests.ttl);
        if args.format.json {
            let until = until.map(Timestamp::as_nanos);
            output.json(&json!({ "name": name, "result": result, "kept_until_ns": until }))?;
        } else {
            output.line(sentence(name, result, until))?;
        }
    }
    output.flush()?;
    Ok(tally.exit())
}

/// Opens a directory of manifests that is there: to remove is not to set one up.
fn open(dir: &std::path::Path, now: Timestamp) -> Result<Store, Failure> {
    let failed = |error: StoreError| Failure::Other(error.to_string());
    manifest_store::Catalog::load(dir).map_err(failed)?;
    Store::open(dir, now).map_err(failed)
}

fn kept_until(
    store: &Store,
    name: &CollectionName,
    now: Timestamp,
    ttl: std::time::Duration,
) -> Option<Timestamp> {
    let of_name = store.catalog().entries.iter().filter(|entry| entry.name == *name);
    let ends = of_name.filter_map(|entry| match entry.standing(now, ttl) {
        Standing::RemovedUntil(until) => Some(until),
        Standing::Live | Standing::Over => None,
    });
    ends.max()
}

fn sentence(name: &CollectionName, result: &str, until: Option<Timestamp>) -> String {
    match (result, until) {
        ("removed", Some(until)) => {
            format!(
                "{name}: removed; its blocks are kept, and --undo brings it back, until {}",
                utc::text(until)
            )
        }
        ("removed", None) => format!("{name}: removed"),
        ("brought_back", _) => format!("{name}: is there again"),
        ("name_taken", _) => {
            format!("{name}: there is a collection of this name; remove that one first")
        }
        _ => format!("{name}: there is no such collection"),
    }
}
