//! `donjon rm`

mod looked;

use std::path::Path;
use std::time::{Duration, SystemTime};

use keep_rules::Timestamp;
use manifest_store::{CollectionName, Entry, Standing, Store, StoreError};
use serde_json::json;

use crate::cluster::Cluster;
use crate::exit::{Exit, Tally};
use crate::failure::Failure;
use crate::manifests::{Manifests, ManifestsArgs};
use crate::output::{Format, Output};
use crate::transfer::unless_interrupted;
use crate::ttl;
use crate::utc;
use looked::Looked;

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

What --undo has brought back is looked at: every block, on the nodes of --config or --data, which
makes it young. With --manifests alone no nodes are known, and only clocks have decided.
Collections that were removed long ago are forgotten, and their manifests erased: another signature
TTL, and a day at least, after their blocks have lost their protection.
With --json: an object a line with name, result, undo_until_ns and kept_until_ns (how long --undo
works, and how long blocks are kept); after --undo also blocks: looked_at, there, missing, in_doubt
and files_not_whole.
Exit status: 0 all of them, 3 none of them was there, 4 some of them; or --undo found a collection
of this name, which stays as it is; or it brought one back whose blocks are not all there")]
pub(crate) struct RmArgs {
    /// The collections
    #[arg(value_name = "NAME", required = true)]
    names: Vec<CollectionName>,

    /// Bring them back, and look whether all their blocks are there
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

pub(crate) async fn run(args: RmArgs) -> Result<Exit, Failure> {
    let act = match (args.undo, args.give_up) {
        (true, _) => Act::BringBack,
        (false, true) => Act::GiveUp,
        (false, false) => Act::Remove,
    };
    // What is wrong with the configuration is found before anything is changed.
    let (manifests, cluster) = match act {
        Act::BringBack => args.manifests.find_with_cluster()?,
        Act::Remove | Act::GiveUp => (args.manifests.find()?, None),
    };
    // A collection that is there protects its blocks from the next balancer, so it is there before they are looked at.
    let (changed, ended) = change(&manifests, act, &args.names)?;
    let looking = look(&manifests.dir, changed, cluster.as_ref());
    let told = unless_interrupted(looking, || INTERRUPTED.to_owned()).await?;
    let mut output = Output::stdout();
    let mut tally = Tally::default();
    for one in &told {
        one.count(&mut tally);
        one.tell(args.format, &mut output)?;
    }
    output.flush()?;
    ended?;
    Ok(tally.exit())
}

const INTERRUPTED: &str = "the collections are there again, but it was not found out whether all their blocks are; `donjon get` finds out";

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

/// A collection that was to be changed, and what is to be told of it.
struct Changed {
    name: CollectionName,
    outcome: Outcome,
    /// The one of this name that was removed last, as it was after the change.
    last_removed: Option<Entry>,
    /// As it is now, if it was brought back.
    restored: Option<Entry>,
    /// How long it can be brought back, and how long its blocks are kept.
    undo_until: Option<Timestamp>,
    kept_until: Option<Timestamp>,
}

/// Changes the catalog, and lets go of it. An error ends it; what was changed before is given all the same.
fn change(
    manifests: &Manifests,
    act: Act,
    names: &[CollectionName],
) -> Result<(Vec<Changed>, Result<(), Failure>), Failure> {
    let ttl = ttl::known(manifests.ttl)?;
    let mut store = open(&manifests.dir, SystemTime::now().into())?;
    // Read when it is our turn: another writer may have been waited for.
    let now: Timestamp = SystemTime::now().into();
    if let Err(error) = store.sweep(now, ttl) {
        eprintln!("donjon: collections that were removed long ago are not forgotten: {error}");
    }
    let mut changed = Vec::with_capacity(names.len());
    for name in names {
        match change_one(&mut store, act, name, now, ttl) {
            Ok(one) => changed.push(one),
            Err(error) => return Ok((changed, Err(error))),
        }
    }
    Ok((changed, Ok(())))
}

fn change_one(
    store: &mut Store,
    act: Act,
    name: &CollectionName,
    now: Timestamp,
    ttl: Duration,
) -> Result<Changed, Failure> {
    let done = match act {
        Act::Remove => store.remove(name, now, ttl).map(|_at| (Outcome::Removed, None)),
        Act::BringBack => {
            store.restore(name, now, ttl).map(|entry| (Outcome::BroughtBack, Some(entry)))
        }
        Act::GiveUp => store.give_up(name, now).map(|_count| (Outcome::GivenUp, None)),
    };
    let last_removed = last_removed(store, name);
    let (outcome, restored) = match done {
        Ok(done) => done,
        Err(StoreError::NoSuchName { .. }) if act == Act::BringBack && last_removed.is_some() => {
            (Outcome::TooLate, None)
        }
        Err(StoreError::NoSuchName { .. }) => (Outcome::NoSuchName, None),
        Err(StoreError::Exists { .. }) => (Outcome::NameTaken, None),
        Err(StoreError::NothingToGiveUp { .. }) => (Outcome::NothingToGiveUp, None),
        Err(error) => return Err(Failure::Other(error.to_string())),
    };
    let of_name = || store.catalog().entries.iter().filter(|entry| entry.name == *name);
    let undo_until = of_name().filter_map(|entry| entry.undo_until(ttl));
    let kept_until = of_name().filter_map(|entry| match entry.standing(now, ttl) {
        Standing::RemovedUntil(until) => Some(until),
        Standing::Live | Standing::Over => None,
    });
    Ok(Changed {
        name: name.clone(),
        outcome,
        last_removed: last_removed.cloned(),
        restored,
        undo_until: undo_until.filter(|until| now < *until).max(),
        kept_until: kept_until.max(),
    })
}

/// Opens a directory of manifests that is there: to remove is not to set one up.
fn open(dir: &Path, now: Timestamp) -> Result<Store, Failure> {
    let failed = |error: StoreError| Failure::Other(error.to_string());
    manifest_store::Catalog::load(dir).map_err(failed)?;
    let waiting =
        || eprintln!("donjon: another command writes in {}; waiting for it", dir.display());
    Store::open_telling(dir, now, waiting).map_err(failed)
}

/// The collection of this name that was removed last.
fn last_removed<'s>(store: &'s Store, name: &CollectionName) -> Option<&'s Entry> {
    let of_name = store.catalog().entries.iter().filter(|entry| entry.name == *name);
    of_name.max_by_key(|entry| entry.removed_at)
}

