//! What is appended can be read, and checked by other programs.

use std::io::Write;
use std::process::{Command, Stdio};

use keep_rules::MountUuid;
use ledger::{ChainValue, LINE_BYTES_MAX, LedgerError, Record, RecordNumber};

use crate::fixture::{Dir, NO_ROTATION, SMALL, record};

#[test]
fn records_are_read_as_they_were_appended() {
    let dir = Dir::new();
    let (ledger, opened) = dir.open(NO_ROTATION);
    assert_eq!((opened.head.record, opened.repaired), (None, None));
    for number in 1..=20 {
        assert_eq!(ledger.append(&record(number)).unwrap(), RecordNumber(number));
    }
    ledger.sync().unwrap();
    assert_eq!(dir.records(), (1..=20).map(record).collect::<Vec<_>>());
    let last = dir.entries().pop().unwrap();
    assert_eq!((last.number, last.line), (RecordNumber(20), 21));
    assert_eq!(Some(last.number), ledger.head().record);
    assert_eq!(last.chain, ledger.head().chain);
}

#[test]
fn a_closed_ledger_goes_on_where_it_ended() {
    let dir = Dir::with(NO_ROTATION, 3);
    let opened = dir.append(NO_ROTATION, &[record(4)]);
    assert_eq!(opened.head.record, Some(RecordNumber(3)));
    assert_eq!(opened.repaired, None);
    assert_eq!(dir.records(), (1..=4).map(record).collect::<Vec<_>>());
    let report = dir.verify();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.files, report.records), (1, 4));
    assert_eq!(report.first_chain, Some(ChainValue::START));
}

#[test]
fn an_entry_is_serialized_as_its_line() {
    let dir = Dir::with(NO_ROTATION, 3);
    let lines = dir.lines().concat();
    for (entry, line) in dir.entries().iter().zip(&lines[1..]) {
        assert_eq!(serde_json::to_string(entry).unwrap() + "\n", str::from_utf8(line).unwrap());
    }
}

/// The documented format, checked with nothing of ours.
#[test]
fn sha256sum_comes_to_the_same_chain() {
    let dir = Dir::with(SMALL, 4);
    let mut previous = "0".repeat(64);
    for line in dir.lines().concat() {
        let line = String::from_utf8(line).unwrap();
        let (body, chain) = line.trim_end().rsplit_once(",\"chain\":").unwrap();
        previous = sha256sum(&format!("{previous}{body}}}"));
        assert_eq!(chain, format!("\"{previous}\"}}"));
    }
}

fn sha256sum(text: &str) -> String {
    let mut child =
        Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap().stdout;
    String::from_utf8(output).unwrap()[..64].to_owned()
}

#[test]
fn a_record_that_makes_too_long_a_line_is_refused_and_harms_nothing() {
    let dir = Dir::new();
    let (ledger, _) = dir.open(NO_ROTATION);
    ledger.append(&record(1)).unwrap();
    let mount: MountUuid = "m".repeat(LINE_BYTES_MAX).parse().unwrap();
    let refused = ledger.append(&Record { mount: Some(mount), ..record(2) });
    assert!(matches!(refused, Err(LedgerError::LineTooLong { .. })), "{refused:?}");
    assert_eq!(ledger.append(&record(2)).unwrap(), RecordNumber(2));
    assert_eq!(dir.records(), [record(1), record(2)]);
    assert!(dir.verify().is_sound());
}
