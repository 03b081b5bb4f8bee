//! What failed on nodes, and how often: remembered from run to run, so that hopeless copies are not ordered for ever
//! (`spec/keep-balance.md` section 7, W14). What follows from it is decided in `keep_rules::balance`.
//!
//! It only ever delays a copy that a block can do without. So a file that is lost or damaged is forgetting, no error.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use keep_protocol::status::ListName;
use keep_rules::balance::{Layout, MountIndex, Setback};
use keep_rules::{BlockHash, Timestamp};
use serde::{Deserialize, Serialize};

use crate::durable::{self, StateError};
use crate::outcomes::Failure;
use crate::reasons::Met;

/// Failures that are remembered: some 15 MB. Beyond that the oldest are forgotten, and said to be.
pub const REMEMBERED_MAX: usize = 100_000;

/// The name of the file in the state directory.
const FILE: &str = "setbacks.json";
/// The format we write. Another one is not understood, and forgotten.
const FORMAT: u32 = 1;
/// The longest file that is read.
const LENGTH_MAX: u64 = 64 << 20;

/// Everything that failed lately.
#[derive(Debug, Default)]
pub struct Setbacks {
    /// A mount as a node sees it, by number.
    places: Vec<(String, String)>,
    numbers: HashMap<(String, String), u32>,
    entries: BTreeMap<Key, Known>,
    /// Why they failed: bounded, so that what is counted by reason is, too.
    reasons: Met,
    /// Failures that there was no room for.
    forgotten: u64,
}

type Key = (ListName, BlockHash, u32);

/// What is known of one failing item.
#[derive(Debug)]
struct Known {
    setback: Setback,
    /// The list in which it failed last: reading the same list again is no new failure.
    list_id: u64,
    reason: String,
    /// Whether this run decided on the same again.
    again: AtomicBool,
}

/// An item that failed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed<'s> {
    /// How often, and when last.
    pub setback: Setback,
    /// Why: a label.
    pub reason: &'s str,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    format: u32,
    places: Vec<(String, String)>,
    entries: Vec<StoredEntry>,
}

/// List, block, place, failures, list id, instant, reason.
type StoredEntry = (ListName, String, u32, u32, u64, i64, String);