/// Looks for the blocks of what was brought back.
async fn look(
    dir: &Path,
    changed: Vec<Changed>,
    cluster: Option<&Cluster>,
) -> Result<Vec<Told>, Failure> {
    let mut told = Vec::with_capacity(changed.len());
    for changed in changed {
        let looked = match &changed.restored {
            Some(entry) => Some(Looked::at(dir, entry, cluster).await),
            None => None,
        };
        told.push(Told { changed, looked });
    }
    Ok(told)
}

/// A collection, and what is known of its blocks if it was brought back.
struct Told {
    changed: Changed,
    looked: Option<Looked>,
}

impl Told {
    fn count(&self, tally: &mut Tally) {
        match self.changed.outcome {
            Outcome::NoSuchName | Outcome::TooLate | Outcome::NothingToGiveUp => tally.missing += 1,
            Outcome::NameTaken => tally.kept += 1,
            Outcome::Removed | Outcome::BroughtBack | Outcome::GivenUp if self.is_well() => {
                tally.done += 1;
            }
            Outcome::Removed | Outcome::BroughtBack | Outcome::GivenUp => tally.kept += 1,
        }
    }

    fn is_well(&self) -> bool {
        self.looked.as_ref().is_none_or(Looked::is_well)
    }

    fn tell(&self, format: Format, output: &mut Output) -> Result<(), Failure> {
        let Told { changed, looked } = self;
        let warnings =
            looked.as_ref().map_or_else(Vec::new, |looked| looked.said(changed.name.as_str()));
        for warning in warnings {
            eprintln!("donjon: {warning}");
        }
        if format.json {
            return output.json(&json!({
                "name": changed.name,
                "result": changed.outcome,
                "undo_until_ns": changed.undo_until.map(Timestamp::as_nanos),
                "kept_until_ns": changed.kept_until.map(Timestamp::as_nanos),
                "blocks": looked.as_ref().map(Looked::as_json),
            }));
        }
        let sentence = changed.sentence();
        match changed.outcome {
            Outcome::Removed | Outcome::BroughtBack | Outcome::GivenUp if self.is_well() => {
                output.line(sentence)
            }
            // The warnings have said it.
            Outcome::Removed | Outcome::BroughtBack | Outcome::GivenUp => Ok(()),
            Outcome::NoSuchName
            | Outcome::TooLate
            | Outcome::NameTaken
            | Outcome::NothingToGiveUp => {
                eprintln!("donjon: {sentence}");
                Ok(())
            }
        }
    }
}

impl Changed {
    fn sentence(&self) -> String {
        let name = &self.name;
        match (self.outcome, self.undo_until) {
            (Outcome::Removed, Some(until)) => {
                format!("{name}: removed; --undo brings it back until {}", utc::text(until))
            }
            (Outcome::Removed, None) => format!("{name}: removed"),
            (Outcome::BroughtBack, _) => format!("{name}: is there again"),
            (Outcome::GivenUp, _) => format!("{name}: given up; no balancer waits for it any more"),
            (Outcome::NameTaken, _) => {
                format!("{name}: there is a collection of this name; remove that one first")
            }
            (Outcome::NoSuchName, _) => format!(
                "{name}: there is no such collection; `donjon ls --all` shows those there are"
            ),
            (Outcome::TooLate, _) => format!(
                "{name}: it was removed too long ago: its blocks may be in the trash. If they are needed, `donjon untrash` on every node that trashed them; then `donjon get {}`, and put it again",
                self.last_removed.as_ref().map_or_else(String::new, |entry| entry.pdh.to_string())
            ),
            (Outcome::NothingToGiveUp, _) => format!(
                "{name}: no removed collection of this name has lost its manifest. One that was not removed is never given up: remove it first"
            ),
        }
    }
}
