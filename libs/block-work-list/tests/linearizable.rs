//! Real threads, real histories: every recorded history must be explained by some order of the calls in which each one
//! takes effect at one instant between its beginning and its end (Wing and Gong's search, with memory).
#![cfg(not(loom))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, also in its helper functions")]

use std::collections::{HashSet, VecDeque};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use block_work_list::{BlockWork, BlockWorkList, Claim, TryNextError};

/// A call and what it returned. Items are numbers that occur once.
#[derive(Clone, Debug)]
enum Op {
    /// The new items, and what was discarded; `None` if the list was closed.
    Replace(Vec<u32>, Option<Vec<u32>>),
    /// `Ok(None)` once closed; `Err` if empty.
    Next(Result<Option<u32>, TryNextError>),
    Finish(u32),
    GiveBack(u32, bool),
    /// Removes the items with this remainder modulo [`HASHES`].
    Remove(u32, usize),
    /// Queued, in progress and done.
    Status(u64, u64, u64),
    Snapshot(Vec<u32>),
    Close(Vec<u32>),
}

/// An item's hash is its number modulo this: some items share one.
const HASHES: u32 = 3;

/// When a call began and ended, on one clock for all threads.
#[derive(Clone, Debug)]
struct Record {
    op: Op,
    begun: u64,
    ended: u64,
}

/// The list, one call at a time.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct Model {
    generation: u32,
    queue: VecDeque<u32>,
    /// Items in progress, each with its generation.
    held: Vec<(u32, u32)>,
    done: u64,
    closed: bool,
}

impl Model {
    /// Takes one step, or says that it cannot have happened now.
    fn step(&mut self, op: &Op) -> bool {
        match op {
            Op::Replace(_, None) => self.closed,
            Op::Replace(items, Some(discarded)) => {
                let old = std::mem::replace(&mut self.queue, items.iter().copied().collect());
                self.generation += 1;
                !self.closed && old == *discarded
            }
            Op::Next(Ok(Some(item))) => {
                self.held.push((*item, self.generation));
                self.queue.pop_front() == Some(*item)
            }
            Op::Next(Ok(None) | Err(TryNextError::Closed)) => self.closed,
            Op::Next(Err(TryNextError::Empty)) => !self.closed && self.queue.is_empty(),
            Op::Finish(item) => {
                self.done += 1;
                self.release(*item).is_some()
            }
            Op::GiveBack(item, in_time) => {
                let current = self.release(*item) == Some(self.generation) && !self.closed;
                if current {
                    self.queue.push_back(*item);
                }
                current == *in_time
            }
            Op::Remove(hash, count) => {
                let before = self.queue.len();
                self.queue.retain(|item| item % HASHES != *hash);
                before - self.queue.len() == *count
            }
            Op::Status(queued, in_progress, done) => {
                (self.queue.len() as u64, self.held.len() as u64, self.done)
                    == (*queued, *in_progress, *done)
            }
            Op::Snapshot(items) => self.queue == *items,
            Op::Close(left) => {
                self.closed = true;
                std::mem::take(&mut self.queue) == *left
            }
        }
    }

    fn release(&mut self, item: u32) -> Option<u32> {
        let index = self.held.iter().position(|(held, _)| *held == item)?;
        Some(self.held.remove(index).1)
    }
}

/// Whether some order explains the history; `taken` is the set of calls that the search has ordered already.
fn linearizable(
    history: &[Record],
    taken: u128,
    model: &Model,
    seen: &mut HashSet<(u128, Model)>,
) -> bool {
    let open = || history.iter().enumerate().filter(|(index, _)| taken & (1 << index) == 0);
    let Some(first_end) = open().map(|(_, record)| record.ended).min() else { return true };
    if !seen.insert((taken, model.clone())) {
        return false;
    }
    // A call may come next only if no other had ended before it began.
    open().filter(|(_, record)| record.begun < first_end).any(|(index, record)| {
        let mut model = model.clone();
        model.step(&record.op) && linearizable(history, taken | (1 << index), &model, seen)
    })
}

fn is_linearizable(history: &[Record]) -> bool {
    assert!(history.len() <= 128, "the set of calls is a u128");
    linearizable(history, 0, &Model::default(), &mut HashSet::new())
}

/// Random numbers (xorshift), from a seed, so that a plan can be run again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// One thread of a history.
struct Caller<'a> {
    list: &'a BlockWorkList<u32, u32>,
    clock: &'a AtomicU64,
    numbers: &'a AtomicU64,
    dice: Dice,
    claims: Vec<Claim<u32, u32>>,
    history: Vec<Record>,
}

