//! The edge cases of the list, each by its name. The numbers are those of the table in the study of the list (its
//! section 1); case 24 is in `memory.rs`, which has a process of its own.
#![cfg(not(loom))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, also in its helper functions")]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use block_work_list::{BlockWork, BlockWorkList, Next, Status};

mod claiming;
mod closing;
mod replacing;
mod waking;

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
