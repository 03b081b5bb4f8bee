//! Replacing the list, and what comes out of it in which order.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::thread;

use block_work_list::BlockWork;
use block_work_list::BlockWorkList;
use block_work_list::Claim;
use block_work_list::TryNextError;

use crate::{List, assert_balanced, drain, hashes, list_of, waiting, woken, work};

#[test]
fn case_01_replace_with_an_empty_list() {
    let list = List::new();
    assert_eq!(list.replace(vec![]).unwrap().discarded, []);
    list.replace(work(&[1, 2])).unwrap();
    assert_eq!(hashes(&list.replace(vec![]).unwrap().discarded), [1, 2]);
    assert_eq!(list.try_next().unwrap_err(), TryNextError::Empty);
    assert_eq!(list.status().generation, 3);
}

#[test]
fn case_02_replace_while_workers_wait() {
    let list = List::new();
    let mut tasks = waiting(&list, 5);
    list.replace(work(&[1, 2, 3])).unwrap();
    let order: Vec<bool> = tasks.iter().map(|task| task.wakes() == 1).collect();
    assert_eq!(
        order,
        [true, true, true, false, false],
        "min(items, waiters), in the order they came"
    );
    for (task, hash) in tasks.iter_mut().zip([1, 2, 3]) {
        let Poll::Ready(Some(claim)) = task.poll() else { panic!("a woken worker has an item") };
        assert_eq!(claim.hash, hash);
    }
    assert_eq!(woken(&tasks), 3, "who takes an item wakes nobody else");
}

#[test]
fn case_03_replace_during_a_claim() {
    let list = list_of(&[1, 2]);
    let old = list.try_next().unwrap();
    list.replace(work(&[3])).unwrap();
    assert_eq!((old.hash, old.is_current()), (1, false));
    assert_eq!(list.try_next().unwrap().hash, 3);
    assert_eq!(list.status().in_progress, 1);
}

#[test]
fn case_03_no_worker_gets_an_old_item_after_replace_returned() {
    let list = Arc::new(BlockWorkList::new());
    let published = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let known = published.load(Ordering::SeqCst);
                    let Some(claim): Option<Claim<u64, u64>> = list.next_blocking() else { break };
                    assert!(
                        claim.generation() >= known,
                        "an item of a list that was replaced before"
                    );
                    assert_eq!(claim.data, claim.generation());
                }
            });
        }
        for generation in 1..=2_000 {
            let items = (0..50).map(|hash| BlockWork { hash, data: generation }).collect();
            assert_eq!(list.replace(items).unwrap().generation, generation);
            published.store(generation, Ordering::SeqCst);
        }
        list.close();
    });
    assert_balanced(list.status());
}

#[test]
fn case_12_two_replacers_at_once() {
    let list = List::new();
    let discarded = AtomicUsize::new(0);
    let mut generations: Vec<u64> = thread::scope(|scope| {
        let replacers: Vec<_> = (0..2)
            .map(|replacer| {
                let (list, discarded) = (&list, &discarded);
                scope.spawn(move || {
                    let replace = |_| {
                        let replaced = list.replace(work(&[replacer; 3])).unwrap();
                        discarded.fetch_add(replaced.discarded.len(), Ordering::SeqCst);
                        replaced.generation
                    };
                    (0..500).map(replace).collect::<Vec<_>>()
                })
            })
            .collect();
        replacers.into_iter().flat_map(|replacer| replacer.join().unwrap()).collect()
    });
    generations.sort_unstable();
    assert!(generations.into_iter().eq(1..=1000), "generations are unique");
    let survivor = drain(&list);
    assert!(survivor == [0, 0, 0] || survivor == [1, 1, 1], "one whole list survives");
    assert_eq!(discarded.into_inner(), 999 * 3, "every other list came back");
}

#[test]
fn case_15_the_discarded_rest_is_exact_and_dropped_by_the_caller() {
    let list = BlockWorkList::new();
    let token = Arc::new(());
    list.replace((0..5).map(|hash| BlockWork { hash, data: Arc::clone(&token) }).collect())
        .unwrap();
    list.try_next().unwrap().finish();
    let replaced = list.replace(vec![]).unwrap();
    assert_eq!(Arc::strong_count(&token), 5, "the list dropped nothing but the finished item");
    assert_eq!(replaced.discarded.iter().map(|item| item.hash).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(list.status().superseded, 4);
    drop(replaced);
    assert_eq!(Arc::strong_count(&token), 1);
}

#[test]
fn case_15_a_long_rest_comes_back_whole() {
    let list = BlockWorkList::new();
    list.replace((0..10_000).map(|hash| BlockWork { hash, data: () }).collect()).unwrap();
    (0..2_500).for_each(|hash| assert_eq!(list.try_next().unwrap().hash, hash));
    let mut rest: Vec<u64> =
        list.replace(vec![]).unwrap().discarded.iter().map(|item| item.hash).collect();
    rest.sort_unstable();
    assert!(rest.into_iter().eq(2_500..10_000));
}

#[test]
fn case_19_duplicates_are_kept_in_order() {
    let list = list_of(&[5, 5, 5]);
    let data: Vec<u64> =
        std::iter::from_fn(|| list.try_next().ok()).map(|claim| claim.data).collect();
    assert_eq!(data, [0, 1, 2]);
}

#[test]
fn case_19_one_hash_may_be_in_progress_and_queued() {
    let list = list_of(&[5]);
    let old = list.try_next().unwrap();
    list.replace(work(&[5])).unwrap();
    let new = list.try_next().unwrap();
    assert_eq!((old.generation(), new.generation()), (1, 2));
}

#[test]
fn case_23_a_huge_list_is_taken_and_given_back_without_being_moved() {
    let list = BlockWorkList::new();
    let items: Vec<BlockWork<u64, ()>> =
        (0..2_000_000).map(|hash| BlockWork { hash, data: () }).collect();
    let buffer = items.as_ptr();
    list.replace(items).unwrap();
    for _ in 0..500_000 {
        list.try_next().unwrap().finish();
    }
    let discarded = list.replace(vec![]).unwrap().discarded;
    assert_eq!((discarded.as_ptr(), discarded.len()), (buffer, 1_500_000));
}

#[test]
fn case_27_claims_are_first_in_first_out() {
    let list = List::new();
    let order: Vec<u64> = (0..1_001).collect();
    list.replace(work(&order)).unwrap();
    assert_eq!(drain(&list), order);
}

#[test]
fn case_28_a_body_that_cannot_be_parsed_leaves_the_old_list() {
    fn put(list: &List, body: &str) -> Result<u64, std::num::ParseIntError> {
        let parse = |(hash, data): (&str, u64)| Ok(BlockWork { hash: hash.parse()?, data });
        let items = body.split_whitespace().zip(0..).map(parse).collect::<Result<Vec<_>, _>>()?;
        Ok(list.replace(items).unwrap().generation)
    }
    let list = List::new();
    assert_eq!(put(&list, "1 2"), Ok(1));
    assert!(put(&list, "3 x 5").is_err());
    assert_eq!((list.status().generation, hashes(&list.snapshot())), (1, vec![1, 2]));
}
