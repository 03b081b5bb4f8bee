//! Random histories, with kills and power losses, on a real store and on a plain model: both must tell the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use keep_protocol::list::TrashRequest;
use keep_rules::{BlockHash, Timestamp};
use list_store::{Ending, Load, Receipt, Repair, Standing, StoreError, StoredList, Text};
use proptest::prelude::*;

use crate::given::{Outcome, Sent, Store, T0, WEEK, sent};

const ENTRY_BYTES: usize = 10;

/// In memory, if this machine has a place for that: these tests lose power by cutting files, not by missing syncs.
pub(crate) fn quick_directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_error| tempfile::tempdir()).unwrap()
}

#[derive(Clone, Debug)]
enum Op {
    Put { blocks: Vec<u32>, epoch: Option<u64>, held: bool },
    Abandon { blocks: Vec<u32> },
    End(Vec<(usize, Outcome)>),
    EndOld,
    OrderOld,
    Sync,
    Remove(Vec<u32>),
    Hold,
    HoldAfterAbsence,
    Release,
    Cancel,
    Discard,
    Wait { days: i64 },
    Restart(Crash),
    LoadAgain,
}

/// How the program came to its end.
#[derive(Clone, Debug)]
enum Crash {
    Killed,
    /// Of what was not synced, so many bytes reached the disk (modulo their number), and of those some are others.
    PowerLoss {
        kept: usize,
        damaged: Option<(usize, usize)>,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let blocks = || prop::collection::vec(0..6_u32, 0..12);
    let outcome = prop::sample::select(&Outcome::ALL[..]);
    let damaged = prop::option::of((0..200_usize, 1..25_usize));
    let crash = prop_oneof![
        1 => Just(Crash::Killed),
        3 => (0..500_usize, damaged).prop_map(|(kept, damaged)| Crash::PowerLoss { kept, damaged }),
    ];
    prop_oneof![
        4 => (blocks(), prop::option::of(0..4_u64), prop::bool::weighted(0.2))
            .prop_map(|(blocks, epoch, held)| Op::Put { blocks, epoch, held }),
        1 => blocks().prop_map(|blocks| Op::Abandon { blocks }),
        8 => prop::collection::vec((any::<usize>(), outcome), 1..5).prop_map(Op::End),
        1 => Just(Op::EndOld),
        1 => Just(Op::OrderOld),
        2 => Just(Op::Sync),
        2 => prop::collection::vec(0..6_u32, 0..3).prop_map(Op::Remove),
        1 => Just(Op::Hold),
        1 => Just(Op::HoldAfterAbsence),
        1 => Just(Op::Release),
        1 => Just(Op::Cancel),
        1 => Just(Op::Discard),
        1 => (0..10_i64).prop_map(|days| Op::Wait { days }),
        5 => crash.prop_map(Op::Restart),
        2 => Just(Op::LoadAgain),
    ]
}

/// What must be known of all lists.
#[derive(Default)]
struct Model {
    generation: u64,
    epoch: Option<u64>,
    list: Option<ModelList>,
}

/// What must be known of the stored list.
struct ModelList {
    receipt: Receipt,
    items: Vec<(BlockHash, TrashRequest)>,
    /// Every report in order; `None` where a power loss damaged one.
    log: Vec<Option<Ending<Outcome>>>,
    /// Reports that no power loss can take.
    synced: usize,
    standing: Standing,
    removed: BTreeSet<BlockHash>,
}

impl ModelList {
    fn ended(&self) -> BTreeMap<u32, Outcome> {
        let mut ended = BTreeMap::new();
        for ending in self.log.iter().flatten() {
            ended.entry(ending.index).or_insert(ending.outcome);
        }
        ended
    }

    fn waiting(&self) -> Vec<(u32, BlockHash, TrashRequest)> {
        let ended = self.ended();
        let waits = |index: u32, hash| {
            !ended.contains_key(&index)
                && !self.removed.contains(hash)
                && self.standing != Standing::Cancelled
        };
        let items = self.items.iter().zip(0..).filter(|((hash, _), index)| waits(*index, hash));
        items.map(|((hash, request), index)| (index, *hash, *request)).collect()
    }

    fn counts(&self) -> BTreeMap<Outcome, u64> {
        let mut counts = BTreeMap::new();
        self.ended().into_values().for_each(|outcome| *counts.entry(outcome).or_default() += 1);
        counts
    }
}

/// The store and the model, side by side.
struct World {
    directory: tempfile::TempDir,
    store: Option<Store>,
    list: Option<StoredList<Outcome>>,
    old: Option<StoredList<Outcome>>,
    now: Timestamp,
    model: Model,
}

fn block(number: u32) -> BlockHash {
    BlockHash::from_bytes(u128::from(number).to_be_bytes())
}

impl World {
    fn new() -> World {
        let directory = quick_directory();
        let store = Some(Store::open(directory.path()).unwrap());
        World { directory, store, list: None, old: None, now: T0, model: Model::default() }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().expect("open between the operations")
    }

