//! Races on a few blocks, recorded, and a check that the record makes sense.
//!
//! Workers of any number of threads and processes store, touch, trash and untrash the same blocks. Every mtime they set
//! is used once, so each says which call made the copy what it is. From the calls that succeeded, and when they began
//! and ended, follows what must hold however they interleaved; [`check`] says what.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use keep_rules::trash::Fate;
use keep_rules::{BlockHash, Timestamp};
use keep_volume::{Error, Untrashed, Volume};
use rustix::time::{ClockId, clock_gettime};

use crate::blocks::{Block, fetch};
use crate::emptying::empty;

/// No trash of a race is ever due.
const DEADLINE: Timestamp = Timestamp::from_seconds(4_000_000_000);

/// What a call did, which succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Did {
    /// Stored a copy with this mtime.
    Store,
    /// Gave the live copy this mtime.
    Touch,
    /// Trashed the copy that had this mtime.
    Trash,
    /// Brought a copy back, and gave it this mtime.
    Untrash,
}

/// A call that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The block.
    pub hash: BlockHash,
    /// What was done to it.
    pub did: Did,
    /// The mtime that was set; for a trash, the one that was compared.
    pub mtime: Timestamp,
    /// When the call began, in nanoseconds of the machine's monotonic clock.
    pub began: i64,
    /// When it returned.
    pub ended: i64,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {} {} {}", self.hash, self.did, self.mtime, self.began, self.ended)
    }
}

impl FromStr for Event {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let wrong = || format!("no event: {line}");
        let fields: Vec<_> = line.split(' ').collect();
        let [hash, did, mtime, began, ended] = fields[..] else { return Err(wrong()) };
        let did = match did {
            "Store" => Did::Store,
            "Touch" => Did::Touch,
            "Trash" => Did::Trash,
            "Untrash" => Did::Untrash,
            _other => return Err(wrong()),
        };
        let number = |text: &str| text.parse::<i64>().map_err(|_no_number| wrong());
        Ok(Event {
            hash: hash.parse().map_err(|_no_hash| wrong())?,
            did,
            mtime: Timestamp::from_nanos(number(mtime)?),
            began: number(began)?,
            ended: number(ended)?,
        })
    }
}

/// The blocks that workers race for.
pub fn contested(count: u32) -> Vec<BlockHash> {
    (0..count).map(|number| Block::of(format!("contested {number}")).hash).collect()
}

/// Works on the contested blocks, `steps` times, as worker number `worker` of all. Returns what succeeded.
///
/// # Panics
/// If a call fails otherwise than a race explains, or a copy is not whole.
pub async fn contend(
    volume: &dyn Volume,
    hashes: &[BlockHash],
    worker: u32,
    steps: u32,
) -> Vec<Event> {
    let mut events = Vec::new();
    let mut random = u64::from(worker) << 32 | 0x5eed;
    for step in 0..steps {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let choice = random >> 33;
        let hash = hashes[(choice / 8) as usize % hashes.len()];
        let fresh = Timestamp::from_nanos(
            1_000_000_000_000_000_000 + i64::from(worker) * 1_000_000_000_000 + i64::from(step),
        );
        let began = now();
        let done = step_once(volume, hash, choice % 8, fresh).await;
        if let Some((did, mtime)) = done {
            events.push(Event { hash, did, mtime, began, ended: now() });
        }
    }
    events
}

async fn step_once(
    volume: &dyn Volume,
    hash: BlockHash,
    choice: u64,
    fresh: Timestamp,
) -> Option<(Did, Timestamp)> {
    match choice {
        0 | 1 => {
            let content = fresh.to_string().repeat(100);
            Block { hash, data: content.into() }
                .store(volume, fresh)
                .await
                .expect("a copy is stored");
            Some((Did::Store, fresh))
        }
        2 | 3 => expected(volume.touch(hash, fresh).await).map(|()| (Did::Touch, fresh)),
        4 | 5 => {
            let decided_on = expected(volume.stat(hash).await)?.mtime;
            let trashed = volume.trash(hash, decided_on, Fate::Until(DEADLINE)).await;
            expected(trashed).map(|()| (Did::Trash, decided_on))
        }
        6 => match expected(volume.untrash(hash, fresh).await)? {
            Untrashed::Restored => Some((Did::Untrash, fresh)),
            Untrashed::AlreadyLive => Some((Did::Touch, fresh)),
        },
        _read => {
            let content = expected(fetch(volume, hash).await)?;
            let one = &content[..content.len() / 100];
            assert!(content.chunks(one.len()).all(|chunk| chunk == one), "a copy is not whole");
            None
        }
    }
}

/// What a race explains: the block is gone, or another copy is there.
fn expected<T>(outcome: Result<T, Error>) -> Option<T> {
    match outcome {
        Ok(done) => Some(done),
        Err(Error::NotFound | Error::Changed { .. }) => None,
        Err(other) => panic!("a race does not explain this: {other:?}"),
    }
}

