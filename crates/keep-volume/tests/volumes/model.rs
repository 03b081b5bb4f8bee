//! Random calls on every back end and on a plain model: all must answer the same.

use std::collections::BTreeMap;

use bytes::Bytes;
use keep_rules::trash::Fate;
use keep_rules::{BlockHash, HashPrefix, Timestamp};
use keep_volume::directory::{Directory, DirectoryConfig, Durability};
use keep_volume::{Error, Halt, Memory, Tally, TrashedCopy, Untrashed, Volume};
use proptest::prelude::*;
use testkit::blocks::{Block, fetch};
use testkit::emptying::empty;

use crate::disk::Disk;

const HASHES: usize = 3;
const START: i64 = 1_700_000_000;

#[derive(Clone, Debug)]
enum Call {
    Store { size: usize },
    Touch,
    TrashUntil { seconds: i64, stale: bool },
    Delete { stale: bool },
    Untrash,
    Read,
    Empty { seconds: i64 },
    Trashed,
    List,
    Tally,
}

fn call() -> impl Strategy<Value = Call> {
    let seconds = 0..30_i64;
    prop_oneof![
        4 => prop_oneof![0..100_usize, Just(262_144), Just(300_000)].prop_map(|size| Call::Store { size }),
        2 => Just(Call::Touch),
        4 => (seconds.clone(), prop::bool::weighted(0.2))
            .prop_map(|(seconds, stale)| Call::TrashUntil { seconds, stale }),
        1 => prop::bool::weighted(0.2).prop_map(|stale| Call::Delete { stale }),
        3 => Just(Call::Untrash),
        2 => Just(Call::Read),
        2 => seconds.prop_map(|seconds| Call::Empty { seconds }),
        2 => Just(Call::Trashed),
        1 => Just(Call::List),
        1 => Just(Call::Tally),
    ]
}

/// The contract in its plainest form.
#[derive(Default)]
struct Model {
    live: BTreeMap<BlockHash, (Bytes, Timestamp)>,
    /// Hash, deadline, content, mtime.
    trash: Vec<(BlockHash, i64, Bytes, Timestamp)>,
}

/// When a call happens, and what it concerns. Every call has its own instant.
struct At {
    hash: BlockHash,
    now: Timestamp,
}

impl Model {
    fn answer(&mut self, call: &Call, at: &At) -> String {
        let hash = at.hash;
        match call {
            Call::Store { size } => {
                self.live.insert(hash, (content(*size, at.now), at.now));
                "stored".to_owned()
            }
            Call::Touch => match self.live.get_mut(&hash) {
                Some(live) => {
                    live.1 = at.now;
                    "touched".to_owned()
                }
                None => "not found".to_owned(),
            },
            Call::TrashUntil { seconds, stale } => self.trash(hash, Some(START + seconds), *stale),
            Call::Delete { stale } => self.trash(hash, None, *stale),
            Call::Untrash => self.untrash(at),
            Call::Read => match self.live.get(&hash) {
                Some((data, mtime)) => format!("{mtime} {:?}", Block::of(data.clone()).hash),
                None => "not found".to_owned(),
            },
            Call::Empty { seconds } => {
                let due = |copy: &(BlockHash, i64, Bytes, Timestamp)| copy.1 <= START + seconds;
                let bytes: usize =
                    self.trash.iter().filter(|copy| due(copy)).map(|copy| copy.2.len()).sum();
                let before = self.trash.len();
                self.trash.retain(|copy| !due(copy));
                format!(
                    "{} deleted, {bytes} bytes, {} kept",
                    before - self.trash.len(),
                    self.trash.len()
                )
            }
            Call::Trashed => {
                let mut copies: Vec<_> = self.trash.iter().filter(|copy| copy.0 == hash).collect();
                copies.sort_by_key(|copy| std::cmp::Reverse(copy.1));
                let lines = copies.iter().map(|copy| {
                    trashed_line(copy.2.len() as u64, copy.3, Timestamp::from_seconds(copy.1))
                });
                lines.collect()
            }
            Call::Tally => {
                let bytes: usize = self.live.values().map(|(data, _mtime)| data.len()).sum();
                format!("{} blocks, {bytes} bytes", self.live.len())
            }
            Call::List => {
                let lines = self
                    .live
                    .iter()
                    .map(|(hash, (data, mtime))| format!("{hash}+{} {mtime}", data.len()));
                lines.collect::<Vec<_>>().join("\n")
            }
        }
    }

    fn trash(&mut self, hash: BlockHash, deadline: Option<i64>, stale: bool) -> String {
        let Some((data, mtime)) = self.live.get(&hash).cloned() else {
            return "not found".to_owned();
        };
        if stale {
            return format!("changed {mtime}");
        }
        self.live.remove(&hash);
        if let Some(mut deadline) = deadline {
            while self.trash.iter().any(|copy| copy.0 == hash && copy.1 == deadline) {
                deadline += 1;
            }
            self.trash.push((hash, deadline, data, mtime));
        }
        "trashed".to_owned()
    }