impl Setbacks {
    /// What the state directory remembers. What is absent or not understood is nothing.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn load(dir: &Path) -> Result<Setbacks, StateError> {
        let path = dir.join(FILE);
        let Some(bytes) = durable::read(&path, LENGTH_MAX)? else { return Ok(Setbacks::default()) };
        match serde_json::from_slice::<Stored>(&bytes) {
            Ok(stored) if stored.format == FORMAT => Ok(Setbacks::restore(stored)),
            Ok(_) | Err(_) => {
                tracing::warn!(path = %path.display(), "cannot be understood: what failed before is forgotten");
                Ok(Setbacks::default())
            }
        }
    }

    fn restore(stored: Stored) -> Setbacks {
        let mut setbacks = Setbacks::default();
        for (list, hash, place, failures, list_id, at, reason) in stored.entries {
            let place = usize::try_from(place).ok().and_then(|place| stored.places.get(place));
            let (Some((server, mount)), Ok(hash)) = (place, BlockHash::from_hex(hash.as_bytes()))
            else {
                continue;
            };
            let place = setbacks.place(server, mount);
            let setback = Setback { failures, last: Timestamp::from_nanos(at) };
            let reason = setbacks.reasons.one(&reason);
            let known = Known { setback, list_id, reason, again: AtomicBool::new(false) };
            setbacks.entries.insert((list, hash, place), known);
        }
        setbacks
    }

    /// Makes the state directory remember this.
    ///
    /// # Errors
    /// The file cannot be written; the old one stays.
    pub fn store(&self, dir: &Path) -> Result<(), StateError> {
        let entries = self.entries.iter().map(|((list, hash, place), known)| {
            let Known { setback, list_id, reason, .. } = known;
            let (hash, at) = (hash.to_string(), setback.last.as_nanos());
            (*list, hash, *place, setback.failures, *list_id, at, reason.clone())
        });
        let stored =
            Stored { format: FORMAT, places: self.places.clone(), entries: entries.collect() };
        let text = serde_json::to_vec(&stored).expect("names and numbers are JSON");
        durable::replace(&dir.join(FILE), &text)
    }

    /// Takes note of what failed, as of `now`. The same list told again is no new failure.
    pub fn note(&mut self, failures: &[Failure], now: Timestamp) {
        for failure in failures {
            let place = self.place(&failure.server, &failure.mount);
            // A node's clock may be ahead of ours.
            let last = failure.at.min(now);
            let known =
                self.entries.entry((failure.list, failure.hash, place)).or_insert_with(|| Known {
                    setback: Setback { failures: 0, last },
                    list_id: 0,
                    reason: String::new(),
                    again: AtomicBool::new(false),
                });
            if known.list_id == failure.list_id {
                continue;
            }
            known.setback = Setback { failures: known.setback.failures.saturating_add(1), last };
            known.list_id = failure.list_id;
            known.reason = self.reasons.one(&failure.reason);
        }
        self.forget_oldest(REMEMBERED_MAX);
    }

    fn forget_oldest(&mut self, max: usize) {
        let Some(over) = self.entries.len().checked_sub(max).filter(|over| *over > 0) else {
            return;
        };
        let mut by_age: Vec<(Timestamp, Key)> =
            self.entries.iter().map(|(key, known)| (known.setback.last, *key)).collect();
        by_age.sort_unstable();
        for (_, key) in by_age.iter().take(over) {
            self.entries.remove(key);
        }
        self.forgotten += over as u64;
    }

    fn place(&mut self, server: &str, mount: &str) -> u32 {
        let name = (server.to_owned(), mount.to_owned());
        if let Some(number) = self.numbers.get(&name) {
            return *number;
        }
        let number = u32::try_from(self.places.len()).expect("there are fewer mounts than that");
        self.places.push(name.clone());
        self.numbers.insert(name, number);
        number
    }

    /// Whether nothing failed.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Failures that there was no room for.
    pub const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// The same, to be asked by the mounts of a layout.
    pub fn on<'s>(&'s self, layout: &Layout) -> OnLayout<'s> {
        let mounts = layout.mounts().iter().map(|mount| {
            let server = layout.server(mount.server()).uuid().to_owned();
            self.numbers.get(&(server, mount.uuid().to_string())).copied()
        });
        OnLayout { setbacks: self, mounts: mounts.collect() }
    }

    /// Keeps only what was asked for since it was loaded: of the rest this run has decided something else.
    pub fn keep_what_is_decided_again(&mut self) {
        self.entries.retain(|_, known| known.again.load(Ordering::Relaxed));
        let mut kept = Setbacks { forgotten: self.forgotten, ..Setbacks::default() };
        for ((list, hash, place), known) in std::mem::take(&mut self.entries) {
            let (server, mount) = &self.places[place as usize];
            let place = kept.place(server, mount);
            let reason = kept.reasons.one(&known.reason);
            kept.entries.insert((list, hash, place), Known { reason, ..known });
        }
        *self = kept;
    }
}

/// What failed, by the mounts of a layout.
#[derive(Clone, Debug)]
pub struct OnLayout<'s> {
    setbacks: &'s Setbacks,
    /// The place of each mount, if anything failed there.
    mounts: Vec<Option<u32>>,
}

impl<'s> OnLayout<'s> {
    /// Whether nothing failed.
    pub fn is_empty(&self) -> bool {
        self.setbacks.is_empty()
    }

