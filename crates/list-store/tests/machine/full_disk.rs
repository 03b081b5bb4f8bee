//! A disk that is really full, at every point at which a list can meet that.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use keep_protocol::list::{Limits, TrashListParser};
use keep_rules::BlockHash;
use list_store::{Ending, Standing, StoreError};
use testkit::mounted::Mounted;

use crate::given::{Outcome, Store, resumed, sent, waiting};

const ITEMS: u32 = 70_000;

/// Fills the disk but for so many bytes.
///
/// A tmpfs counts its pages roughly while several cores use it, and may refuse one too early: so it is asked again, until
/// it says that no more than that is left.
fn fill(disk: &Path, left: u64) {
    let mut filler = File::create(disk.join("filler")).unwrap();
    loop {
        while filler.write_all(&[1; 4096]).is_ok() {}
        let length = filler.metadata().unwrap().len();
        filler.set_len(length.saturating_sub(left)).unwrap();
        if free(disk) <= left {
            return;
        }
        filler.seek(SeekFrom::End(0)).unwrap();
    }
}

/// Removes what [`fill`] wrote. A program that another test starts holds all our open files for the moment between its
/// fork and its exec, and with them the room of those that are removed: so this waits until so many bytes are free.
fn empty(disk: &Path, room: u64) {
    fs::remove_file(disk.join("filler")).unwrap();
    while free(disk) < room {
        std::thread::yield_now();
    }
}

fn free(disk: &Path) -> u64 {
    let disk = rustix::fs::statvfs(disk).unwrap();
    disk.f_bavail * disk.f_bsize
}

fn files(disk: &Path) -> usize {
    fs::read_dir(disk).unwrap().count()
}

/// The new list is refused wherever the room ends, from its first byte to its state, and the old one stays.
#[test]
fn a_list_that_does_not_fit_is_refused_and_the_old_one_stays() {
    let point = tempfile::tempdir().unwrap();
    let disk = Mounted::tmpfs(point.path(), "8m");
    let store = Store::open(disk.path()).unwrap();
    let old = sent([1, 2, 3]).put(&store).unwrap();
    old.ended(&[Ending { index: 1, outcome: Outcome::Done }]).unwrap();
    let new = sent(0..ITEMS);
    let room = free(disk.path());
    let mut refused = 0;
    // A page at a time around the end, where the last block, the progress and the state are written.
    let needed = u64::from(ITEMS) * 32 / 4096;
    let rooms = [0, 1, needed / 2].into_iter().chain(needed - 2..needed + 8);
    for pages in rooms {
        fill(disk.path(), pages * 4096);
        let before = files(disk.path());
        match new.put(&store) {
            Err(StoreError::Full { .. }) => refused += 1,
            Err(other) => panic!("with {pages} pages left: {other}"),
            Ok(_stored) => break,
        }
        assert_eq!(files(disk.path()), before, "nothing of the new list is left");
        let loaded = resumed(&store);
        assert_eq!(waiting(&loaded), [0, 2], "with {pages} pages left");
        empty(disk.path(), room);
    }
    assert!(refused > 4, "hardly any room was too little: {refused}");
    assert_eq!(resumed(&store).waiting.len(), ITEMS as usize, "in the end there was room");
    drop((store, old));
    assert_eq!(resumed(&Store::open(disk.path()).unwrap()).waiting.len(), ITEMS as usize);
}

/// The parser cannot be told to stop: the draft keeps the error, and what could be written does not become a list.
#[test]
fn a_draft_that_failed_while_it_was_fed_is_no_list() {
    let point = tempfile::tempdir().unwrap();
    let disk = Mounted::tmpfs(point.path(), "3m");
    let store = Store::open(disk.path()).unwrap();
    sent([1]).put(&store).unwrap();
    let mut parser = TrashListParser::with_sink(Limits::default(), store.begin().unwrap());
    parser.feed(b"[{}").unwrap();
    for _item in 0..200_000 {
        parser.feed(b",{}").unwrap();
    }
    parser.feed(b"]").unwrap();
    let parsed = parser.finish().unwrap();
    assert!(matches!(parsed.items.failure(), Some(StoreError::Full { .. })));
    assert!(parsed.items.count() < parsed.count);
    let refused = parsed.items.commit(sent([]).receipt(2), Standing::Open);
    assert!(matches!(refused, Err(StoreError::Full { .. })), "{refused:?}");
    assert_eq!(waiting(&resumed(&store)), [0]);
}

#[test]
fn progress_and_orders_that_do_not_fit_are_refused_and_do_no_harm() {
    let point = tempfile::tempdir().unwrap();
    let disk = Mounted::tmpfs(point.path(), "4m");
    let store = Store::open(disk.path()).unwrap();
    let list = sent(0..1000).put(&store).unwrap();
    let end = |index| Ending { index, outcome: Outcome::Done };
    list.ended(&[end(0)]).unwrap();
    fill(disk.path(), 0);
    // More than the rest of the page: a part of it is written.
    let many: Vec<_> = (1..1000).map(end).collect();
    assert!(matches!(list.ended(&many), Err(StoreError::Full { .. })));
    let block = BlockHash::from_bytes(5_u128.to_be_bytes());
    assert!(matches!(list.remove(&[block]), Err(StoreError::Full { .. })));
    assert!(matches!(list.cancel(), Err(StoreError::Full { .. })));
    fs::remove_file(disk.path().join("filler")).unwrap();
    list.ended(&[end(7), end(8)]).unwrap();
    drop((list, store));

    let loaded = resumed(&Store::open(disk.path()).unwrap());
    assert_eq!(loaded.standing, Standing::Open);
    let not_ended = waiting(&loaded);
    assert!([0, 7, 8].iter().all(|index| !not_ended.contains(index)));
    assert_eq!(loaded.removed, 0);
    assert_eq!(loaded.ended[&Outcome::Done], 1000 - not_ended.len() as u64);
}
