use std::collections::BTreeMap;
use std::task::{Context, Poll, Waker};

use keep_protocol::list::{SizeHint, TrashRequest};
use keep_rules::trash::SkipReason;
use proptest::prelude::*;

use super::*;

type TrashList = WorkList<TrashRequest>;

fn list() -> TrashList {
    WorkList::new(ListName::Trash, Clock::manual(Timestamp::from_seconds(1_800_000_000)))
}

fn items(count: u8) -> Vec<BlockWork<BlockHash, TrashRequest>> {
    let request = TrashRequest::new(Timestamp::EPOCH, SizeHint::Bytes(3), None);
    (0..count)
        .map(|number| BlockWork { hash: BlockHash::from_bytes([number; 16]), data: request })
        .collect()
}

fn claim(list: &TrashList) -> Option<Held<TrashRequest>> {
    let mut next = Box::pin(list.next());
    match next.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(held) => held,
        Poll::Pending => None,
    }
}

fn sum(status: &ListStatus) -> u64 {
    let reasons = status.skipped.values().chain(status.failed.values()).sum::<u64>();
    status.waiting + status.running + status.done + reasons + status.superseded + status.removed
}

#[test]
fn an_item_is_in_one_place_at_a_time() {
    let list = list();
    list.replace(items(3), Arc::default()).unwrap();
    claim(&list).unwrap().settle(&Ending::Done);
    let held = claim(&list).unwrap();
    let status = list.status(4, None);
    assert_eq!((status.generation, status.received), (1, 3));
    assert_eq!((status.waiting, status.running, status.done), (1, 1, 1));
    drop(held);
    assert_eq!(list.status(4, None).failed, [("interrupted".to_owned(), 1)].into());
}

#[test]
fn work_in_progress_is_not_disturbed_by_a_new_list() {
    let list = list();
    list.replace(items(3), Arc::default()).unwrap();
    let old = claim(&list).unwrap();
    list.replace(items(1), Arc::default()).unwrap();
    let status = list.status(4, None);
    assert_eq!(
        (status.received, status.waiting, status.running, status.running_before),
        (1, 1, 0, 1)
    );
    assert_eq!(list.totals().ended, [((OutcomeLabel::Superseded, ""), 2)].into());
    old.settle(&Ending::TrashSkipped(SkipReason::TooNew));
    assert_eq!(list.status(4, None).running_before, 0);
    assert_eq!(list.totals().ended[&(OutcomeLabel::Skipped, "too_new")], 1);
}

#[test]
fn a_panicking_worker_leaves_no_item_running() {
    let list = list();
    list.replace(items(1), Arc::default()).unwrap();
    let held = claim(&list).unwrap();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _held = held;
        panic!("on purpose");
    }));
    assert!(outcome.is_err());
    let status = list.status(4, None);
    assert_eq!((status.running, status.failed["interrupted"]), (0, 1));
}

#[test]
fn a_closed_list_takes_nothing_and_ends_its_workers() {
    let list = list();
    list.replace(items(2), Arc::default()).unwrap();
    let held = claim(&list).unwrap();
    list.close();
    assert!(claim(&list).is_none());
    assert_eq!(list.replace(items(1), Arc::default()), Err(ListClosed));
    held.settle(&Ending::Done);
    assert_eq!(
        list.totals().ended,
        [((OutcomeLabel::Done, ""), 1), ((OutcomeLabel::Superseded, ""), 1)].into()
    );
}

#[derive(Clone, Debug)]
enum Op {
    Replace(u8),
    Claim,
    Settle(u8),
    Drop,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (0..5u8).prop_map(Op::Replace),
        Just(Op::Claim),
        (0..3u8).prop_map(Op::Settle),
        Just(Op::Drop)
    ]
}

fn ending(choice: u8) -> Ending {
    match choice {
        0 => Ending::Done,
        1 => Ending::TrashSkipped(SkipReason::Absent),
        _other => Ending::Failed(Failed::Volume, None),
    }
}

proptest! {
    /// The books add up after every step, and agree with what the claims say.
    #[test]
    fn the_books_balance(ops in proptest::collection::vec(op(), 0..60)) {
        let list = list();
        let mut held: Vec<(u64, Held<TrashRequest>)> = Vec::new();
        let mut generation = 0;
        let mut given = 0_u64;
        let mut ended: BTreeMap<OutcomeLabel, u64> = BTreeMap::new();
        for op in ops {
            match op {
                Op::Replace(count) => {
                    *ended.entry(OutcomeLabel::Superseded).or_default() += list.status(0, None).waiting;
                    list.replace(items(count), Arc::default()).unwrap();
                    generation += 1;
                    given += u64::from(count);
                }
                Op::Claim => held.extend(claim(&list).map(|held| (generation, held))),
                Op::Settle(choice) if !held.is_empty() => {
                    let (_, item) = held.remove(0);
                    *ended.entry(ending(choice).kind().into()).or_default() += 1;
                    item.settle(&ending(choice));
                }
                Op::Drop if !held.is_empty() => {
                    *ended.entry(OutcomeLabel::Failed).or_default() += 1;
                    drop(held.pop());
                }
                Op::Settle(_) | Op::Drop => {}
            }
            let status = list.status(0, None);
            prop_assert_eq!(sum(&status), status.received);
            prop_assert_eq!(status.generation, generation);
            let current = held.iter().filter(|(of, _)| *of == generation).count() as u64;
            prop_assert_eq!(status.running, current);
            prop_assert_eq!(status.running_before, held.len() as u64 - current);
            let totals = list.totals();
            prop_assert_eq!(totals.running, held.len() as u64);
            let all_ended: u64 = totals.ended.values().sum();
            prop_assert_eq!(all_ended, ended.values().sum::<u64>());
            prop_assert_eq!(given, totals.waiting + totals.running + all_ended);
        }
    }
}