impl Caller<'_> {
    fn record(
        &mut self,
        call: impl FnOnce(&BlockWorkList<u32, u32>, &mut Vec<Claim<u32, u32>>) -> Op,
    ) {
        let begun = self.clock.fetch_add(1, Ordering::SeqCst);
        let op = call(self.list, &mut self.claims);
        let ended = self.clock.fetch_add(1, Ordering::SeqCst);
        self.history.push(Record { op, begun, ended });
    }

    fn finish_oldest(&mut self) {
        self.record(|_, claims| {
            let claim = claims.remove(0);
            let number = claim.data;
            claim.finish();
            Op::Finish(number)
        });
    }

    fn call(&mut self) {
        match self.dice.roll(20) {
            0..4 => {
                let count = self.dice.roll(4);
                let first = self.numbers.fetch_add(count, Ordering::SeqCst);
                let new: Vec<u32> =
                    (first..first + count).map(|number| u32::try_from(number).unwrap()).collect();
                self.record(|list, _| {
                    let items =
                        new.iter().map(|&data| BlockWork { hash: data % HASHES, data }).collect();
                    let result = list.replace(items).ok();
                    Op::Replace(new, result.map(|replaced| numbers_of(&replaced.discarded)))
                });
            }
            4..11 => self.record(|list, claims| match list.try_next() {
                Ok(claim) => {
                    let number = claim.data;
                    claims.push(claim);
                    Op::Next(Ok(Some(number)))
                }
                Err(reason) => Op::Next(Err(reason)),
            }),
            11..14 if !self.claims.is_empty() => self.finish_oldest(),
            14..16 if !self.claims.is_empty() => self.record(|_, claims| {
                let claim = claims.remove(0);
                let number = claim.data;
                Op::GiveBack(number, claim.give_back().is_ok())
            }),
            16 => self.record(|list, _| Op::Remove(1, list.remove(&1))),
            17 => self.record(|list, _| Op::Snapshot(numbers_of(&list.snapshot()))),
            18 if self.dice.roll(8) == 0 => {
                self.record(|list, _| Op::Close(numbers_of(&list.close())))
            }
            _ => self.record(|list, _| {
                let status = list.status();
                Op::Status(status.queued, status.in_progress, status.done)
            }),
        }
    }
}

fn numbers_of(items: &[BlockWork<u32, u32>]) -> Vec<u32> {
    items.iter().map(|item| item.data).collect()
}

/// What `threads` threads saw, making `calls` random calls each.
fn record(seed: u32, threads: u32, calls: usize) -> Vec<Record> {
    let list = BlockWorkList::new();
    let (clock, numbers, start) =
        (AtomicU64::new(0), AtomicU64::new(0), Barrier::new(threads as usize));
    thread::scope(|scope| {
        let callers: Vec<_> = (1..=threads)
            .map(|number| {
                let mut caller = Caller {
                    list: &list,
                    clock: &clock,
                    numbers: &numbers,
                    dice: Dice(u64::from(seed * 64 + number).wrapping_mul(0x9E37_79B9_7F4A_7C15)),
                    claims: Vec::new(),
                    history: Vec::new(),
                };
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    (0..calls).for_each(|_| caller.call());
                    while !caller.claims.is_empty() {
                        caller.finish_oldest();
                    }
                    caller.history
                })
            })
            .collect();
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    })
}

#[test]
fn histories_of_threads_are_linearizable() {
    for seed in 0..2_000_u32 {
        let history = record(seed, 2 + seed % 3, 16);
        assert!(is_linearizable(&history), "seed {seed}: no order explains {history:#?}");
    }
}

/// Calls one after another, as the checker sees them.
fn sequence(ops: Vec<Op>) -> Vec<Record> {
    ops.into_iter()
        .zip(0..)
        .map(|(op, time)| Record { op, begun: 2 * time, ended: 2 * time + 1 })
        .collect()
}

#[test]
fn the_checker_accepts_what_is_right() {
    let calls = vec![
        Op::Replace(vec![1, 2], Some(vec![])),
        Op::Next(Ok(Some(1))),
        Op::Replace(vec![3], Some(vec![2])),
        Op::GiveBack(1, false),
        Op::Close(vec![3]),
        Op::Next(Ok(None)),
    ];
    assert!(is_linearizable(&sequence(calls)));
}

#[test]
fn the_checker_rejects_what_is_wrong() {
    let wrong = [
        // An old item after replace returned.
        vec![
            Op::Replace(vec![1], Some(vec![])),
            Op::Replace(vec![2], Some(vec![1])),
            Op::Next(Ok(Some(1))),
        ],
        // An item twice.
        vec![Op::Replace(vec![1], Some(vec![])), Op::Next(Ok(Some(1))), Op::Next(Ok(Some(1)))],
        // Claimed and discarded.
        vec![
            Op::Replace(vec![1], Some(vec![])),
            Op::Next(Ok(Some(1))),
            Op::Replace(vec![], Some(vec![1])),
        ],
        // Out of order.
        vec![Op::Replace(vec![1, 2], Some(vec![])), Op::Next(Ok(Some(2)))],
        // Lost.
        vec![Op::Replace(vec![1], Some(vec![])), Op::Next(Err(TryNextError::Empty))],
        // Counted twice.
        vec![Op::Replace(vec![1], Some(vec![])), Op::Next(Ok(Some(1))), Op::Status(1, 1, 0)],
    ];
    for calls in wrong {
        assert!(!is_linearizable(&sequence(calls.clone())), "{calls:?}");
    }
}

#[test]
fn the_checker_lets_calls_overlap_but_not_travel() {
    let replace = Op::Replace(vec![1], Some(vec![]));
    let empty = Op::Next(Err(TryNextError::Empty));
    let overlapping = [
        Record { op: replace.clone(), begun: 0, ended: 3 },
        Record { op: empty.clone(), begun: 1, ended: 2 },
    ];
    assert!(is_linearizable(&overlapping), "next may have come first");
    assert!(!is_linearizable(&sequence(vec![replace, empty])), "it came afterwards");
}