    fn step(&mut self, op: &Op) {
        match op {
            Op::Put { blocks, epoch, held } => {
                self.put(&sent(blocks.iter().copied()), *epoch, *held)
            }
            Op::Abandon { blocks } => {
                let mut draft = self.store().begin().unwrap();
                for (hash, request) in sent(blocks.iter().copied()).items {
                    draft.push(hash, request).unwrap();
                }
            }
            Op::End(endings) => self.end(endings),
            Op::EndOld => {
                if let Some(old) = self.old.as_ref().filter(|old| old.receipt().count > 0) {
                    old.ended(&[Ending { index: 0, outcome: Outcome::Done }]).unwrap();
                }
            }
            Op::OrderOld => {
                if let Some(old) = &self.old {
                    assert!(matches!(old.cancel(), Err(StoreError::Superseded { .. })));
                }
            }
            Op::Sync => {
                if let (Some(list), Some(model)) = (&self.list, &mut self.model.list) {
                    list.sync().unwrap();
                    model.synced = model.log.len();
                }
            }
            Op::Remove(blocks) => {
                let blocks: Vec<_> = blocks.iter().copied().map(block).collect();
                self.order(|list| list.remove(&blocks), |model| model.removed.extend(&blocks));
            }
            Op::Hold => self.order(
                |list| list.hold(Text::from("wait")),
                |model| model.standing = Standing::Held(Text::from("wait")),
            ),
            Op::HoldAfterAbsence => self.order(
                |list| list.hold_after_absence(Text::from("away")),
                |model| model.standing = Standing::HeldAfterAbsence(Text::from("away")),
            ),
            Op::Release => {
                self.order(StoredList::release, |model| model.standing = Standing::Released)
            }
            Op::Cancel => {
                if let (Some(list), Some(model)) = (&self.list, &mut self.model.list) {
                    list.cancel().unwrap();
                    model.standing = Standing::Cancelled;
                }
            }
            Op::Discard => {
                self.store().discard().unwrap();
                self.old = self.list.take();
                self.model.list = None;
            }
            Op::Wait { days } => {
                self.now = Timestamp::from_seconds(self.now.as_seconds() + days * 86_400)
            }
            Op::Restart(crash) => self.restart(crash),
            Op::LoadAgain => self.load(Repairs::NoneOrOld),
        }
        assert_eq!(self.store().last_generation(), self.model.generation);
        assert_eq!(self.store().last_epoch(), self.model.epoch);
    }

    fn put(&mut self, list: &Sent, epoch: Option<u64>, held: bool) {
        let generation = self.model.generation + 1;
        let receipt = Receipt { epoch, received_at: self.now, ..list.receipt(generation) };
        let standing = if held { Standing::Held(Text::from("much")) } else { Standing::Open };
        let stored = list.put_as(self.store(), receipt.clone(), standing.clone());
        if epoch.is_some() && epoch < self.model.epoch {
            assert!(matches!(stored, Err(StoreError::StaleEpoch { .. })));
            return;
        }
        self.old = self.list.replace(stored.unwrap()).or(self.old.take());
        self.model.generation = generation;
        self.model.epoch = self.model.epoch.max(epoch);
        self.model.list = Some(ModelList {
            receipt,
            items: list.items.clone(),
            log: Vec::new(),
            synced: 0,
            standing,
            removed: BTreeSet::new(),
        });
    }

    fn end(&mut self, endings: &[(usize, Outcome)]) {
        let (Some(list), Some(model)) = (&self.list, &mut self.model.list) else { return };
        if model.items.is_empty() {
            return;
        }
        let endings = endings.iter().map(|(pick, outcome)| Ending {
            index: u32::try_from(pick % model.items.len()).unwrap(),
            outcome: *outcome,
        });
        let endings: Vec<_> = endings.collect();
        list.ended(&endings).unwrap();
        model.log.extend(endings.into_iter().map(Some));
    }

    fn order(
        &mut self,
        order: impl FnOnce(&StoredList<Outcome>) -> Result<(), StoreError>,
        obey: impl FnOnce(&mut ModelList),
    ) {
        let (Some(list), Some(model)) = (&self.list, &mut self.model.list) else { return };
        match order(list) {
            Ok(()) => obey(model),
            Err(StoreError::Cancelled { .. }) => assert_eq!(model.standing, Standing::Cancelled),
            Err(other) => panic!("{other}"),
        }
    }

    /// The program ends and starts again.
    fn restart(&mut self, crash: &Crash) {
        (self.store, self.list, self.old) = (None, None, None);
        // A list was arriving, and its state was about to be written.
        fs::write(self.directory.path().join("trash-77.draft"), "torn").unwrap();
        fs::write(self.directory.path().join("trash.state.new"), "torn").unwrap();
        let next = self.model.generation + 1;
        fs::write(self.directory.path().join(format!("trash-{next}.list")), "torn").unwrap();
        let cut = match crash {
            Crash::Killed => 0,
            Crash::PowerLoss { kept, damaged } => self.lose_power(*kept, *damaged),
        };
        self.store = Some(Store::open(self.directory.path()).unwrap());
        self.load(Repairs::Cut(cut as u64));
        self.check_files();
    }

