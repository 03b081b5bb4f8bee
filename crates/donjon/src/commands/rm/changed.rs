//! What becomes of the catalog: collections are removed, brought back or given up.

use std::path::Path;
use std::time::{Duration, SystemTime};

use keep_rules::Timestamp;
use manifest_store::{Catalog, CollectionName, Entry, Standing, Store, StoreError};

use crate::failure::Failure;
use crate::manifests::Manifests;
use crate::ttl;
use crate::utc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Remove,
    BringBack,
    GiveUp,
}

/// What became of one collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Removed,
    BroughtBack,
    GivenUp,
    /// To be brought back, and there: perhaps it was brought back before.
    NotRemoved,
    NoSuchName,
    TooLate,
    /// To be brought back, and another one has its name.
    NameTaken,
    NothingToGiveUp,
}

/// A collection that was to be changed, and what is to be told of it.
pub(super) struct Changed {
    pub(super) name: CollectionName,
    pub(super) outcome: Outcome,
    /// The one of this name that is there after `--undo`: to be looked at.
    pub(super) there: Option<Entry>,
    /// The one of this name that was removed last, as it was after the change.
    last_removed: Option<Entry>,
    /// How long `--undo` works, and how long blocks are kept, unless it is there.
    pub(super) undo_until: Option<Timestamp>,
    pub(super) kept_until: Option<Timestamp>,
}

/// When things happen, and how long signatures are valid.
#[derive(Clone, Copy)]
struct Times {
    now: Timestamp,
    ttl: Duration,
}

/// Changes the catalog, and lets go of it. An error ends it; what was changed before is given all the same.
pub(super) fn change(
    manifests: &Manifests,
    act: Act,
    names: &[CollectionName],
) -> Result<(Vec<Changed>, Result<(), Failure>), Failure> {
    let ttl = ttl::known(manifests.ttl)?;
    let mut store = open(&manifests.dir, SystemTime::now().into())?;
    // Read when it is our turn: another writer may have been waited for.
    let times = Times { now: SystemTime::now().into(), ttl };
    if let Err(error) = store.sweep(times.now, ttl) {
        eprintln!("donjon: collections that were removed long ago are not forgotten: {error}");
    }
    let mut changed = Vec::with_capacity(names.len());
    for name in names {
        match change_one(&mut store, act, name, times) {
            Ok(one) => changed.push(one),
            Err(error) => {
                let failure = failed_at(name, &error, &names[changed.len() + 1..]);
                return Ok((changed, Err(failure)));
            }
        }
    }
    Ok((changed, Ok(())))
}

fn failed_at(name: &CollectionName, error: &StoreError, rest: &[CollectionName]) -> Failure {
    let rest: Vec<&str> = rest.iter().map(CollectionName::as_str).collect();
    let rest = if rest.is_empty() {
        String::new()
    } else {
        format!(". Not tried, and as before: {}", rest.join(", "))
    };
    Failure::Other(format!("{name}: {error}{rest}"))
}

fn change_one(
    store: &mut Store,
    act: Act,
    name: &CollectionName,
    times: Times,
) -> Result<Changed, StoreError> {
    let Times { now, ttl } = times;
    let done = match act {
        Act::Remove => store.remove(name, now, ttl).map(|_at| Outcome::Removed),
        Act::BringBack => store.restore(name, now, ttl).map(|_entry| Outcome::BroughtBack),
        Act::GiveUp => store.give_up(name, now).map(|_count| Outcome::GivenUp),
    };
    let catalog = store.catalog();
    let live = catalog.live(name.as_str());
    let last_removed = last_removed(catalog, name);
    let outcome = match done {
        Ok(outcome) => outcome,
        Err(StoreError::NoSuchName { .. }) if act == Act::BringBack && last_removed.is_some() => {
            Outcome::TooLate
        }
        Err(StoreError::NoSuchName { .. }) => Outcome::NoSuchName,
        Err(StoreError::Exists { .. }) if is_another(live, last_removed, times) => {
            Outcome::NameTaken
        }
        Err(StoreError::Exists { .. }) => Outcome::NotRemoved,
        Err(StoreError::NothingToGiveUp { .. }) => Outcome::NothingToGiveUp,
        Err(error) => return Err(error),
    };
    let kept_until = last_removed.and_then(|entry| kept_until(entry, times));
    let restorable = catalog.restorable(now, ttl);
    Ok(Changed {
        name: name.clone(),
        outcome,
        there: live.filter(|_| act == Act::BringBack).cloned(),
        last_removed: last_removed.cloned(),
        undo_until: restorable.get(name).and_then(|entry| entry.undo_until(ttl)),
        kept_until: if live.is_some() { None } else { kept_until },
    })
}

