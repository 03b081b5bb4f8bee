//! `donjon ls`

use std::collections::HashMap;
use std::ptr;
use std::time::SystemTime;

use keep_manifest::Streams;
use keep_rules::Timestamp;
use manifest_store::{Catalog, CollectionName, Entry, Scan, Standing};
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::manifests::{Manifests, ManifestsArgs};
use crate::output::{Format, Output};
use crate::table::{bytes, number, table, text};
use crate::utc;

/// List collections, or the files of one
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon ls --data /srv/keep
  donjon ls --all --data /srv/keep --json
  donjon ls photos --data /srv/keep

With --json: an object a line for each collection or file; undo_until_ns and kept_until_ns say how
long `donjon rm --undo` works (null if it does not bring back this one: it was replaced, or removed
too long ago), and how long blocks are kept.
Exit status: 0 done, 3 there is no collection of that name")]
pub(crate) struct LsArgs {
    /// The collection whose files to list, by name or portable data hash
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// Collections that were removed, too, until they are forgotten; `donjon get` takes the hash of one that is kept no longer
    #[arg(long, conflicts_with = "name")]
    all: bool,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    manifests: ManifestsArgs,
}

pub(crate) fn run(args: LsArgs) -> Result<Exit, Failure> {
    let manifests = args.manifests.find()?;
    match args.name {
        Some(name) => files(&manifests, &name, args.format),
        None => collections(&manifests, args.all, args.format),
    }
}

fn collections(manifests: &Manifests, all: bool, format: Format) -> Result<Exit, Failure> {
    let catalog = Catalog::load(&manifests.dir).map_err(other)?;
    let now: Timestamp = SystemTime::now().into();
    let listed = catalog.entries.iter().filter(|entry| entry.is_live() || all);
    let restorable = manifests.ttl.map(|ttl| catalog.restorable(now, ttl)).unwrap_or_default();
    let newest = newest(&catalog);
    let has_successor =
        |entry: &Entry| newest.get(&entry.name).is_some_and(|newest| !ptr::eq(*newest, entry));
    let mut output = Output::stdout();
    let mut shown = table(["NAME", "FILES", "SIZE", "BLOCKS", "COPIES", "PUBLISHED", "STATE"]);
    for entry in listed {
        let standing = manifests.ttl.map(|ttl| entry.standing(now, ttl));
        let is_restorable = restorable.get(&entry.name).is_some_and(|one| ptr::eq(*one, entry));
        let undo_until = manifests.ttl.filter(|_| is_restorable);
        let undo_until = undo_until.and_then(|ttl| entry.undo_until(ttl));
        if format.json {
            let kept_until = match standing {
                Some(Standing::RemovedUntil(until)) => Some(until),
                Some(Standing::Live | Standing::Over) | None => None,
            };
            output.json(&as_json(entry, undo_until, kept_until))?;
            continue;
        }
        let copies =
            entry.wanted.replication.map_or("default".to_owned(), |copies| copies.to_string());
        let removed = || entry.removed_at.map(|at| utc::text(Timestamp::from_nanos(at)));
        let state = match (standing, undo_until) {
            (Some(Standing::RemovedUntil(_)), Some(until)) => {
                format!("removed, --undo until {}", utc::text(until))
            }
            (Some(Standing::RemovedUntil(until)), None) if has_successor(entry) => format!(
                "replaced, blocks kept until {}: donjon get {}",
                utc::text(until),
                entry.pdh
            ),
            (Some(Standing::RemovedUntil(until)), None) => {
                format!("removed, no --undo, blocks kept until {}: {}", utc::text(until), entry.pdh)
            }
            (Some(Standing::Over), _) => format!("removed, kept no longer: {}", entry.pdh),
            (Some(Standing::Live), _) => String::new(),
            // How long it is kept is not known here.
            (None, _) => removed().map_or_else(String::new, |at| format!("removed {at}")),
        };
        shown.add_row([
            entry.name.as_str().into(),
            number(entry.files),
            bytes(entry.data_bytes).into(),
            number(entry.blocks),
            copies.into(),
            utc::text(Timestamp::from_nanos(entry.published_at)).into(),
            state.into(),
        ]);
    }
    if !format.json {
        output.line(text(&shown))?;
    }
    output.flush()?;
    Ok(Exit::Done)
}

/// Of each name the collection that is there, or was removed last.
fn newest(catalog: &Catalog) -> HashMap<&CollectionName, &Entry> {
    let mut newest: HashMap<&CollectionName, &Entry> = HashMap::new();
    for entry in &catalog.entries {
        let known = newest.entry(&entry.name).or_insert(entry);
        let is_newer = known.removed_at <= entry.removed_at;
        if !known.is_live() && (entry.is_live() || is_newer) {
            *known = entry;
        }
    }
    newest
}

fn as_json(entry: &Entry, undo_until: Option<Timestamp>, kept_until: Option<Timestamp>) -> Value {
    json!({
        "name": entry.name,
        "portable_data_hash": entry.pdh.to_string(),
        "files": entry.files,
        "bytes": entry.data_bytes,
        "blocks": entry.blocks,
        "replication": entry.wanted.replication,
        "storage_classes": entry.wanted.classes,
        "published_at_ns": entry.published_at,
        "removed_at_ns": entry.removed_at,
        "undo_until_ns": undo_until.map(Timestamp::as_nanos),
        "kept_until_ns": kept_until.map(Timestamp::as_nanos),
    })
}

fn files(manifests: &Manifests, name: &str, format: Format) -> Result<Exit, Failure> {
    let scan = Scan::open(&manifests.dir).map_err(other)?;
    let found = scan.entries().iter().find(|entry| {
        entry.is_live() && (entry.name.as_str() == name || entry.pdh.to_string() == name)
    });
    let Some(entry) = found else {
        eprintln!("donjon: there is no collection {name:?}; `donjon ls` shows those there are");
        return Ok(Exit::NotFound);
    };
    // Before anything is shown: half a collection looks like a whole one.
    scan.verify(entry).map_err(other)?;
    let mut output = Output::stdout();
    for stream in Streams::new(scan.manifest(entry).map_err(other)?) {
        let stream = stream.map_err(|error| Failure::Other(format!("{name}: {error}")))?;
        for file in stream.files() {
            if format.json {
                output.json(&json!({ "path": file.path().to_string(), "bytes": file.size() }))?;
            } else {
                output.line(format!("{:>12}  {}", file.size(), file.path()))?;
            }
        }
    }
    output.flush()?;
    Ok(Exit::Done)
}

fn other(error: manifest_store::StoreError) -> Failure {
    Failure::Other(error.to_string())
}
