//! Every interleaving of two or three threads (preempted at most three times each run):
//! `RUSTFLAGS="--cfg loom" cargo test -p block-work-list --test loom --release`
//!
//! loom also reports a deadlock, so a test that merely ends shows that no wake-up was lost.
#![cfg(loom)]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc as StdArc;
use std::task::{Context, Poll, Wake, Waker};

use block_work_list::{BlockWork, BlockWorkList, Claim, Next};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

type List = BlockWorkList<u64, ()>;

fn work(hashes: &[u64]) -> Vec<BlockWork<u64, ()>> {
    hashes.iter().map(|&hash| BlockWork { hash, data: () }).collect()
}

fn model(test: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(test);
}

fn assert_balanced(list: &List) {
    let s = list.status();
    assert_eq!(s.received, s.done + s.superseded + s.removed + s.in_progress + s.queued, "{s:?}");
}

struct NoWake;

impl Wake for NoWake {
    fn wake(self: StdArc<Self>) {}
}

/// Polls once, with a waker that does nothing.
fn poll_once(next: &mut Next<'_, u64, ()>) -> Poll<Option<Claim<u64, ()>>> {
    Pin::new(next).poll(&mut Context::from_waker(&Waker::from(StdArc::new(NoWake))))
}

#[test]
fn replace_vs_next_no_old_item_after_replace_returned() {
    model(|| {
        let list = List::new();
        list.replace(work(&[1, 2])).unwrap();
        let replaced = Arc::new(AtomicUsize::new(0));
        let worker = thread::spawn({
            let (list, replaced) = (list.clone(), Arc::clone(&replaced));
            move || {
                let before = replaced.load(Ordering::Acquire);
                let claim = list.try_next().unwrap();
                assert!(before == 0 || claim.hash == 3, "an old item after replace returned");
                claim.hash
            }
        });
        let discarded = list.replace(work(&[3])).unwrap().discarded;
        replaced.store(1, Ordering::Release);
        let claimed = worker.join().unwrap();
        let expected: &[u64] = if claimed == 1 { &[2] } else { &[1, 2] };
        assert!(
            discarded.iter().map(|item| &item.hash).eq(expected),
            "claimed or discarded, never both"
        );
        assert_balanced(&list);
    });
}

#[test]
fn replace_vs_waiting_next_no_wake_is_lost() {
    model(|| {
        let list = List::new();
        let worker = thread::spawn({
            let list = list.clone();
            move || list.next_blocking().unwrap().hash
        });
        list.replace(work(&[7])).unwrap();
        assert_eq!(worker.join().unwrap(), 7);
    });
}

#[test]
fn two_items_reach_two_waiting_workers() {
    model(|| {
        let list = List::new();
        let workers = [(); 2].map(|()| {
            let list = list.clone();
            thread::spawn(move || list.next_blocking().unwrap().hash)
        });
        list.replace(work(&[1, 2])).unwrap();
        let [one, other] = workers.map(|worker| worker.join().unwrap());
        assert_eq!(one + other, 3);
    });
}

#[test]
fn close_vs_next_every_waiter_ends() {
    model(|| {
        let list = List::new();
        let workers = [(); 2].map(|()| {
            let list = list.clone();
            thread::spawn(move || list.next_blocking().is_none())
        });
        list.close();
        assert!(workers.map(|worker| worker.join().unwrap()).iter().all(|ended| *ended));
    });
}

#[test]
fn close_vs_next_an_item_is_claimed_or_given_back() {
    model(|| {
        let list = List::new();
        list.replace(work(&[1])).unwrap();
        let worker = thread::spawn({
            let list = list.clone();
            move || list.next_blocking().is_some()
        });
        let left = list.close().len();
        let claimed = worker.join().unwrap();
        assert_eq!(left + usize::from(claimed), 1);
        assert_balanced(&list);
    });
}

#[test]
fn give_back_vs_replace() {
    model(|| {
        let list = List::new();
        list.replace(work(&[1])).unwrap();
        let claim = list.try_next().unwrap();
        let worker = thread::spawn(move || claim.give_back().is_ok());
        let discarded = list.replace(work(&[2])).unwrap().discarded.len();
        let in_time = worker.join().unwrap();
        assert_eq!(discarded, usize::from(in_time), "given back and then discarded, or refused");
        assert_eq!(list.status().superseded, 1);
        assert_balanced(&list);
    });
}

#[test]
fn give_back_wakes_a_waiting_worker() {
    model(|| {
        let list = List::new();
        list.replace(work(&[1])).unwrap();
        let claim = list.try_next().unwrap();
        let worker = thread::spawn({
            let list = list.clone();
            move || list.next_blocking().unwrap().hash
        });
        claim.give_back().unwrap();
        assert_eq!(worker.join().unwrap(), 1);
    });
}

#[test]
fn a_woken_future_that_is_dropped_passes_its_wake_on() {
    model(|| {
        let list = List::new();
        let worker = thread::spawn({
            let list = list.clone();
            move || list.next_blocking().is_some()
        });
        let replacer = thread::spawn({
            let list = list.clone();
            move || {
                list.replace(work(&[1])).unwrap();
            }
        });
        let mut next = list.next();
        let mine = poll_once(&mut next);
        drop(next); // it may have been woken in place of the worker
        replacer.join().unwrap();
        if let Poll::Ready(Some(claim)) = mine {
            claim.give_back().unwrap();
        }
        assert!(worker.join().unwrap());
    });
}

#[test]
fn each_of_two_wakes_passes_on() {
    model(|| {
        let list = List::new();
        let (mut first, mut second) = (list.next(), list.next());
        assert!(poll_once(&mut first).is_pending() && poll_once(&mut second).is_pending());
        let workers = [(); 2].map(|()| {
            let list = list.clone();
            thread::spawn(move || list.next_blocking().is_some())
        });
        list.replace(work(&[1, 2])).unwrap();
        drop(first);
        drop(second);
        assert!(workers.map(|worker| worker.join().unwrap()).iter().all(|got| *got));
    });
}

#[test]
fn finish_vs_wait_idle_no_wake_is_lost_and_effects_are_visible() {
    model(|| {
        let list = List::new();
        list.replace(work(&[1])).unwrap();
        let effect = Arc::new(AtomicUsize::new(0));
        let worker = thread::spawn({
            let (list, effect) = (list.clone(), Arc::clone(&effect));
            move || {
                let claim = list.try_next().unwrap();
                effect.store(1, Ordering::Relaxed);
                claim.finish();
            }
        });
        list.wait_idle_blocking();
        assert_eq!(effect.load(Ordering::Relaxed), 1);
        worker.join().unwrap();
    });
}

#[test]
fn status_balances_while_claims_finish() {
    model(|| {
        let list = List::new();
        list.replace(work(&[1, 2])).unwrap();
        let worker = thread::spawn({
            let list = list.clone();
            move || {
                list.try_next().unwrap().finish();
                list.try_next().unwrap().give_back().unwrap();
            }
        });
        assert_balanced(&list);
        assert_balanced(&list);
        worker.join().unwrap();
        assert_eq!((list.status().done, list.status().queued), (1, 1));
    });
}

#[test]
fn two_replacers_leave_one_list() {
    model(|| {
        let list = List::new();
        let other = thread::spawn({
            let list = list.clone();
            move || list.replace(work(&[1])).unwrap()
        });
        let mine = list.replace(work(&[2])).unwrap();
        let theirs = other.join().unwrap();
        assert_eq!(mine.generation + theirs.generation, 3);
        assert_eq!(mine.discarded.len() + theirs.discarded.len(), 1);
        assert_eq!(list.status().queued, 1);
    });
}
