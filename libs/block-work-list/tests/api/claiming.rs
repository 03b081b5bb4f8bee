//! Claims, and the books kept on them.

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread;

use block_work_list::BlockWork;
use block_work_list::BlockWorkList;
use block_work_list::Claim;
use block_work_list::Next;

use crate::{List, Task, assert_balanced, drain, hashes, list_of, waiting, woken, work};

#[test]
fn case_10_a_worker_panics_while_it_holds_an_item() {
    let list = list_of(&[1, 2]);
    let worker = thread::spawn({
        let list = list.clone();
        move || {
            let _claim = list.next_blocking();
            std::panic::resume_unwind(Box::new("the worker fails"));
        }
    });
    assert!(worker.join().is_err());
    let status = list.status();
    assert_eq!((status.in_progress, status.done, status.queued), (0, 1, 1));
    assert_eq!(drain(&list), [2], "the list works on, and the item does not come again");
    list.wait_idle_blocking();
}

#[test]
fn case_16_status_balances_at_every_instant() {
    let list = List::new();
    let done = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| list.iter().for_each(Claim::finish));
        }
        scope.spawn(|| {
            for round in 0..500 {
                list.replace(work(&[1, 2, 3, 4, 1])).unwrap();
                list.remove(&1);
                if let Ok(claim) = list.try_next()
                    && round % 2 == 0
                {
                    claim.give_back().expect("only this thread replaces the list");
                }
            }
            done.store(1, Ordering::SeqCst);
        });
        let mut last = list.status();
        while done.load(Ordering::SeqCst) == 0 {
            let status = list.status();
            assert_balanced(status);
            assert!(status.done >= last.done && status.received >= last.received);
            last = status;
        }
        list.close();
    });
    assert_balanced(list.status());
}

#[test]
fn case_16_idle_means_that_every_effect_is_visible() {
    let list = List::new();
    let effects = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _claim in &list {
                    effects.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for round in 1..=200 {
            list.replace(work(&[1, 2, 3])).unwrap();
            list.wait_idle_blocking();
            assert_eq!(effects.load(Ordering::Relaxed), 3 * round);
        }
        list.close();
    });
}

#[test]
fn case_17_snapshot_removes_nothing() {
    let list = list_of(&[1, 2, 3, 4]);
    let claim = list.try_next().unwrap();
    assert_eq!(hashes(&list.snapshot()), [2, 3, 4]);
    claim.give_back().unwrap();
    assert_eq!(hashes(&list.snapshot()), [2, 3, 4, 1]);
    assert_eq!(list.status().queued, 4);
}

#[test]
fn case_18_remove_does_not_affect_a_claim() {
    let list = list_of(&[1, 2, 1, 3, 1]);
    let claim = list.try_next().unwrap();
    assert_eq!(list.remove(&1), 2, "the claimed one is not counted");
    assert_eq!(hashes(&list.snapshot()), [2, 3]);
    assert_eq!((claim.hash, list.status().removed), (1, 2));
    assert_eq!(list.remove(&9), 0);
}

#[test]
fn case_18_remove_or_claim_but_never_both() {
    for _ in 0..500 {
        let list = list_of(&[1, 2]);
        thread::scope(|scope| {
            let remover = scope.spawn(|| list.remove(&1));
            let claimed = list.try_next().unwrap().hash == 1;
            assert_eq!(remover.join().unwrap(), usize::from(!claimed));
        });
    }
}

#[test]
fn case_18_removed_items_are_dropped_without_the_lock() {
    /// Looks at its own list when it is dropped; with the lock held this would never return.
    struct Reader(BlockWorkList<u64, Reader>);
    impl Drop for Reader {
        fn drop(&mut self) {
            self.0.status();
        }
    }
    let list = BlockWorkList::new();
    list.replace((0..3).map(|hash| BlockWork { hash, data: Reader(list.clone()) }).collect())
        .unwrap();
    assert_eq!(list.remove(&1), 1);
    list.try_next().unwrap().finish();
    list.replace(vec![]).unwrap();
    assert_eq!(list.status().superseded, 1);
}

#[test]
fn case_25_a_panic_of_foreign_code_breaks_nothing() {
    /// A hash that cannot be compared with 13.
    #[derive(Clone, Debug)]
    struct Hash(u64);
    impl Eq for Hash {}
    impl PartialEq for Hash {
        fn eq(&self, other: &Hash) -> bool {
            assert!(self.0 != 13 && other.0 != 13, "not that one");
            self.0 == other.0
        }
    }
    let list = BlockWorkList::new();
    list.replace([1, 2, 13].map(|hash| BlockWork { hash: Hash(hash), data: () }).into()).unwrap();
    let attempt = catch_unwind(AssertUnwindSafe(|| list.remove(&Hash(2))));
    assert!(attempt.is_err());
    assert_balanced(list.status());
    assert_eq!(list.snapshot().iter().map(|item| item.hash.0).collect::<Vec<_>>(), [1, 2, 13]);
    assert_eq!(list.close().len(), 3);
}

#[test]
fn case_26_an_item_given_back_goes_to_the_end_of_its_own_list() {
    let list = list_of(&[1, 2]);
    list.try_next().unwrap().give_back().unwrap();
    assert_eq!(drain(&list), [2, 1]);
    let status = list.status();
    assert_eq!((status.received, status.done, status.returned), (2, 2, 1));
}

#[test]
fn case_26_an_item_given_back_too_late_is_the_callers() {
    let list = list_of(&[1, 2]);
    let (first, second) = (list.try_next().unwrap(), list.try_next().unwrap());
    list.replace(work(&[3])).unwrap();
    assert_eq!(first.give_back().unwrap_err().hash, 1);
    list.close();
    assert_eq!(second.give_back().unwrap_err().hash, 2);
    let status = list.status();
    assert_eq!((status.in_progress, status.done, status.superseded), (0, 0, 3));
    assert_balanced(status);
}

#[test]
fn case_26_an_item_given_back_wakes_one_worker() {
    let list = list_of(&[1]);
    let claim = list.try_next().unwrap();
    let tasks = waiting(&list, 3);
    claim.give_back().unwrap();
    assert_eq!(woken(&tasks), 1);
}

#[test]
fn case_26_the_last_claim_given_back_too_late_ends_the_waiting_for_idleness() {
    let list = list_of(&[1]);
    let claim = list.try_next().unwrap();
    list.replace(vec![]).unwrap();
    let mut idle = Task::new(list.wait_idle());
    assert!(idle.poll().is_pending());
    claim.give_back().unwrap_err();
    assert!(idle.poll().is_ready());
}

#[test]
fn a_claim_may_move_and_may_outlive_its_list() {
    let claim = thread::spawn(|| list_of(&[1]).next_blocking()).join().unwrap().unwrap();
    assert_eq!(claim.hash, 1);
    claim.finish();
    let claim = list_of(&[2]).next_blocking().unwrap();
    assert!(claim.give_back().is_ok(), "its list is still current, though nobody can see it");
}

#[test]
fn everything_that_crosses_threads_may() {
    fn crosses<T: Send + Sync + Unpin>() {}
    crosses::<List>();
    crosses::<Claim<u64, u64>>();
    crosses::<Next<'_, u64, u64>>();
    crosses::<block_work_list::Claims<'_, u64, u64>>();
    crosses::<block_work_list::WaitIdle<'_, u64, u64>>();
    crosses::<block_work_list::WaitNonEmpty<'_, u64, u64>>();
}
