//! Waiting for items, and being woken for them.

use futures_core::Stream;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::task::Poll;
use std::thread;

use crate::{List, Task, hashes, list_of, waiting, woken, work};

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