    /// What is known of an item that was decided again.
    pub fn of(&self, list: ListName, hash: BlockHash, mount: MountIndex) -> Option<Failed<'s>> {
        let place = (*self.mounts.get(usize::from(mount.get()))?)?;
        let known = self.setbacks.entries.get(&(list, hash, place))?;
        known.again.store(true, Ordering::Relaxed);
        Some(Failed { setback: known.setback, reason: &known.reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::layout;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn failure(hash: u8, server: u8, list_id: u64, at: Timestamp) -> Failure {
        Failure {
            list: ListName::Pull,
            list_id,
            server: format!("server-{server}"),
            mount: format!("mount-{server}"),
            hash: BlockHash::from_bytes([hash; 16]),
            at,
            reason: "source_damaged".to_owned(),
        }
    }

    #[track_caller]
    fn failures(setbacks: &Setbacks, hash: u8, mount: u16) -> u32 {
        let layout = layout();
        let mount = layout.mount_index(mount).unwrap();
        let found =
            setbacks.on(&layout).of(ListName::Pull, BlockHash::from_bytes([hash; 16]), mount);
        found.map_or(0, |failed| failed.setback.failures)
    }

    #[test]
    fn each_list_counts_once_however_often_it_is_told() {
        let mut setbacks = Setbacks::default();
        for list_id in [7, 7, 8, 8, 8] {
            setbacks.note(&[failure(1, 2, list_id, NOW)], NOW);
        }
        assert_eq!(failures(&setbacks, 1, 2), 2);
        assert_eq!((failures(&setbacks, 1, 1), failures(&setbacks, 2, 2)), (0, 0));
    }

    #[test]
    fn a_node_with_a_reason_for_each_block_is_not_remembered_with_all_of_them() {
        let dir = tempfile::tempdir().unwrap();
        let mut setbacks = Setbacks::default();
        for number in 0..200 {
            let reason = format!("reason_{number}");
            setbacks.note(&[Failure { reason, ..failure(number, 1, 7, NOW) }], NOW);
        }
        let reasons = |setbacks: &Setbacks| {
            let reasons = setbacks.entries.values().map(|known| known.reason.clone());
            reasons.collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(setbacks.entries.len(), 200);
        assert_eq!(reasons(&setbacks).len(), crate::reasons::REASONS_MAX + 1);
        setbacks.store(dir.path()).unwrap();
        // A file of an earlier version may have more.
        let file = dir.path().join(FILE);
        let text = std::fs::read_to_string(&file).unwrap();
        let mut stored: Stored = serde_json::from_str(&text).unwrap();
        for (number, entry) in stored.entries.iter_mut().enumerate() {
            entry.6 = format!("old_{number}");
        }
        std::fs::write(&file, serde_json::to_vec(&stored).unwrap()).unwrap();
        let again = Setbacks::load(dir.path()).unwrap();
        assert_eq!(reasons(&again).len(), crate::reasons::REASONS_MAX + 1);
    }

    #[test]
    fn what_is_not_decided_again_is_forgotten() {
        let mut setbacks = Setbacks::default();
        setbacks.note(&[failure(1, 1, 7, NOW), failure(2, 2, 7, NOW)], NOW);
        assert_eq!(failures(&setbacks, 2, 2), 1);
        setbacks.keep_what_is_decided_again();
        assert_eq!((failures(&setbacks, 1, 1), failures(&setbacks, 2, 2)), (0, 1));
        assert_eq!(setbacks.places.len(), 1, "places do not pile up");
    }

    #[test]
    fn a_restart_remembers_and_damage_is_forgetting() {
        let dir = tempfile::tempdir().unwrap();
        let mut setbacks = Setbacks::load(dir.path()).unwrap();
        assert!(setbacks.is_empty());
        setbacks.note(&[failure(1, 1, 7, NOW.after(std::time::Duration::from_secs(99)))], NOW);
        setbacks.store(dir.path()).unwrap();
        let again = Setbacks::load(dir.path()).unwrap();
        assert_eq!(failures(&again, 1, 1), 1);
        assert_eq!(again.entries.values().next().unwrap().setback.last, NOW, "no future");
        let file = dir.path().join(FILE);
        let text = std::fs::read(&file).unwrap();
        for cut in 0..text.len() {
            std::fs::write(&file, &text[..cut]).unwrap();
            assert!(Setbacks::load(dir.path()).unwrap().is_empty());
        }
        let odd = r#"{"format":1,"places":[],"entries":[["pull","zz",9,1,1,1,"x"]]}"#;
        std::fs::write(&file, odd).unwrap();
        assert!(Setbacks::load(dir.path()).unwrap().is_empty());
    }

    #[test]
    fn the_oldest_go_first_when_there_are_too_many() {
        let mut setbacks = Setbacks::default();
        for hash in 0..10 {
            let at = NOW.after(std::time::Duration::from_secs(hash.into()));
            setbacks.note(&[failure(hash, 1, 7, at)], at);
        }
        setbacks.forget_oldest(4);
        assert_eq!((setbacks.entries.len(), setbacks.forgotten()), (4, 6));
        assert_eq!((failures(&setbacks, 5, 1), failures(&setbacks, 6, 1)), (0, 1));
    }
}