    fn untrash(&mut self, at: &At) -> String {
        let copies = self.trash.iter().enumerate().filter(|(_place, copy)| copy.0 == at.hash);
        let Some((place, _copy)) = copies.max_by_key(|(_place, copy)| copy.1) else {
            return "not found".to_owned();
        };
        if let Some(live) = self.live.get_mut(&at.hash) {
            live.1 = at.now;
            return "already live".to_owned();
        }
        let (hash, _deadline, data, _mtime) = self.trash.remove(place);
        self.live.insert(hash, (data, at.now));
        "restored".to_owned()
    }
}

fn trashed_line(size: u64, mtime: Timestamp, deadline: Timestamp) -> String {
    format!("{size} {mtime} until {deadline}\n")
}

fn content(size: usize, now: Timestamp) -> Bytes {
    Block::sized(size, now.as_nanos().unsigned_abs()).data
}

async fn answer(volume: &dyn Volume, call: &Call, at: &At) -> String {
    match outcome(volume, call, at).await {
        Ok(text) => text,
        Err(Error::NotFound) => "not found".to_owned(),
        Err(Error::Changed { found }) => format!("changed {found}"),
        Err(other) => format!("{other:?}"),
    }
}

async fn outcome(volume: &dyn Volume, call: &Call, at: &At) -> Result<String, Error> {
    let hash = at.hash;
    match call {
        Call::Store { size } => {
            Block { hash, data: content(*size, at.now) }.store(volume, at.now).await?;
            Ok("stored".to_owned())
        }
        Call::Touch => volume.touch(hash, at.now).await.map(|()| "touched".to_owned()),
        Call::TrashUntil { seconds, stale } => {
            let fate = Fate::Until(Timestamp::from_seconds(START + seconds));
            trash(volume, hash, fate, *stale).await
        }
        Call::Delete { stale } => trash(volume, hash, Fate::Delete, *stale).await,
        Call::Untrash => Ok(match volume.untrash(hash, at.now).await? {
            Untrashed::Restored => "restored".to_owned(),
            Untrashed::AlreadyLive => "already live".to_owned(),
        }),
        Call::Read => {
            let data = fetch(volume, hash).await?;
            let replica = volume.stat(hash).await?;
            assert_eq!(replica.size, data.len() as u64);
            Ok(format!("{} {:?}", replica.mtime, Block::of(data).hash))
        }
        Call::Empty { seconds } => {
            let emptied = empty(volume, Timestamp::from_seconds(START + seconds), 2).await?;
            assert_eq!(emptied.failed, 0);
            let (deleted, bytes) = (emptied.deleted, emptied.deleted_bytes);
            Ok(format!("{deleted} deleted, {bytes} bytes, {} kept", emptied.kept))
        }
        Call::Trashed => {
            let copies = volume.trashed(hash).await?;
            let line = |copy: &TrashedCopy| trashed_line(copy.size, copy.mtime, copy.deadline);
            Ok(copies.iter().map(line).collect())
        }
        Call::Tally => {
            let Tally { blocks, bytes } = volume.tally(Halt::default()).await?;
            Ok(format!("{blocks} blocks, {bytes} bytes"))
        }
        Call::List => {
            let mut cursor = volume.index(HashPrefix::ALL).await?;
            let mut lines = Vec::new();
            while let Some(entries) = cursor.next().await? {
                let line = |entry: keep_volume::IndexEntry| {
                    format!("{}+{} {}", entry.hash, entry.replica.size, entry.replica.mtime)
                };
                lines.extend(entries.into_iter().map(line));
            }
            Ok(lines.join("\n"))
        }
    }
}

async fn trash(
    volume: &dyn Volume,
    hash: BlockHash,
    fate: Fate,
    stale: bool,
) -> Result<String, Error> {
    let mtime = volume.stat(hash).await?.mtime;
    let decided_on = Timestamp::from_nanos(mtime.as_nanos() - i64::from(stale));
    volume.trash(hash, decided_on, fate).await.map(|()| "trashed".to_owned())
}

fn run(calls: &[(usize, Call)]) {
    let disk = Disk::new();
    let config = disk.config(&disk.fresh_root());
    let directory =
        Directory::open(DirectoryConfig { durability: Durability::NoSync, ..config }).unwrap();
    let memory = Memory::new("memory".parse().unwrap());
    let hashes: Vec<_> = (0..HASHES).map(|number| Block::of(number.to_string()).hash).collect();
    let mut model = Model::default();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for (number, (hash, call)) in calls.iter().enumerate() {
            let now = Timestamp::from_nanos(START * 1_000_000_000 + 1 + number as i64);
            let at = At { hash: hashes[*hash], now };
            let expected = model.answer(call, &at);
            assert_eq!(
                answer(&memory, call, &at).await,
                expected,
                "memory, call {number}: {call:?}"
            );
            assert_eq!(
                answer(&directory, call, &at).await,
                expected,
                "directory, call {number}: {call:?}"
            );
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_back_ends_answer_as_the_model_does(
        calls in prop::collection::vec((0..HASHES, call()), 1..60)
    ) {
        run(&calls);
    }
}
