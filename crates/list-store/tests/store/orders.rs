//! What operators and the guard order survives, and is refused where it makes no sense.

use keep_rules::BlockHash;
use list_store::{Ending, Standing, StoreError, StoredList, Text};

use crate::given::{Outcome, Store, resumed, sent, waiting};

fn block(number: u128) -> BlockHash {
    BlockHash::from_bytes(number.to_be_bytes())
}

fn reopened(directory: &tempfile::TempDir, store: Store) -> Store {
    drop(store);
    Store::open(directory.path()).unwrap()
}

type Order = fn(&StoredList<Outcome>) -> Result<(), StoreError>;

#[track_caller]
fn check_standing(orders: &[Order], expected: &Standing) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let list = sent([1]).put(&store).unwrap();
    for order in orders {
        order(&list).unwrap();
    }
    drop(list);
    assert_eq!(resumed(&reopened(&directory, store)).standing, *expected);
}

fn hold(list: &StoredList<Outcome>) -> Result<(), StoreError> {
    list.hold(Text::from("why"))
}

fn hold_after_absence(list: &StoredList<Outcome>) -> Result<(), StoreError> {
    list.hold_after_absence(Text::from("away"))
}

#[test]
fn orders_survive() {
    check_standing(&[], &Standing::Open);
    check_standing(&[hold], &Standing::Held(Text::from("why")));
    let away = Standing::HeldAfterAbsence(Text::from("away"));
    check_standing(&[StoredList::release, hold, hold_after_absence], &away);
    check_standing(&[hold_after_absence, StoredList::release], &Standing::Released);
    check_standing(&[hold, StoredList::release], &Standing::Released);
    check_standing(&[StoredList::release, hold], &Standing::Held(Text::from("why")));
    check_standing(&[hold, StoredList::cancel, StoredList::cancel], &Standing::Cancelled);
}

#[test]
fn a_list_can_be_held_from_its_first_moment() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let (list, held) = (sent([1]), Standing::Held(Text::from("names 30 % of a volume")));
    drop(list.put_as(&store, list.receipt(1), held.clone()).unwrap());
    assert_eq!(resumed(&reopened(&directory, store)).standing, held);
}

#[test]
fn the_orders_of_one_list_are_not_those_of_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let old = sent([1]).put(&store).unwrap();
    old.remove(&[block(1)]).unwrap();
    hold(&old).unwrap();
    sent([1]).put(&store).unwrap();
    let loaded = resumed(&store);
    assert_eq!((waiting(&loaded), loaded.standing), (vec![0], Standing::Open));
    for refused in [hold(&old), old.release(), old.cancel(), old.remove(&[block(1)])] {
        assert!(matches!(refused, Err(StoreError::Superseded { generation: 1 })), "{refused:?}");
    }
    let list = resumed(&store).list;
    store.discard().unwrap();
    assert!(matches!(hold(&list), Err(StoreError::Superseded { generation: 2 })));
}

#[test]
fn removed_blocks_do_not_come_back_on_any_mount() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let list = sent([1, 2, 1, 3]).put(&store).unwrap();
    list.remove(&[block(1), block(9)]).unwrap();
    drop(list);
    let loaded = resumed(&reopened(&directory, store));
    assert_eq!(waiting(&loaded), [1, 3]);
    assert_eq!(loaded.removed, 2);
}

/// A worker held the item when the order came.
#[test]
fn an_item_that_ended_all_the_same_is_not_removed() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let list = sent([1, 2]).put(&store).unwrap();
    list.remove(&[block(1)]).unwrap();
    list.ended(&[Ending { index: 0, outcome: Outcome::Done }]).unwrap();
    let loaded = resumed(&store);
    assert_eq!((loaded.removed, loaded.ended[&Outcome::Done]), (0, 1));
    assert_eq!(waiting(&loaded), [1]);
}

#[test]
fn a_cancelled_list_is_over_and_takes_no_orders() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let list = sent([1, 2, 3]).put(&store).unwrap();
    list.ended(&[Ending { index: 1, outcome: Outcome::TooYoung }]).unwrap();
    list.cancel().unwrap();
    for refused in [hold(&list), list.release(), list.remove(&[block(1)])] {
        assert!(matches!(refused, Err(StoreError::Cancelled { generation: 1 })), "{refused:?}");
    }
    let loaded = resumed(&store);
    assert_eq!((waiting(&loaded), loaded.removed), (vec![], 2));
    assert_eq!(loaded.ended, [(Outcome::TooYoung, 1)].into());
}

#[test]
fn the_blocks_that_are_taken_off_are_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let list = sent([1, 2]).put(&store).unwrap();
    let many: Vec<_> = (1..=list_store::REMOVED_MAX as u128).map(|n| block(n << 64)).collect();
    list.remove(&many).unwrap();
    list.remove(&many[..10]).unwrap();
    let refused = list.remove(&[block(1)]).unwrap_err();
    assert!(matches!(refused, StoreError::TooManyRemoved { .. }), "{refused}");
    assert_eq!(waiting(&resumed(&store)), [0, 1]);
}