/// Checks what must hold of the calls that all workers together recorded, after the last has ended:
/// - a copy is trashed once, and only if no later store, touch or untrash had ended before the trash began;
/// - every copy that was trashed is in the trash or was brought back: none is lost or doubled;
/// - the live copy has the mtime that was set last.
///
/// # Panics
/// If it does not hold.
pub async fn check(volume: &dyn Volume, hashes: &[BlockHash], events: &[Event]) {
    let count = |did| events.iter().filter(|event| event.did == did).count() as u64;
    for hash in hashes {
        let events: Vec<_> = events.iter().filter(|event| event.hash == *hash).collect();
        check_trashes(&events);
        check_end(&events, expected(volume.stat(*hash).await).map(|replica| replica.mtime));
    }
    let kept = empty(volume, Timestamp::EPOCH, 1).await.expect("the trash is read").kept;
    assert_eq!(kept, count(Did::Trash) - count(Did::Untrash), "copies in the trash");
}

fn check_trashes(events: &[&Event]) {
    let mut made_by = HashMap::new();
    for event in events.iter().filter(|event| event.did != Did::Trash) {
        assert!(made_by.insert(event.mtime, event).is_none(), "an mtime was used twice: {event}");
    }
    let mut trashed = HashMap::new();
    for trash in events.iter().filter(|event| event.did == Did::Trash) {
        let made = made_by.get(&trash.mtime).unwrap_or_else(|| panic!("nobody made it: {trash}"));
        assert!(made.began < trash.ended, "trashed before it was made: {trash}");
        assert!(trashed.insert(trash.mtime, trash).is_none(), "trashed twice: {trash}");
        let renewed = |event: &&&Event| event.began > made.ended && event.ended < trash.began;
        if let Some(renewal) = made_by.values().find(|event| renewed(event)) {
            panic!("{trash} took away what {renewal} had renewed");
        }
    }
}

fn check_end(events: &[&Event], live: Option<Timestamp>) {
    let last_began = |trashes: bool| {
        let chosen = events.iter().filter(|event| (event.did == Did::Trash) == trashes);
        chosen.map(|event| event.began).max().unwrap_or(i64::MIN)
    };
    let ends_of = |mtime: Timestamp, trashes: bool| {
        let mut chosen = events.iter().filter(move |event| (event.did == Did::Trash) == trashes);
        chosen.find(|event| event.mtime == mtime).map(|event| event.ended)
    };
    match live {
        Some(mtime) => {
            let made =
                ends_of(mtime, false).unwrap_or_else(|| panic!("nobody set the mtime {mtime}"));
            assert!(made >= last_began(false), "a later touch or store had no effect");
            assert!(ends_of(mtime, true).is_none(), "a trashed copy is live with its old mtime");
        }
        None => {
            // If nothing was trashed, nothing may be gone.
            let trashes = events.iter().filter(|event| event.did == Did::Trash);
            let ended = trashes.map(|event| event.ended).max().unwrap_or(i64::MIN);
            assert!(ended >= last_began(false), "a copy that was stored or touched last is gone");
        }
    }
}

fn now() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(did: Did, mtime: i64, began: i64, ended: i64) -> Event {
        let mtime = Timestamp::from_nanos(mtime);
        Event { hash: BlockHash::EMPTY, did, mtime, began, ended }
    }

    fn refuses(events: &[Event]) -> bool {
        let events: Vec<_> = events.iter().collect();
        std::panic::catch_unwind(|| check_trashes(&events)).is_err()
    }

    #[test]
    fn a_trash_after_a_finished_touch_is_found_out() {
        let history =
            [event(Did::Store, 1, 0, 1), event(Did::Touch, 2, 2, 3), event(Did::Trash, 1, 4, 5)];
        assert!(refuses(&history));
    }

    #[test]
    fn a_trash_that_overlaps_a_touch_may_win() {
        let history =
            [event(Did::Store, 1, 0, 1), event(Did::Touch, 2, 2, 5), event(Did::Trash, 1, 4, 6)];
        assert!(!refuses(&history));
    }

    #[test]
    fn a_copy_cannot_be_trashed_twice() {
        let trash = event(Did::Trash, 1, 2, 3);
        assert!(refuses(&[event(Did::Store, 1, 0, 1), trash, trash]));
    }

    #[test]
    fn a_stored_copy_that_is_gone_is_found_out() {
        let history =
            [event(Did::Store, 1, 0, 1), event(Did::Trash, 1, 2, 3), event(Did::Store, 2, 4, 5)];
        let history: Vec<_> = history.iter().collect();
        assert!(std::panic::catch_unwind(|| check_end(&history, None)).is_err());
        check_end(&history, Some(Timestamp::from_nanos(2)));
    }

    #[test]
    fn a_stored_copy_that_nobody_trashed_cannot_be_gone() {
        let store = event(Did::Store, 1, 0, 1);
        assert!(std::panic::catch_unwind(|| check_end(&[&store], None)).is_err());
        check_end(&[&store], Some(Timestamp::from_nanos(1)));
        check_end(&[], None);
    }

    #[test]
    fn events_survive_their_text() {
        let event = event(Did::Untrash, 1_700_000_000_000_000_001, 2, 3);
        assert_eq!(event.to_string().parse(), Ok(event));
    }
}
