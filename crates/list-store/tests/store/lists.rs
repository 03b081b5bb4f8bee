//! Lists come, are replaced, end.

use std::path::Path;

use keep_protocol::list::{Limits, PullListParser, PullRequest, TrashListParser, TrashRequest};
use keep_rules::{BlockHash, Timestamp};
use list_store::{
    Code, Digest, Ending, Item, ListStore, Load, OutcomeCode, Receipt, Source, Standing, StoreError,
};

use crate::given::{Outcome, Store, T0, WEEK, resumed, sent, waiting};

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn end(index: u32) -> Ending<Outcome> {
    Ending { index, outcome: Outcome::Done }
}

#[test]
fn a_list_comes_back_with_its_receipt_and_without_what_ended() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let sent = sent([5, 6, 5, 7]);
    let receipt = Receipt { epoch: Some(3), ..sent.receipt(9) };
    let list = sent.put_as(&store, receipt.clone(), Standing::Open).unwrap();
    list.ended(&[end(3), Ending { index: 0, outcome: Outcome::TooYoung }]).unwrap();
    drop((list, store));

    let store = Store::open(directory.path()).unwrap();
    let loaded = resumed(&store);
    assert_eq!(**loaded.list.receipt(), receipt);
    assert_eq!(waiting(&loaded), [1, 2]);
    for item in &loaded.waiting {
        let (hash, request) = sent.items[item.index as usize];
        assert_eq!((item.hash, item.record), (hash, request));
    }
    assert_eq!(loaded.ended, [(Outcome::Done, 1), (Outcome::TooYoung, 1)].into());
    assert_eq!((loaded.removed, loaded.standing), (0, Standing::Open));
    assert!(loaded.repair.is_none());
    assert_eq!((store.last_generation(), store.last_epoch()), (9, Some(3)));
}

#[test]
fn an_empty_list_is_a_list() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    sent([]).put(&store).unwrap();
    assert!(resumed(&store).waiting.is_empty());
}

#[test]
fn before_the_first_list_there_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    assert!(matches!(store.load(T0, WEEK, |item| item).unwrap(), Load::Nothing));
    assert_eq!((store.last_generation(), store.last_epoch()), (0, None));
    let missing = directory.path().join("missing");
    assert!(matches!(Store::open(missing), Err(StoreError::Io { .. })));
}

#[test]
fn a_new_list_takes_the_place_of_the_old_one() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let old = sent([1, 2]).put(&store).unwrap();
    sent([3]).put(&store).unwrap();
    assert_eq!(
        names(directory.path()),
        ["trash-2.list", "trash-2.progress", "trash.lock", "trash.state"]
    );
    // A claim of the old list is still at work: its end is taken, and says nothing of the new list.
    old.ended(&[end(0), end(1)]).unwrap();
    let loaded = resumed(&store);
    assert_eq!(waiting(&loaded), [0]);
    assert_eq!(loaded.waiting[0].hash, BlockHash::from_bytes(3_u128.to_be_bytes()));
}

#[test]
fn a_draft_that_is_dropped_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    sent([1]).put(&store).unwrap();
    let before = names(directory.path());
    let (hash, request) = sent([2]).items[0];
    let mut draft = store.begin().unwrap();
    draft.push(hash, request).unwrap();
    assert_eq!(names(directory.path()).len(), before.len() + 1);
    drop(draft);
    assert_eq!(names(directory.path()), before);
    assert_eq!(resumed(&store).waiting[0].hash, BlockHash::from_bytes(1_u128.to_be_bytes()));
}

#[test]
fn two_lists_can_arrive_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let (one, two) = (sent([1]), sent([2]));
    let mut drafts = [&one, &two].map(|_list| store.begin().unwrap());
    for (draft, list) in drafts.iter_mut().zip([&one, &two]) {
        draft.push(list.items[0].0, list.items[0].1).unwrap();
    }
    let [first, second] = drafts;
    second.commit(two.receipt(1), Standing::Open).unwrap();
    assert_eq!(resumed(&store).waiting[0].hash, two.items[0].0);
    first.commit(one.receipt(2), Standing::Open).unwrap();
    assert_eq!(resumed(&store).waiting[0].hash, one.items[0].0);
}