    /// Cuts and damages what was not synced. Gives the bytes that a repair has to cut off.
    fn lose_power(&mut self, kept: usize, damaged: Option<(usize, usize)>) -> usize {
        let Some(model) = &mut self.model.list else { return 0 };
        let path =
            self.directory.path().join(format!("trash-{}.progress", model.receipt.generation));
        let file = File::options().read(true).write(true).open(path).unwrap();
        let synced = model.synced * ENTRY_BYTES;
        let unsynced = model.log.len() * ENTRY_BYTES - synced;
        let length = synced + kept % (unsynced + 1);
        file.set_len(length as u64).unwrap();
        model.log.truncate(length / ENTRY_BYTES);
        if let Some((start, count)) = damaged {
            let (start, end) = ((synced + start).min(length), (synced + start + count).min(length));
            let mut bytes = vec![0; end - start];
            file.read_exact_at(&mut bytes, start as u64).unwrap();
            // However often a byte is damaged, it does not become what it was.
            bytes.iter_mut().for_each(|byte| *byte = byte.wrapping_add(1));
            file.write_all_at(&bytes, start as u64).unwrap();
            if start < end {
                for entry in start / ENTRY_BYTES..=(end - 1) / ENTRY_BYTES {
                    model.log.get_mut(entry).into_iter().for_each(|entry| *entry = None);
                }
            }
        }
        while model.log.last().is_some_and(Option::is_none) {
            model.log.pop();
        }
        length - model.log.len() * ENTRY_BYTES
    }

    fn load(&mut self, repairs: Repairs) {
        let loaded = self.store().load(self.now, WEEK, |item| (item.index, item.hash, item.record));
        let Some(model) = &mut self.model.list else {
            assert!(matches!(loaded.unwrap(), Load::Nothing));
            return;
        };
        let loaded = match loaded.unwrap() {
            Load::Nothing => panic!("a list was lost"),
            Load::Dropped(receipt) => {
                assert_eq!(receipt, model.receipt);
                assert!(self.now.since(receipt.received_at) > WEEK);
                (self.model.list, self.list) = (None, None);
                return;
            }
            Load::Resumed(loaded) => loaded,
        };
        assert!(self.now.since(model.receipt.received_at) <= WEEK);
        assert_eq!(**loaded.list.receipt(), model.receipt);
        assert_eq!(loaded.standing, model.standing);
        assert_eq!(loaded.waiting, model.waiting());
        assert_eq!(loaded.ended, model.counts());
        let accounted =
            loaded.waiting.len() as u64 + loaded.ended.values().sum::<u64>() + loaded.removed;
        assert_eq!(accounted, model.receipt.count, "the books balance");
        let unreadable = model.log.iter().filter(|entry| entry.is_none()).count() as u64;
        let cut_bytes = match repairs {
            Repairs::NoneOrOld => 0,
            Repairs::Cut(bytes) => bytes,
        };
        let repair = Repair { file_was_missing: false, unreadable_entries: unreadable, cut_bytes };
        assert_eq!(loaded.repair, repair);
        model.synced = model.synced.min(model.log.len());
        self.list = Some(loaded.list);
    }

    fn check_files(&self) {
        let mut expected = vec!["trash.lock".to_owned(), "trash.state".to_owned()];
        if let Some(list) = &self.model.list {
            let generation = list.receipt.generation;
            expected.push(format!("trash-{generation}.list"));
            expected.push(format!("trash-{generation}.progress"));
        }
        expected.sort();
        let entries = fs::read_dir(self.directory.path()).unwrap();
        let mut found: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        found.sort();
        assert_eq!(found, expected);
    }
}

/// What a load has to say of the progress.
enum Repairs {
    /// What was damaged earlier stays where it is, and nothing is cut.
    NoneOrOld,
    /// So many bytes are cut off.
    Cut(u64),
}

fn run(ops: &[Op]) {
    let mut world = World::new();
    for op in ops {
        world.step(op);
    }
    world.restart(&Crash::Killed);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_store_keeps_what_the_model_keeps(ops in prop::collection::vec(op(), 1..40)) {
        run(&ops);
    }
}

#[test]
fn a_torn_entry_is_written_over() {
    let end = |index| Op::End(vec![(index, Outcome::Done)]);
    run(&[
        Op::Put { blocks: vec![1, 2, 3], epoch: None, held: false },
        end(0),
        Op::Sync,
        end(1),
        Op::Restart(Crash::PowerLoss { kept: 7, damaged: None }),
        end(2),
        Op::Restart(Crash::Killed),
    ]);
}

#[test]
fn an_entry_can_be_damaged_twice() {
    let end = || Op::End(vec![(0, Outcome::Done); 3]);
    let lose = |damaged| Op::Restart(Crash::PowerLoss { kept: 60, damaged: Some(damaged) });
    let put = Op::Put { blocks: vec![0], epoch: None, held: false };
    run(&[put, end(), end(), lose((0, 20)), end(), lose((0, 10))]);
}
