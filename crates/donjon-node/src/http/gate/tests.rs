use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::*;

fn gate(running: usize, queued: usize) -> Gate {
    Gate::new(GateLimits { running: NonZeroUsize::new(running), queued })
}

type Entering = Pin<Box<dyn Future<Output = Result<Permit, Overflow>> + Send>>;

fn entering(gate: &Gate, priority: Priority) -> Entering {
    let gate = gate.clone();
    Box::pin(async move { gate.enter(priority).await })
}

fn poll(entering: &mut Entering) -> Poll<Result<Permit, Overflow>> {
    entering.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

#[track_caller]
fn enters(entering: &mut Entering) -> Permit {
    match poll(entering) {
        Poll::Ready(Ok(permit)) => permit,
        other @ (Poll::Ready(_) | Poll::Pending) => panic!("expected a permit, got {other:?}"),
    }
}

#[test]
fn no_more_run_than_the_limit() {
    let gate = gate(1, 5);
    let first = enters(&mut entering(&gate, Priority::Normal));
    let mut second = entering(&gate, Priority::Normal);
    assert!(poll(&mut second).is_pending());
    drop(first);
    let _second = enters(&mut second);
    assert_eq!(gate.stats(), GateStats { running: 1, queued_normal: 0, queued_high: 0, lent: 0 });
}

#[test]
fn high_priority_goes_first_then_who_came_first() {
    let gate = gate(1, 5);
    let inside = enters(&mut entering(&gate, Priority::Normal));
    let mut early = entering(&gate, Priority::Normal);
    let mut late = entering(&gate, Priority::Normal);
    let mut browser = entering(&gate, Priority::High);
    assert!(
        poll(&mut early).is_pending()
            && poll(&mut late).is_pending()
            && poll(&mut browser).is_pending()
    );
    drop(inside);
    assert!(poll(&mut early).is_pending());
    drop(enters(&mut browser));
    assert!(poll(&mut late).is_pending());
    drop(enters(&mut early));
    drop(enters(&mut late));
}

#[test]
fn the_last_of_the_lowest_priority_is_turned_away() {
    let gate = gate(1, 1);
    let _inside = enters(&mut entering(&gate, Priority::Normal));
    let mut waiting = entering(&gate, Priority::Normal);
    assert!(poll(&mut waiting).is_pending());
    assert!(matches!(poll(&mut entering(&gate, Priority::Normal)), Poll::Ready(Err(Overflow))));
    let mut browser = entering(&gate, Priority::High);
    assert!(poll(&mut browser).is_pending());
    assert!(matches!(poll(&mut waiting), Poll::Ready(Err(Overflow))));
}

#[test]
fn a_waiter_that_leaves_after_it_was_called_passes_the_place_on() {
    let gate = gate(1, 5);
    let inside = enters(&mut entering(&gate, Priority::Normal));
    let mut called = entering(&gate, Priority::Normal);
    let mut next = entering(&gate, Priority::Normal);
    assert!(poll(&mut called).is_pending() && poll(&mut next).is_pending());
    drop(inside);
    drop(called);
    drop(enters(&mut next));
    assert_eq!(gate.stats().running, 0);
}

#[test]
fn a_waiter_that_leaves_before_it_is_called_leaves_the_queue() {
    let gate = gate(1, 5);
    let inside = enters(&mut entering(&gate, Priority::Normal));
    let mut gone = entering(&gate, Priority::Normal);
    assert!(poll(&mut gone).is_pending());
    drop(gone);
    assert_eq!(gate.stats().queued_normal, 0);
    drop(inside);
    assert_eq!(gate.stats().running, 0);
}

#[test]
fn a_lent_place_lets_another_in_and_is_taken_back_first() {
    let gate = gate(1, 0);
    let mut stalled = enters(&mut entering(&gate, Priority::Normal));
    stalled.lend();
    assert_eq!(gate.stats(), GateStats { running: 0, queued_normal: 0, queued_high: 0, lent: 1 });
    let other = enters(&mut entering(&gate, Priority::Normal));
    {
        let mut back = Box::pin(stalled.take_back());
        let mut context = Context::from_waker(Waker::noop());
        assert!(back.as_mut().poll(&mut context).is_pending());
        drop(other);
        assert!(back.as_mut().poll(&mut context).is_ready());
    }
    assert_eq!(gate.stats(), GateStats { running: 1, queued_normal: 0, queued_high: 0, lent: 0 });
    drop(stalled);
    assert_eq!(gate.stats().running, 0);
}

#[test]
fn without_a_limit_everybody_runs() {
    let gate = gate(0, 0);
    let permits: Vec<Permit> =
        (0..1000).map(|_| enters(&mut entering(&gate, Priority::Normal))).collect();
    assert_eq!(gate.stats().running, permits.len());
}
