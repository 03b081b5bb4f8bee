//! Files end, the chain does not.

use std::fs;
use std::time::Duration;

use ledger::{ChainValue, Ledger, RecordNumber, Rotation};

use crate::fixture::{Dir, NO_ROTATION, SMALL, T0, record};

#[test]
fn the_chain_is_unbroken_across_files() {
    let dir = Dir::with(SMALL, 20);
    let report = dir.verify();
    assert!(report.is_sound() && report.is_complete(), "{report:?}");
    assert_eq!((report.files, report.records), (10, 20));
    assert_eq!(dir.records(), (1..=20).map(record).collect::<Vec<_>>());
}

#[test]
fn a_file_outgrows_its_size_by_one_line_at_most() {
    let dir = Dir::with(SMALL, 20);
    for file in dir.files() {
        let content = fs::read(&file).unwrap();
        let last = content.split_inclusive(|byte| *byte == b'\n').next_back().unwrap().len();
        assert!(((content.len() - last) as u64) < SMALL.size, "{}", file.display());
    }
}

#[test]
fn a_file_ends_at_its_age() {
    let dir = Dir::new();
    let rotation = Rotation { age: Some(Duration::from_secs(10)), ..NO_ROTATION };
    dir.append(rotation, &[record(1), record(9), record(10), record(19), record(20)]);
    let entries = dir.entries();
    let files: Vec<u64> = entries.iter().map(|entry| entry.file.0).collect();
    assert_eq!(files, [1, 1, 2, 2, 3]);
}

/// Else a size that the header alone reaches would begin files without end.
#[test]
fn every_file_that_ended_holds_a_record() {
    let dir = Dir::with(Rotation { size: 1, age: Some(Duration::ZERO) }, 3);
    assert_eq!(dir.files().len(), 3);
    assert!(dir.verify().is_sound());
}

#[test]
fn the_oldest_files_may_be_deleted() {
    let dir = Dir::with(SMALL, 10);
    let files = dir.files();
    fs::remove_file(&files[0]).unwrap();
    fs::remove_file(&files[1]).unwrap();
    let report = dir.verify();
    assert!(report.is_sound() && !report.is_complete(), "{report:?}");
    assert_eq!(report.first_file.unwrap().0, 3);
    assert_ne!(report.first_chain, Some(ChainValue::START));
    assert_eq!(report.records, 6);
    let opened = dir.append(SMALL, &[record(11)]);
    assert_eq!(opened.head.record, Some(RecordNumber(10)));
    assert_eq!(dir.records(), (5..=11).map(record).collect::<Vec<_>>());
    assert!(dir.verify().is_sound());
}

#[test]
fn all_files_but_the_last_may_be_deleted() {
    let dir = Dir::with(SMALL, 10);
    for file in &dir.files()[..4] {
        fs::remove_file(file).unwrap();
    }
    dir.append(SMALL, &[record(11), record(12)]);
    assert_eq!(dir.records(), (9..=12).map(record).collect::<Vec<_>>());
    assert!(dir.verify().is_sound());
}

#[test]
fn a_renamed_node_begins_a_file_of_its_own() {
    let dir = Dir::with(NO_ROTATION, 2);
    let (ledger, opened) = Ledger::open(dir.path(), "keep1.example", T0).unwrap();
    assert_eq!(opened.file.0, 2);
    ledger.append(&record(3)).unwrap();
    assert!(dir.verify().is_sound());
    let headers: Vec<_> = dir.lines().into_iter().map(|lines| lines[0].clone()).collect();
    for (header, node) in headers.iter().zip(["keep0.example", "keep1.example"]) {
        assert!(str::from_utf8(header).unwrap().contains(node));
    }
}
