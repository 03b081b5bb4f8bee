//! `donjon rm`

use std::time::{Duration, SystemTime};

use keep_rules::Timestamp;
use manifest_store::{CollectionName, Entry, Store, StoreError};
use serde_json::json;

use crate::exit::{Exit, Tally};
use crate::failure::Failure;
use crate::manifests::ManifestsArgs;
use crate::output::{Format, Output};
use crate::ttl;
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
  donjon rm photos --manifests /srv/manifests --ttl 336h

Collections that were removed long ago are forgotten, and their manifests erased: another signature
TTL, and a day at least, after their blocks have lost their protection.
Exit status: 0 all of them, 3 none of them was there, 4 some of them; or --undo found a
collection of this name, which stays as it is")]
pub(crate) struct RmArgs {
    /// The collections
    #[arg(value_name = "NAME", required = true)]
    names: Vec<CollectionName>,

    /// Bring them back
    #[arg(long)]
    undo: bool,

    /// Give up collections that were removed before, and whose manifests are lost or damaged: no balancer waits for these any
    /// more, and blocks that only they named are protected no longer
    #[arg(long, conflicts_with = "undo")]
    give_up: bool,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    manifests: ManifestsArgs,
}

pub(crate) fn run(args: RmArgs) -> Result<Exit, Failure> {
    let manifests = args.manifests.find()?;
    let ttl = ttl::known(manifests.ttl)?;
    let mut store = open(&manifests.dir, SystemTime::now().into())?;
    // Read when it is our turn: another writer may have been waited for.
    let now: Timestamp = SystemTime::now().into();
    if let Err(error) = store.sweep(now, ttl) {
        eprintln!("donjon: collections that were removed long ago are not forgotten: {error}");
    }
    let act = match (args.undo, args.give_up) {
        (true, _) => Act::BringBack,
        (false, true) => Act::GiveUp,
        (false, false) => Act::Remove,
    };
    let mut tally = Tally::default();
    let mut output = Output::stdout();
    for name in &args.names {
        let result = carry_out(&mut store, act, name, now, ttl)?;
        match result {
            Outcome::NoSuchName | Outcome::TooLate | Outcome::NothingToGiveUp => tally.missing += 1,
            Outcome::NameTaken => tally.kept += 1,
            Outcome::Removed | Outcome::BroughtBack | Outcome::GivenUp => tally.done += 1,
        }
        let until = kept_until(&store, name, now, ttl);
        if args.format.json {
            let until = until.map(Timestamp::as_nanos);
            output.json(&json!({ "name": name, "result": result, "kept_until_ns": until }))?;
        } else {
            let sentence = sentence(name, result, until, removed_last(&store, name));
            match result {
                Outcome::Removed | Outcome::BroughtBack | Outcome::GivenUp => {
                    output.line(sentence)?;
                }
                Outcome::NoSuchName
                | Outcome::TooLate
                | Outcome::NameTaken
                | Outcome::NothingToGiveUp => {
                    eprintln!("donjon: {sentence}");
                }
            }
        }
    }
    output.flush()?;
    Ok(tally.exit())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Remove,
    BringBack,
    GiveUp,
}

/// What became of one collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Removed,
    BroughtBack,
    GivenUp,
    NoSuchName,
    TooLate,
    NameTaken,
    NothingToGiveUp,
}

fn carry_out(
    store: &mut Store,
    act: Act,
    name: &CollectionName,
    now: Timestamp,
    ttl: Duration,
) -> Result<Outcome, Failure> {
    let done = match act {
        Act::Remove => store.remove(name, now).map(|_at| Outcome::Removed),
        Act::BringBack => store.restore(name, now, ttl).map(|()| Outcome::BroughtBack),
        Act::GiveUp => store.give_up(name, now).map(|_count| Outcome::GivenUp),
    };
    match done {
        Ok(done) => Ok(done),
        Err(StoreError::NoSuchName { .. })
            if act == Act::BringBack && removed_last(store, name).is_some() =>
        {
            Ok(Outcome::TooLate)
        }
        Err(StoreError::NoSuchName { .. }) => Ok(Outcome::NoSuchName),
        Err(StoreError::Exists { .. }) => Ok(Outcome::NameTaken),
        Err(StoreError::NothingToGiveUp { .. }) => Ok(Outcome::NothingToGiveUp),
        Err(error) => Err(Failure::Other(error.to_string())),
    }
}

/// Opens a directory of manifests that is there: to remove is not to set one up.
fn open(dir: &std::path::Path, now: Timestamp) -> Result<Store, Failure> {
    let failed = |error: StoreError| Failure::Other(error.to_string());
    manifest_store::Catalog::load(dir).map_err(failed)?;
    let waiting =
        || eprintln!("donjon: another command writes in {}; waiting for it", dir.display());
    Store::open_telling(dir, now, waiting).map_err(failed)
}

/// The collection of this name that was removed last.
fn removed_last<'s>(store: &'s Store, name: &CollectionName) -> Option<&'s Entry> {
    let of_name = store.catalog().entries.iter().filter(|entry| entry.name == *name);
    of_name.max_by_key(|entry| entry.removed_at)
}

fn kept_until(
    store: &Store,
    name: &CollectionName,
    now: Timestamp,
    ttl: Duration,
) -> Option<Timestamp> {
    let of_name = store.catalog().entries.iter().filter(|entry| entry.name == *name);
    of_name.filter_map(|entry| entry.undo_until(ttl)).filter(|until| now < *until).max()
}

fn sentence(
    name: &CollectionName,
    result: Outcome,
    until: Option<Timestamp>,
    last: Option<&Entry>,
) -> String {
    match (result, until) {
        (Outcome::Removed, Some(until)) => {
            format!(
                "{name}: removed; its blocks are kept, and --undo brings it back, until {}",
                utc::text(until)
            )
        }
        (Outcome::Removed, None) => format!("{name}: removed"),
        (Outcome::BroughtBack, _) => format!("{name}: is there again"),
        (Outcome::GivenUp, _) => format!("{name}: given up; no balancer waits for it any more"),
        (Outcome::NameTaken, _) => {
            format!("{name}: there is a collection of this name; remove that one first")
        }
        (Outcome::NoSuchName, _) => {
            format!("{name}: there is no such collection; `donjon ls --all` shows those there are")
        }
        (Outcome::TooLate, _) => format!(
            "{name}: it was removed too long ago: its blocks may be in the trash. If they are needed, `donjon untrash` on every node that trashed them; then `donjon get {}`, and put it again",
            last.map_or_else(String::new, |entry| entry.pdh.to_string())
        ),
        (Outcome::NothingToGiveUp, _) => format!(
            "{name}: no removed collection of this name has lost its manifest. One that was not removed is never given up: remove it first"
        ),
    }
}