/// Opens a directory of manifests that is there: to remove is not to set one up.
fn open(dir: &Path, now: Timestamp) -> Result<Store, Failure> {
    let failed = |error: StoreError| Failure::Other(error.to_string());
    Catalog::load(dir).map_err(failed)?;
    let waiting =
        || eprintln!("donjon: another command writes in {}; waiting for it", dir.display());
    Store::open_telling(dir, now, waiting).map_err(failed)
}

/// The collection of this name that was removed last.
fn last_removed<'s>(catalog: &'s Catalog, name: &CollectionName) -> Option<&'s Entry> {
    let removed = catalog.entries.iter().filter(|entry| entry.name == *name && !entry.is_live());
    removed.max_by_key(|entry| entry.removed_at)
}

/// Whether somebody who wants this name back may mean one of other content, which is kept.
fn is_another(live: Option<&Entry>, last_removed: Option<&Entry>, times: Times) -> bool {
    last_removed.is_some_and(|removed| {
        live.is_some_and(|live| live.pdh != removed.pdh) && kept_until(removed, times).is_some()
    })
}

fn kept_until(entry: &Entry, Times { now, ttl }: Times) -> Option<Timestamp> {
    match entry.standing(now, ttl) {
        Standing::RemovedUntil(until) => Some(until),
        Standing::Live | Standing::Over => None,
    }
}

impl Changed {
    /// What became of it, for people.
    pub(super) fn sentence(&self) -> String {
        let name = &self.name;
        let pdh = |entry: &Option<Entry>| {
            entry.as_ref().map_or_else(String::new, |entry| entry.pdh.to_string())
        };
        match (self.outcome, self.undo_until) {
            (Outcome::Removed, Some(until)) => {
                format!("{name}: removed; --undo brings it back until {}", utc::text(until))
            }
            (Outcome::Removed, None) => format!("{name}: removed"),
            (Outcome::BroughtBack, _) => format!("{name}: is there again"),
            (Outcome::GivenUp, _) => format!("{name}: given up; no balancer waits for it any more"),
            (Outcome::NotRemoved, _) => format!("{name}: is not removed, and stays as it is"),
            (Outcome::NameTaken, _) => format!(
                "{name}: there is a collection of this name ({}), which stays as it is. The one that was removed or replaced before cannot have its name back: `donjon get {}` restores its files, as long as `donjon ls --all` says that its blocks are kept",
                pdh(&self.there),
                pdh(&self.last_removed)
            ),
            (Outcome::NoSuchName, _) => format!(
                "{name}: there is no such collection; `donjon ls --all` shows those there are"
            ),
            (Outcome::TooLate, _) => format!(
                "{name}: it was removed too long ago: its blocks may be in the trash. If they are needed, `donjon untrash` on every node that trashed them; then `donjon get {}`, and put it again",
                pdh(&self.last_removed)
            ),
            (Outcome::NothingToGiveUp, _) => format!(
                "{name}: no removed collection of this name has lost its manifest. One that was not removed is never given up: remove it first"
            ),
        }
    }
}