#[test]
fn what_is_not_newer_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let list = sent([1]);
    let put = |generation, epoch| {
        let receipt = Receipt { epoch, ..list.receipt(generation) };
        list.put_as(&store, receipt, Standing::Open).map(|_stored| ())
    };
    put(5, Some(2)).unwrap();
    assert!(matches!(put(5, Some(2)), Err(StoreError::StaleGeneration { given: 5, last: 5 })));
    assert!(matches!(put(6, Some(1)), Err(StoreError::StaleEpoch { given: 1, last: 2 })));
    assert_eq!(resumed(&store).list.receipt().generation, 5, "the list before stays");
    put(6, Some(2)).unwrap();
    put(7, None).unwrap();
    assert_eq!(store.last_epoch(), Some(2), "a list without an epoch does not lower it");
    store.discard().unwrap();
    drop(store);
    let store = Store::open(directory.path()).unwrap();
    assert_eq!((store.last_generation(), store.last_epoch()), (7, Some(2)));
}

#[test]
fn a_receipt_that_counts_otherwise_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let list = sent([1, 2]);
    let receipt = Receipt { count: 3, ..list.receipt(1) };
    let refused = list.put_as(&store, receipt, Standing::Open).unwrap_err();
    assert!(matches!(refused, StoreError::Miscounted { pushed: 2, receipt: 3 }), "{refused}");
    assert_eq!(names(directory.path()), ["trash.lock", "trash.state"]);
}

#[test]
fn a_list_that_is_too_old_is_dropped_and_does_not_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let list = sent([1, 2]);
    list.put(&store).unwrap();
    let load = |store: &Store, now: Timestamp| store.load(now, WEEK, |item| item).unwrap();
    assert!(matches!(load(&store, T0.after(WEEK)), Load::Resumed(_)), "just young enough");
    let late = T0.after(WEEK).after(std::time::Duration::from_nanos(1));
    match load(&store, late) {
        Load::Dropped(receipt) => assert_eq!(receipt, list.receipt(1)),
        Load::Nothing => panic!("it was stored"),
        Load::Resumed(loaded) => panic!("too old, but resumed: {:?}", loaded.list.receipt()),
    }
    assert!(matches!(load(&store, T0), Load::Nothing));
    drop(store);
    let store = Store::open(directory.path()).unwrap();
    assert!(matches!(load(&store, T0), Load::Nothing));
    assert_eq!(store.last_generation(), 1);
    assert_eq!(names(directory.path()), ["trash.lock", "trash.state"]);
}

#[test]
fn a_directory_is_for_one_store_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    assert!(matches!(Store::open(directory.path()), Err(StoreError::InUse { .. })));
    let handle = store.clone();
    drop(store);
    assert!(matches!(Store::open(directory.path()), Err(StoreError::InUse { .. })));
    drop(handle);
    Store::open(directory.path()).unwrap();
}

