use std::collections::BTreeMap;
use std::task::{Context, Poll, Waker};

use keep_protocol::list::{SizeHint, TrashRequest};
use keep_protocol::status::ListSource;
use keep_rules::trash::SkipReason;
use proptest::prelude::*;

use keep_rules::Timestamp;

use super::*;
use crate::lists::receipt::ListDigest;
use crate::lists::{Ending, Failed};

type TrashList = WorkList<TrashRequest>;

fn list() -> TrashList {
    WorkList::new(ListName::Trash, Clock::manual(Timestamp::from_seconds(1_800_000_000)))
}

/// A list of so many items, with the next id.
fn new(list: &TrashList, count: u8, hold: Option<Hold>) -> NewList<TrashRequest> {
    let request = TrashRequest::new(Timestamp::EPOCH, SizeHint::Bytes(3), None);
    let item = |number: u8| BlockWork {
        hash: BlockHash::from_bytes([number; 16]),
        data: Item { request, index: u32::from(number) },
    };
    let receipt = Receipt {
        id: list.current_id() + 1,
        digest: ListDigest([7; 32]),
        count: u64::from(count),
        received_at: Timestamp::from_seconds(1_800_000_000),
        source: ListSource::default(),
        epoch: None,
        durable: false,
    };
    NewList {
        receipt,
        items: (0..count).map(item).collect(),
        names: Arc::default(),
        ended: Counts::new(),
        stored: None,
        hold,
    }
}

fn replace(list: &TrashList, count: u8) {
    list.replace(new(list, count, None)).unwrap();
}

fn claim(list: &TrashList) -> Option<Held<TrashRequest>> {
    let mut next = Box::pin(list.next());
    match next.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(held) => held,
        Poll::Pending => None,
    }
}

#[test]
fn an_item_is_in_one_place_at_a_time() {
    let list = list();
    replace(&list, 3);
    claim(&list).unwrap().settle(&Ending::Done);
    let held = claim(&list).unwrap();
    let status = list.status();
    assert_eq!((status.generation, status.received), (1, 3));
    assert_eq!((status.waiting, status.running, status.done), (1, 1, 1));
    drop(held);
    assert_eq!(list.status().failed, [("interrupted".to_owned(), 1)].into());
}

#[test]
fn work_in_progress_is_not_disturbed_by_a_new_list() {
    let list = list();
    replace(&list, 3);
    let old = claim(&list).unwrap();
    replace(&list, 1);
    let status = list.status();
    assert_eq!(
        (status.received, status.waiting, status.running, status.running_before),
        (1, 1, 0, 1)
    );
    assert_eq!(list.totals().ended, [((OutcomeLabel::Superseded, ""), 2)].into());
    old.settle(&Ending::TrashSkipped(SkipReason::TooNew));
    assert_eq!(list.status().running_before, 0);
    assert_eq!(list.totals().ended[&(OutcomeLabel::Skipped, "too_new")], 1);
}

#[test]
fn a_panicking_worker_leaves_no_item_running() {
    let list = list();
    replace(&list, 1);
    let held = claim(&list).unwrap();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _held = held;
        panic!("on purpose");
    }));
    assert!(outcome.is_err());
    let status = list.status();
    assert_eq!((status.running, status.failed["interrupted"]), (0, 1));
}

#[test]
fn a_closed_list_takes_nothing_and_ends_its_workers() {
    let list = list();
    replace(&list, 2);
    let held = claim(&list).unwrap();
    list.close();
    assert!(claim(&list).is_none());
    assert_eq!(list.replace(new(&list, 1, None)), Err(ListClosed));
    held.settle(&Ending::Done);
    assert_eq!(list.totals().ended, [((OutcomeLabel::Done, ""), 1)].into());
    assert_eq!(list.status().waiting, 1, "what was not begun goes on after the restart");
    assert_eq!(list.cancel(), Err(ListClosed));
    assert_eq!(list.release(1, &ListDigest([7; 32]).to_string()), Err(ListClosed.into()));
    assert_eq!((list.status().waiting, list.status().running), (1, 0), "the books balance still");
}

#[test]
fn a_held_list_waits_for_its_release_with_its_own_digest() {
    let list = list();
    list.replace(new(&list, 2, Some(Hold::Held("too much".into())))).unwrap();
    assert_eq!(list.status().state, ListState::Held);
    assert_eq!(list.status().idle_because.as_deref(), Some("too much"));
    assert!(claim(&list).is_none());
    let digest = ListDigest([7; 32]).to_string();
    assert_eq!(list.release(2, &digest), Err(NotReleased::NotHeld(2)));
    assert_eq!(list.release(1, "00"), Err(NotReleased::OtherDigest { id: 1 }));
    assert_eq!(list.release(1, &digest), Ok(()));
    claim(&list).unwrap().settle(&Ending::Done);
    assert_eq!(list.release(1, &digest), Err(NotReleased::NotHeld(1)), "once");
}

#[test]
fn the_guard_lets_a_list_through_or_holds_it() {
    let list = list();
    list.replace(new(&list, 1, Some(Hold::Checking))).unwrap();
    assert_eq!(list.status().state, ListState::Checking);
    list.checked(1, Err("too much".into())).unwrap();
    assert_eq!(list.status().state, ListState::Held);
    list.replace(new(&list, 1, Some(Hold::Checking))).unwrap();
    list.checked(1, Ok(())).unwrap();
    assert_eq!(
        list.status().state,
        ListState::Checking,
        "a verdict on an earlier list changes nothing"
    );
    list.checked(2, Ok(())).unwrap();
    assert!(claim(&list).is_some());
}

