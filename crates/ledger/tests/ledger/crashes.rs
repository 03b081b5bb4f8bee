//! What a crash leaves is repaired, and reported.

use std::fs;

use ledger::{Flaw, RecordNumber};

use crate::fixture::{Dir, NO_ROTATION, SMALL, record};

/// Leaves `rest` after three records, then opens and appends.
#[track_caller]
fn check_repair(rest: &[u8], text: &str) {
    let dir = Dir::with(NO_ROTATION, 3);
    let whole = fs::metadata(dir.last_file()).unwrap().len();
    Dir::change(&dir.last_file(), |content| content.extend_from_slice(rest));
    let torn = dir.verify();
    assert_eq!(torn.problems[0].what, Flaw::Torn);
    assert_eq!((torn.records, torn.problems[0].byte), (3, whole));
    assert_eq!(dir.records().len(), 3, "a reader takes it for a record that is being written");

    let opened = dir.append(NO_ROTATION, &[record(4)]);
    let repaired = opened.repaired.unwrap();
    assert_eq!((repaired.byte, repaired.bytes), (whole, rest.len() as u64));
    assert_eq!(repaired.text, text);
    assert_eq!(opened.head.record, Some(RecordNumber(3)));
    assert_eq!(dir.records(), (1..=4).map(record).collect::<Vec<_>>());
    assert!(dir.verify().is_sound());
}

#[test]
fn a_torn_record_is_cut_off_and_reported() {
    check_repair(b"{\"n\":4,\"ti", "{\"n\":4,\"ti");
}

#[test]
fn zeros_after_a_power_loss_are_cut_off() {
    check_repair(&[0; 100_000], "");
}

#[test]
fn a_torn_record_before_zeros_is_cut_off() {
    let rest = [b"{\"n\":4".to_vec(), vec![0; 20_000]].concat();
    check_repair(&rest, "{\"n\":4");
}

#[test]
fn a_torn_record_that_is_no_text_is_cut_off() {
    check_repair(b"{\xff", "{\u{fffd}");
}

#[test]
fn a_file_without_a_header_is_begun_again() {
    for keep in [0, 1, 100] {
        let dir = Dir::with(SMALL, 4);
        Dir::change(&dir.last_file(), |content| content.truncate(keep));
        let opened = dir.append(SMALL, &[record(3)]);
        assert_eq!(opened.repaired.unwrap().bytes, keep as u64);
        assert_eq!((opened.file.0, opened.head.record), (2, Some(RecordNumber(2))));
        assert_eq!(dir.records(), (1..=3).map(record).collect::<Vec<_>>());
        assert!(dir.verify().is_sound());
    }
}

#[test]
fn the_first_file_without_a_header_is_begun_again() {
    let dir = Dir::with(SMALL, 1);
    Dir::change(&dir.last_file(), |content| content.truncate(10));
    let opened = dir.append(SMALL, &[record(1)]);
    assert!(opened.repaired.is_some());
    assert_eq!(dir.records(), [record(1)]);
    assert!(dir.verify().is_sound());
}

/// It has no name yet that counts.
#[test]
fn a_file_that_was_being_begun_is_begun_again() {
    let dir = Dir::with(SMALL, 2);
    fs::write(dir.path().join("ledger-00000002.new"), "{\"donjon_led").unwrap();
    let opened = dir.append(SMALL, &[record(3)]);
    assert_eq!(opened.repaired, None);
    assert_eq!(dir.files().len(), 2);
    assert_eq!(dir.records(), (1..=3).map(record).collect::<Vec<_>>());
    assert!(dir.verify().is_sound());
}
