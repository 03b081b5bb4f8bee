//! Wishes: each once, the maximum of all, within limits.

use keep_rules::balance::{
    Allows, CLASSES_MAX, Layout, MountFacts, ServerAccess, ServerFacts, WantedReplication,
    WishBook, WishError, WishId,
};
use keep_rules::{ClassSet, Replication, StorageClass};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Two devices with replication 1 and 3.
fn layout() -> Layout {
    let disk = |uuid: &str, replication| MountFacts {
        uuid: uuid.parse().expect("a name"),
        device_id: None,
        allows: Allows::WriteAndTrash,
        replication: Replication::from_config(replication),
        classes: ClassSet::from_header("default"),
    };
    let server = ServerFacts {
        uuid: "server".to_owned(),
        url: "http://a".to_owned(),
        access: ServerAccess::ReadWrite,
        mounts: vec![disk("one", 1), disk("three", 3)],
    };
    Layout::new(vec![server]).expect("it is possible")
}

fn class(name: &str) -> StorageClass {
    name.parse().expect("a name")
}

fn of_book(book: &WishBook, id: WishId) -> BTreeMap<String, u32> {
    let needs = book.wish(id).needs().iter();
    needs.map(|need| (book.class(need.class).to_string(), need.copies)).collect()
}

#[test]
fn more_than_can_be_is_cut() {
    let mut book = WishBook::new(&layout());
    let wishes: Vec<WishId> = [5, 6, u32::MAX]
        .map(|copies| book.of_collection(&ClassSet::none(), copies).unwrap())
        .into();
    assert_eq!(wishes[0], wishes[2]);
    assert_eq!(book.wish(wishes[0]).copies_max(), 5);
    assert_ne!(book.of_collection(&ClassSet::none(), 4).unwrap(), wishes[0]);
}

#[test]
fn zero_is_a_reference_without_copies() {
    let mut book = WishBook::new(&layout());
    let zero = book.of_collection(&ClassSet::none(), 0).unwrap();
    assert_ne!(zero, WishId::UNREFERENCED);
    assert!(book.wish(zero).is_referenced() && !book.wish(zero).wants_copies());
    assert!(!book.wish(WishId::UNREFERENCED).is_referenced());
    assert_eq!(book.max_of([WishId::UNREFERENCED, zero]).unwrap(), zero);
}

#[test]
fn a_negative_number_is_the_default_and_is_told() {
    for (column, expected) in [
        (None, WantedReplication::Default(2)),
        (Some(0), WantedReplication::Given(0)),
        (Some(3), WantedReplication::Given(3)),
        (Some(-1), WantedReplication::NegativeSoDefault(2)),
        (Some(i64::MIN), WantedReplication::NegativeSoDefault(2)),
        (Some(i64::MAX), WantedReplication::Given(u32::MAX)),
    ] {
        assert_eq!(WantedReplication::read(column, 2), expected, "{column:?}");
    }
}

#[test]
fn classes_that_nobody_offers_are_listed() {
    let mut book = WishBook::new(&layout());
    let wish = book.of_collection(&ClassSet::from_header("zebra, default, archive"), 1).unwrap();
    let unknown: Vec<&str> = book.unknown_classes().map(|(_, class)| class.as_str()).collect();
    assert_eq!(unknown, ["archive", "zebra"]);
    // In a wish they stand in the order of their names, however they came up.
    let needs = book.wish(wish).needs().iter();
    let names: Vec<&str> = needs.map(|need| book.class(need.class).as_str()).collect();
    assert_eq!(names, ["archive", "default", "zebra"]);
}

#[test]
fn too_many_classes_are_an_error_and_change_nothing_else() {
    let mut book = WishBook::new(&layout());
    let name = |at: usize| ClassSet::from_header(&format!("c{at}"));
    for at in 1..CLASSES_MAX {
        book.of_collection(&name(at), 1).unwrap();
    }
    assert_eq!(book.classes().len(), CLASSES_MAX);
    let error = book.of_collection(&name(CLASSES_MAX), 1).unwrap_err();
    assert_eq!(error, WishError::TooManyClasses { class: class(&format!("c{CLASSES_MAX}")) });
    assert_eq!(book.classes().len(), CLASSES_MAX);
    assert!(book.of_collection(&name(1), 2).is_ok());
}

#[test]
fn ids_are_checked_and_merges_are_remembered() {
    let mut book = WishBook::new(&layout());
    let one = book.of_collection(&ClassSet::from_header("a"), 1).unwrap();
    let other = book.of_collection(&ClassSet::from_header("b"), 2).unwrap();
    assert_eq!((book.id(other.get()), book.id(other.get() + 1)), (Some(other), None));
    assert_eq!(book.known_max_of(one, other), None);
    let both = book.max_of([one, other]).unwrap();
    assert_eq!(
        (book.known_max_of(one, other), book.known_max_of(other, one)),
        (Some(both), Some(both))
    );
    assert_eq!(book.known_max_of(one, WishId::UNREFERENCED), Some(one));
}

type Wanted = BTreeMap<&'static str, u32>;

fn wanted() -> impl Strategy<Value = Wanted> {
    let class = prop_oneof![Just("default"), Just("archive"), Just("fast"), Just("aaa")];
    proptest::collection::btree_map(class, 0..8_u32, 0..4)
}

proptest! {
    /// W2: whatever the order, whatever came before.
    #[test]
    fn the_maximum_does_not_depend_on_order_or_history(collections in proptest::collection::vec(wanted(), 0..12), swaps: Vec<(usize, usize)>) {
        let mut expected: BTreeMap<String, u32> = BTreeMap::new();
        for (name, copies) in collections.iter().flatten() {
            let largest = expected.entry((*name).to_owned()).or_default();
            *largest = (*copies).min(5).max(*largest);
        }
        let mut book = WishBook::new(&layout());
        let mut ids = Vec::new();
        for collection in &collections {
            let wanted: Vec<(StorageClass, u32)> = collection.iter().map(|(name, copies)| (class(name), *copies)).collect();
            ids.push(book.intern(wanted.iter().map(|(class, copies)| (class, *copies))).unwrap());
        }
        let found = book.max_of(ids.iter().copied()).unwrap();
        prop_assert_eq!(of_book(&book, found), expected);
        for (one, other) in swaps {
            if !ids.is_empty() {
                let count = ids.len();
                ids.swap(one % count, other % count);
            }
            prop_assert_eq!(book.max_of(ids.iter().copied()).unwrap(), found);
        }
    }
}