#[test]
fn the_guard_does_not_let_a_list_through_that_an_absence_holds() {
    let list = list();
    list.replace(new(&list, 1, Some(Hold::Checking))).unwrap();
    assert_eq!(list.hold_after_absence("away"), Some(1));
    list.checked(1, Ok(())).unwrap();
    assert_eq!(list.status().idle_because.as_deref(), Some("away"));
    assert!(claim(&list).is_none());
}

#[test]
fn what_is_given_back_to_a_held_list_waits_with_the_rest() {
    let list = list();
    replace(&list, 3);
    let item = claim(&list).unwrap();
    assert_eq!(list.hold_after_absence("away"), Some(1));
    item.give_back();
    assert_eq!((list.status().waiting, list.status().running), (3, 0));
    list.release(1, &ListDigest([7; 32]).to_string()).unwrap();
    (0..3).for_each(|_| claim(&list).unwrap().settle(&Ending::Done));
    assert_eq!(list.status().done, 3);
}

#[test]
fn a_closed_list_with_something_left_is_in_doubt_after_an_absence() {
    let list = list();
    list.close();
    assert_eq!(list.hold_after_absence("away"), None);
    let list = self::list();
    replace(&list, 2);
    let item = claim(&list).unwrap();
    list.close();
    assert_eq!(list.hold_after_absence("away"), Some(1));
    assert!(item.is_from_before_an_absence());
}

#[test]
fn lists_that_are_over_are_remembered_by_their_ids() {
    let list = list();
    replace(&list, 2);
    claim(&list).unwrap().settle(&Ending::Done);
    replace(&list, 1);
    let past = list.past(1).unwrap();
    assert_eq!((past.done, past.superseded, past.state), (1, 1, ListState::Superseded));
    assert_eq!(past.accounted_for(), past.received);
    assert!(list.past(9).is_none());
}

#[derive(Clone, Debug)]
enum Op {
    Replace(u8),
    Claim,
    Settle(u8),
    Drop,
    GiveBack,
    Hold(u8),
    Release,
    Cancel,
    Remove(u8),
    Absence,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (0..5u8).prop_map(Op::Replace),
        Just(Op::Claim),
        (0..3u8).prop_map(Op::Settle),
        Just(Op::Drop),
        Just(Op::GiveBack),
        (0..5u8).prop_map(Op::Hold),
        Just(Op::Release),
        Just(Op::Cancel),
        (0..5u8).prop_map(Op::Remove),
        Just(Op::Absence),
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
                    *ended.entry(OutcomeLabel::Superseded).or_default() += list.status().waiting;
                    replace(&list, count);
                    generation += 1;
                    given += u64::from(count);
                }
                Op::Claim => {
                    let claimed = claim(&list);
                    let fresh = claimed.iter().all(|item| !item.is_from_before_an_absence());
                    prop_assert!(fresh, "what is claimed from now on is not from before");
                    held.extend(claimed.map(|held| (generation, held)));
                }
                Op::Settle(choice) if !held.is_empty() => {
                    let (_, item) = held.remove(0);
                    *ended.entry(ending(choice).kind().into()).or_default() += 1;
                    item.settle(&ending(choice));
                }
                Op::Drop if !held.is_empty() => {
                    *ended.entry(OutcomeLabel::Failed).or_default() += 1;
                    drop(held.pop());
                }
                Op::GiveBack if !held.is_empty() => {
                    let before = list.status().waiting;
                    let (_, item) = held.remove(0);
                    item.give_back();
                    // Back on its list, or superseded because that list is gone.
                    if list.status().waiting == before {
                        *ended.entry(OutcomeLabel::Superseded).or_default() += 1;
                    }
                }
                Op::Hold(count) => {
                    *ended.entry(OutcomeLabel::Superseded).or_default() += list.status().waiting;
                    list.replace(new(&list, count, Some(Hold::Held("too much".into())))).unwrap();
                    generation += 1;
                    given += u64::from(count);
                    prop_assert!(claim(&list).is_none(), "nobody gets an item of a held list");
                }
                Op::Release => {
                    let waiting = list.status().waiting;
                    let was_held = list.status().state == ListState::Held;
                    let released = list.release(generation, &ListDigest([7; 32]).to_string());
                    prop_assert_eq!(released.is_ok(), was_held);
                    prop_assert_eq!(list.status().waiting, waiting);
                }
                Op::Cancel => {
                    let waiting = list.status().waiting;
                    prop_assert_eq!(list.cancel().unwrap(), waiting);
                    *ended.entry(OutcomeLabel::Removed).or_default() += waiting;
                }
                Op::Remove(number) => {
                    let removed = list.remove(BlockHash::from_bytes([number; 16]));
                    *ended.entry(OutcomeLabel::Removed).or_default() += removed;
                }
                Op::Absence => {
                    let before = list.status();
                    let newly_held = list.hold_after_absence("away");
                    let status = list.status();
                    let left = before.waiting + before.running > 0;
                    let was_held = before.state == ListState::Held;
                    prop_assert_eq!(newly_held, (left && !was_held).then_some(generation));
                    prop_assert_eq!(status.state == ListState::Held, left || was_held);
                    prop_assert_eq!((status.waiting, status.running), (before.waiting, before.running));
                    prop_assert!(held.iter().all(|(_, item)| item.is_from_before_an_absence()));
                    prop_assert!(claim(&list).is_none(), "nobody gets an item of a held list");
                }
                Op::Settle(_) | Op::Drop | Op::GiveBack => {}
            }
            let status = list.status();
            prop_assert_eq!(status.accounted_for(), status.received);
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
