//! The edge cases of the list, each by its name. The numbers are those of the table in the study of the list (its
//! section 1); case 24 is in `memory.rs`, which has a process of its own.
#![cfg(not(loom))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, also in its helper functions")]

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use block_work_list::{BlockWork, BlockWorkList, Claim, Closed, Next, Status, TryNextError};
use futures_core::Stream;

type List = BlockWorkList<u64, u64>;

/// Items of these hashes; the data is the place in the list.
fn work(hashes: &[u64]) -> Vec<BlockWork<u64, u64>> {
    hashes.iter().zip(0..).map(|(&hash, data)| BlockWork { hash, data }).collect()
}

fn list_of(hashes: &[u64]) -> List {
    let list = List::new();
    list.replace(work(hashes)).unwrap();
    list
}

fn hashes(items: &[BlockWork<u64, u64>]) -> Vec<u64> {
    items.iter().map(|item| item.hash).collect()
}

/// Claims and finishes everything that is queued.
fn drain(list: &List) -> Vec<u64> {
    std::iter::from_fn(|| list.try_next().ok()).map(|claim| claim.hash).collect()
}

#[track_caller]
fn assert_balanced(status: Status) {
    let Status { received, done, superseded, removed, in_progress, queued, .. } = status;
    assert_eq!(received, done + superseded + removed + in_progress + queued, "{status:?}");
}

