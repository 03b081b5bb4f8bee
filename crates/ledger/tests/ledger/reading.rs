//! Readers, one after the other.

use std::time::Duration;

use ledger::{Entry, Filter, Flaw, LedgerError, ListId, Operation, read};

use crate::fixture::{Dir, NO_ROTATION, SMALL, T0, record};

#[track_caller]
fn check(filter: Filter, expected: &[u64]) {
    let dir = Dir::with(SMALL, 20);
    let entries: Vec<Entry> = read(dir.path(), filter).unwrap().map(Result::unwrap).collect();
    let numbers: Vec<u64> = entries.iter().map(|entry| entry.number.0).collect();
    assert_eq!(numbers, expected);
    assert!(entries.iter().all(|entry| entry.record == record(entry.number.0)));
}

#[test]
fn only_wanted_records_are_read() {
    let any = Filter::default();
    check(Filter { block: Some(record(7).block), ..any.clone() }, &[7]);
    check(Filter { list: Some(ListId(2)), ..any.clone() }, &[20]);
    check(Filter { operation: Some(Operation::Pull), ..any.clone() }, &[3, 7, 11, 15, 19]);
    let (since, until) = (T0.after(Duration::from_secs(5)), T0.after(Duration::from_secs(8)));
    check(Filter { since: Some(since), until: Some(until), ..any.clone() }, &[5, 6, 7]);
    check(Filter { mount: Some("another".parse().unwrap()), ..any }, &[]);
}

#[test]
fn an_empty_directory_has_no_records_and_a_missing_one_is_an_error() {
    let dir = Dir::new();
    assert_eq!(dir.entries(), []);
    assert_eq!(dir.verify(), ledger::Report::default());
    let missing = read(&dir.path().join("missing"), Filter::default());
    assert!(matches!(missing, Err(LedgerError::Io { .. })), "{missing:?}");
}

#[test]
fn a_reader_sees_what_was_appended_after_it_began() {
    let dir = Dir::new();
    let (ledger, _) = dir.open(SMALL);
    ledger.append(&record(1)).unwrap();
    let mut entries = read(dir.path(), Filter::default()).unwrap();
    assert_eq!(entries.next().unwrap().unwrap().record, record(1));
    for number in 2..=20 {
        ledger.append(&record(number)).unwrap();
        let entry = entries.next().unwrap().unwrap();
        assert_eq!(entry.record, record(number));
    }
    assert!(entries.next().is_none());
}

/// As a writer does that finds no room, and then finds some.
#[test]
fn half_a_record_is_not_joined_to_the_one_in_its_place() {
    for rotation in [NO_ROTATION, SMALL] {
        let (dir, other) = (Dir::with(NO_ROTATION, 2), Dir::with(NO_ROTATION, 2));
        other.append(NO_ROTATION, &[record(13)]);
        let half = &other.lines()[0][3][..150];
        Dir::change(&dir.last_file(), |content| content.extend_from_slice(half));
        let mut entries = read(dir.path(), Filter::default()).unwrap();
        assert_eq!(entries.next().unwrap().unwrap().record, record(1));
        dir.append(rotation, &[record(3)]);
        let rest: Vec<_> = entries.map(|entry| entry.unwrap().record).collect();
        assert_eq!(rest, [record(2), record(3)]);
    }
}

#[test]
fn a_damaged_line_is_an_error_and_hides_no_other() {
    let dir = Dir::with(SMALL, 6);
    let mut lines = dir.lines();
    lines[1][1] = b"hello\n".to_vec();
    lines[2][1].pop();
    lines[2].pop();
    dir.set_lines(&lines);
    // The torn line is in the last file, so it is none of the errors.
    let read: Vec<_> = read(dir.path(), Filter::default()).unwrap().collect();
    assert_eq!(read.len(), 4);
    match &read[2] {
        Err(LedgerError::Damaged(problem)) => {
            assert_eq!((problem.file.0, problem.line), (2, 2));
            assert_eq!(problem.what, Flaw::Unsealed);
        }
        other => panic!("{other:?}"),
    }
    let records: Vec<_> = read.into_iter().flatten().map(|entry| entry.record).collect();
    assert_eq!(records, [record(1), record(2), record(4)]);
}

#[test]
fn a_file_that_ends_early_is_an_error_when_another_follows() {
    let dir = Dir::with(SMALL, 4);
    Dir::change(&dir.files()[0], |content| content.truncate(content.len() - 1));
    let read: Vec<_> = read(dir.path(), Filter::default()).unwrap().collect();
    assert_eq!(read.len(), 4);
    match &read[1] {
        Err(LedgerError::Damaged(problem)) => assert_eq!(problem.what, Flaw::Torn),
        other => panic!("{other:?}"),
    }
}