#[test]
fn the_two_lists_share_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    let trash = Store::open(directory.path()).unwrap();
    sent([1]).put(&trash).unwrap();
    let pull = ListStore::<PullRequest, Outcome>::open(directory.path()).unwrap();
    let mut parser = PullListParser::with_sink(Limits::default(), pull.begin().unwrap());
    let servers = r#"["http://keep0:25107","http://keep1:25107"]"#;
    let body = format!(
        r#"[{{"locator":"{:032x}+3","servers":{servers},"mount_uuid":"m"}},{{"locator":"x"}}]"#,
        8
    );
    parser.feed(body.as_bytes()).unwrap();
    let parsed = parser.finish().unwrap();
    assert!(parsed.items.failure().is_none());
    let receipt = Receipt {
        generation: 1,
        digest: Digest([0; 32]),
        count: parsed.count,
        received_at: T0,
        source: Source::default(),
        epoch: None,
        names: parsed.names.clone(),
    };
    parsed.items.commit(receipt, Standing::Open).unwrap();
    drop((trash, pull));

    let pull = ListStore::<PullRequest, Outcome>::open(directory.path()).unwrap();
    let Load::Resumed(loaded) = pull.load(T0, WEEK, |item| item).unwrap() else {
        panic!("it is stored");
    };
    let names = &loaded.list.receipt().names;
    let [good, bad] = &*loaded.waiting else { panic!("two items wait") };
    assert_eq!(*names.servers(good.record.servers())[1], *"http://keep1:25107");
    assert_eq!(names.mount(good.record.mount().unwrap()), "m");
    assert_eq!(names.bad_locator(bad.record.size().unwrap_err()), "x");
    let trash = Store::open(directory.path()).unwrap();
    assert_eq!(waiting(&resumed(&trash)), [0]);
}

/// More items than a block holds, straight from the parser.
#[test]
fn long_lists_come_back_in_order() {
    const ITEMS: u32 = 2 * 32_768 + 1;
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let list = sent(0..ITEMS);
    let stored = list.put(&store).unwrap();
    let endings: Vec<_> = (0..ITEMS).filter(|index| index % 3 == 0).map(end).collect();
    stored.ended(&endings).unwrap();
    let loaded = resumed(&store);
    let left: Vec<_> = (0..ITEMS).filter(|index| index % 3 != 0).collect();
    assert_eq!(waiting(&loaded), left);
    let same =
        |item: &Item<TrashRequest>| (item.hash, item.record) == list.items[item.index as usize];
    assert!(loaded.waiting.iter().all(same));
    assert_eq!(loaded.waiting.capacity(), left.len(), "room for what waits, and no more");
}

#[test]
fn an_item_ends_once_however_often_it_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let list = sent([1, 2]).put(&store).unwrap();
    list.ended(&[end(1), end(1)]).unwrap();
    list.ended(&[Ending { index: 1, outcome: Outcome::VolumeFailed }]).unwrap();
    assert_eq!(resumed(&store).ended, [(Outcome::Done, 1)].into());
}

#[test]
#[should_panic(expected = "item 2 is not on the list")]
fn an_item_that_is_not_on_the_list_cannot_end() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let list = sent([1, 2]).put(&store).unwrap();
    drop(list.ended(&[end(2)]));
}

/// An older version of the program, which knows fewer outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct OnlyDone;

impl Code for OnlyDone {
    fn code(self) -> OutcomeCode {
        Outcome::Done.code()
    }

    fn from_code(code: OutcomeCode) -> Option<Self> {
        (code == Outcome::Done.code()).then_some(OnlyDone)
    }
}

#[test]
fn an_outcome_that_is_not_known_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let list = sent([1, 2]).put(&store).unwrap();
    list.ended(&[end(0), Ending { index: 1, outcome: Outcome::VolumeFailed }]).unwrap();
    drop((list, store));
    let store = ListStore::<TrashRequest, OnlyDone>::open(directory.path()).unwrap();
    let error = store.load(T0, WEEK, |item| item).unwrap_err();
    let code = Outcome::VolumeFailed.code();
    assert!(
        matches!(&error, StoreError::UnknownCode { at: 10, code: found, .. } if *found == code),
        "{error}"
    );
    assert!(error.to_string().ends_with("outcome 2, reason 255"), "{error}");
}

#[test]
fn a_list_streams_from_the_parser_into_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let mut parser = TrashListParser::with_sink(Limits::default(), store.begin().unwrap());
    parser.feed(b"[{},{},{}]").unwrap();
    let parsed = parser.finish().unwrap();
    assert_eq!(parsed.items.count(), 3);
    let receipt = Receipt { count: 3, names: parsed.names, ..sent([]).receipt(1) };
    parsed.items.commit(receipt, Standing::Open).unwrap();
    assert_eq!(waiting(&resumed(&store)), [0, 1, 2]);
}
