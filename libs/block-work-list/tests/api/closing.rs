//! Closing the list.

use std::task::Poll;
use std::thread;

use block_work_list::Closed;
use block_work_list::TryNextError;

use crate::{List, Task, assert_balanced, hashes, list_of, waiting, work};

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