/// A task of one future: counts how often it is woken.
struct Task<F> {
    future: Pin<Box<F>>,
    wakes: Arc<Wakes>,
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl<F: Future> Task<F> {
    fn new(future: F) -> Self {
        Task { future: Box::pin(future), wakes: Arc::default() }
    }

    fn poll(&mut self) -> Poll<F::Output> {
        let waker = Waker::from(Arc::clone(&self.wakes));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    fn wakes(&self) -> usize {
        self.wakes.0.load(Ordering::SeqCst)
    }
}

/// `count` workers that wait for an item.
fn waiting(list: &List, count: usize) -> Vec<Task<Next<'_, u64, u64>>> {
    let mut tasks: Vec<_> = (0..count).map(|_| Task::new(list.next())).collect();
    assert!(tasks.iter_mut().all(|task| task.poll().is_pending()));
    tasks
}

fn woken<F: Future>(tasks: &[Task<F>]) -> usize {
    tasks.iter().filter(|task| task.wakes() > 0).count()
}

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
fn case_04_close_while_workers_wait() {
    let list = List::new();
    thread::scope(|scope| {
        let workers: Vec<_> =
            (0..8).map(|_| scope.spawn(|| list.next_blocking().is_none())).collect();
        let mut tasks = waiting(&list, 3);
        list.close();
        assert!(tasks.iter_mut().all(|task| matches!(task.poll(), Poll::Ready(None))));
        assert!(workers.into_iter().all(|worker| worker.join().unwrap()));
    });
}

#[test]
fn case_05_no_claims_after_close_returned() {
    let list = list_of(&[1, 2, 3]);
    assert_eq!(hashes(&list.close()), [1, 2, 3]);
    assert_eq!(list.try_next().unwrap_err(), TryNextError::Closed);
    assert!(list.next_blocking().is_none());
}

#[test]
fn case_06_close_with_items_in_progress() {
    let list = list_of(&[1, 2]);
    let claim = list.try_next().unwrap();
    list.close();
    assert_eq!((list.status().in_progress, list.status().superseded), (1, 1));
    let mut idle = Task::new(list.wait_idle());
    assert!(idle.poll().is_pending());
    claim.finish();
    assert_eq!(idle.wakes(), 1);
    assert!(idle.poll().is_ready());
    assert_eq!(list.status().done, 1);
}

#[test]
fn case_07_replace_after_close() {
    let list = list_of(&[1]);
    list.close();
    let Closed(items) = list.replace(work(&[2, 3])).unwrap_err();
    assert_eq!(hashes(&items), [2, 3]);
    assert_eq!((list.status().generation, list.status().received), (1, 1));
}

#[test]
fn case_08_close_twice() {
    let list = list_of(&[1]);
    assert_eq!(list.close().len(), 1);
    assert_eq!(list.close().len(), 0);
    assert!(list.status().closed);
}

#[test]
fn case_08_close_racing_replace() {
    for _ in 0..500 {
        let list = List::new();
        thread::scope(|scope| {
            let replace = scope.spawn(|| list.replace(work(&[1])).is_ok());
            let left = list.close();
            let replaced = replace.join().unwrap();
            assert_eq!(
                left.len(),
                usize::from(replaced),
                "replace came first and was discarded, or it was refused"
            );
        });
        assert_balanced(list.status());
    }
}

#[test]
fn case_09_next_after_close() {
    let list = List::new();
    list.close();
    for _ in 0..3 {
        assert!(list.next_blocking().is_none());
        assert!(matches!(Task::new(list.next()).poll(), Poll::Ready(None)));
        assert!((&list).into_iter().next().is_none());
    }
}

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
fn case_11_a_worker_is_dropped_while_it_waits() {
    let list = List::new();
    let mut tasks = waiting(&list, 3);
    drop(tasks.remove(0)); // not woken yet: it only leaves the line
    list.replace(work(&[1])).unwrap();
    assert_eq!(woken(&tasks), 1);
    drop(tasks.remove(0)); // woken: its wake passes on
    assert_eq!(woken(&tasks), 1);
    assert!(matches!(tasks[0].poll(), Poll::Ready(Some(_))));
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
fn case_13_waiters_are_woken_in_the_order_they_came() {
    let list = List::new();
    let tasks = waiting(&list, 3);
    for count in 1..=3 {
        list.replace(work(&vec![7; count])).unwrap();
        let order: Vec<usize> = tasks.iter().map(Task::wakes).collect();
        assert_eq!(order, [[1, 0, 0], [1, 1, 0], [1, 1, 1]][count - 1]);
    }
}

#[test]
fn case_13_a_running_worker_may_barge_and_the_woken_one_waits_again() {
    let list = List::new();
    let mut tasks = waiting(&list, 1);
    list.replace(work(&[1])).unwrap();
    drop(list.try_next().unwrap());
    assert!(tasks[0].poll().is_pending());
    list.replace(work(&[2])).unwrap();
    assert_eq!(tasks[0].wakes(), 2);
    assert!(matches!(tasks[0].poll(), Poll::Ready(Some(_))));
}

#[test]
fn case_14_a_woken_future_that_is_dropped_wakes_the_next() {
    let list = List::new();
    let mut tasks = waiting(&list, 2);
    list.replace(work(&[1])).unwrap();
    drop(tasks.remove(0));
    assert_eq!(tasks[0].wakes(), 1);
    assert_eq!(list.status().queued, 1, "a future that was not polled claimed nothing");
}

#[test]
fn case_14_each_of_several_dropped_futures_passes_its_wake_on() {
    let list = List::new();
    let mut tasks = waiting(&list, 4);
    list.replace(work(&[1, 2])).unwrap();
    // Two are awake. One leaves while the other is still awake: a third must take its place.
    drop(tasks.remove(0));
    assert_eq!(woken(&tasks), 2);
    drop(tasks.remove(0));
    assert_eq!(woken(&tasks), 2);
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
fn case_20_no_thundering_herd() {
    let list = List::new();
    let tasks = waiting(&list, 1_000);
    list.replace(work(&[1])).unwrap();
    assert_eq!(woken(&tasks), 1);
    list.replace(work(&[2])).unwrap();
    assert_eq!(woken(&tasks), 1, "the worker that was woken and has not run yet will take it");
    assert_eq!(tasks[0].wakes(), 1);
}

#[test]
fn case_21_a_spurious_poll_waits_on_and_the_latest_waker_counts() {
    let list = List::new();
    let mut tasks = waiting(&list, 1);
    assert!(tasks[0].poll().is_pending());
    let first = std::mem::take(&mut tasks[0].wakes);
    assert!(tasks[0].poll().is_pending());
    list.replace(work(&[1])).unwrap();
    assert_eq!((first.0.load(Ordering::SeqCst), tasks[0].wakes()), (0, 1));
    assert!(matches!(tasks[0].poll(), Poll::Ready(Some(_))));
}

#[test]
fn case_22_wait_non_empty_tells_all_and_claims_nothing() {
    let list = List::new();
    let mut tasks: Vec<_> = (0..3).map(|_| Task::new(list.wait_non_empty())).collect();
    assert!(tasks.iter_mut().all(|task| task.poll().is_pending()));
    list.replace(vec![]).unwrap();
    assert_eq!(woken(&tasks), 0);
    list.replace(work(&[1, 2])).unwrap();
    assert_eq!(woken(&tasks), 3);
    for task in &mut tasks {
        let Poll::Ready(Some(items)) = task.poll() else { panic!("the list is not empty") };
        assert_eq!(hashes(&items), [1, 2]);
    }
    list.close();
    assert!(list.wait_non_empty_blocking().is_none());
}

#[test]
fn case_22_wait_non_empty_does_not_keep_a_wake_from_a_worker() {
    let list = List::new();
    let mut watcher = Task::new(list.wait_non_empty());
    assert!(watcher.poll().is_pending());
    let tasks = waiting(&list, 1);
    list.replace(work(&[1])).unwrap();
    assert_eq!((watcher.wakes(), woken(&tasks)), (1, 1));
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

#[test]
fn the_end_of_the_last_item_ends_the_waiting_for_idleness_in_every_way() {
    let ends: [fn(&List); 4] = [
        |list| list.try_next().unwrap().finish(),
        |list| assert_eq!(list.remove(&1), 1),
        |list| assert_eq!(list.replace(vec![]).unwrap().discarded.len(), 1),
        |list| assert_eq!(list.close().len(), 1),
    ];
    for end in ends {
        let list = list_of(&[1]);
        let mut idle = Task::new(list.wait_idle());
        assert!(idle.poll().is_pending());
        end(&list);
        assert_eq!(idle.wakes(), 1);
        assert!(idle.poll().is_ready());
    }
}

#[test]
fn blocking_and_async_workers_share_one_list() {
    let list = List::new();
    let (taken, items) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| list.iter().for_each(|claim| taken.send(claim.hash).unwrap()));
        scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                let mut stream = pin!(list.stream());
                while let Some(claim) =
                    std::future::poll_fn(|context| stream.as_mut().poll_next(context)).await
                {
                    taken.send(claim.hash).unwrap();
                }
            });
        });
        for round in 0..100 {
            list.replace(work(&[4 * round, 4 * round + 1, 4 * round + 2, 4 * round + 3])).unwrap();
            list.wait_idle_blocking();
        }
        list.close();
    });
    drop(taken);
    let mut seen: Vec<u64> = items.iter().collect();
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..400));
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
