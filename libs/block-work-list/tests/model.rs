//! Random operations, one after another, on the list and on the plainest list that could work.
#![cfg(not(loom))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, also in its helper functions")]

use std::collections::VecDeque;

use block_work_list::{BlockWork, BlockWorkList, Claim, TryNextError};
use proptest::prelude::*;

type Item = BlockWork<u8, u32>;

/// One call. Which claim is meant is a number modulo the claims there are.
#[derive(Clone, Debug)]
enum Op {
    Replace(Vec<u8>),
    Next,
    Finish(usize),
    GiveBack(usize),
    Remove(u8),
    Snapshot,
    Close,
}

fn operations() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        4 => prop::collection::vec(0..6u8, 0..12).prop_map(Op::Replace),
        20 => Just(Op::Next),
        8 => any::<usize>().prop_map(Op::Finish),
        8 => any::<usize>().prop_map(Op::GiveBack),
        3 => (0..6u8).prop_map(Op::Remove),
        2 => Just(Op::Snapshot),
        1 => Just(Op::Close),
    ];
    prop::collection::vec(op, 0..120)
}

/// The list as the documentation describes it.
#[derive(Default)]
struct Model {
    generation: u64,
    queue: VecDeque<Item>,
    held: Vec<(u64, Item)>,
    closed: bool,
    received: u64,
    done: u64,
    superseded: u64,
    removed: u64,
    returned: u64,
    made: u32,
}

impl Model {
    /// Items with numbers of their own.
    fn make(&mut self, hashes: &[u8]) -> Vec<Item> {
        let first = self.made;
        self.made += u32::try_from(hashes.len()).unwrap();
        hashes.iter().zip(first..).map(|(&hash, data)| BlockWork { hash, data }).collect()
    }

    fn discard(&mut self) -> Vec<Item> {
        self.superseded += self.queue.len() as u64;
        self.queue.drain(..).collect()
    }

    fn check_status(&self, list: &BlockWorkList<u8, u32>) {
        let status = list.status();
        assert_eq!(status.generation, self.generation);
        assert_eq!(status.received, self.received);
        assert_eq!(status.queued, self.queue.len() as u64);
        assert_eq!(status.in_progress, self.held.len() as u64);
        assert_eq!(status.done, self.done);
        assert_eq!(status.superseded, self.superseded);
        assert_eq!(status.removed, self.removed);
        assert_eq!(status.returned, self.returned);
        assert_eq!(status.closed, self.closed);
        let sum =
            status.done + status.superseded + status.removed + status.in_progress + status.queued;
        assert_eq!(status.received, sum, "the books balance");
    }
}

fn run(ops: &[Op]) {
    let list = BlockWorkList::new();
    let mut claims: Vec<Claim<u8, u32>> = Vec::new();
    let mut model = Model::default();
    for op in ops {
        step(op, &list, &mut claims, &mut model);
        model.check_status(&list);
    }
}

fn step(
    op: &Op,
    list: &BlockWorkList<u8, u32>,
    claims: &mut Vec<Claim<u8, u32>>,
    model: &mut Model,
) {
    match op {
        Op::Replace(hashes) => {
            let items = model.make(hashes);
            let result = list.replace(items.clone());
            if model.closed {
                assert_eq!(result.unwrap_err().0, items);
            } else {
                let discarded = model.discard();
                model.generation += 1;
                model.received += items.len() as u64;
                model.queue = items.into();
                let replaced = result.unwrap();
                assert_eq!(
                    (replaced.generation, replaced.discarded),
                    (model.generation, discarded)
                );
            }
        }
        Op::Next => match list.try_next() {
            Ok(claim) => {
                assert_eq!(Some(*claim), model.queue.pop_front());
                assert_eq!(claim.generation(), model.generation);
                model.held.push((model.generation, *claim));
                claims.push(claim);
            }
            Err(TryNextError::Empty) => assert!(model.queue.is_empty() && !model.closed),
            Err(TryNextError::Closed) => assert!(model.closed),
        },
        Op::Finish(which) if !claims.is_empty() => {
            let which = which % claims.len();
            claims.swap_remove(which).finish();
            model.held.swap_remove(which);
            model.done += 1;
        }
        Op::GiveBack(which) if !claims.is_empty() => {
            let which = which % claims.len();
            let result = claims.swap_remove(which).give_back();
            let (generation, item) = model.held.swap_remove(which);
            if generation == model.generation && !model.closed {
                assert_eq!(result, Ok(()));
                model.queue.push_back(item);
                model.returned += 1;
            } else {
                assert_eq!(result, Err(item));
                model.superseded += 1;
            }
        }
        Op::Finish(_) | Op::GiveBack(_) => {}
        Op::Remove(hash) => {
            let before = model.queue.len();
            model.queue.retain(|item| item.hash != *hash);
            let removed = before - model.queue.len();
            model.removed += removed as u64;
            assert_eq!(list.remove(hash), removed);
        }
        Op::Snapshot => {
            assert_eq!(list.snapshot(), model.queue.iter().copied().collect::<Vec<_>>())
        }
        Op::Close => {
            model.closed = true;
            assert_eq!(list.close(), model.discard());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn the_list_does_what_the_model_does(ops in operations()) {
        run(&ops);
    }
}
