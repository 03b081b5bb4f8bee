//! Who may append, and to what.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use ledger::{Flaw, Ledger, LedgerError};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

use crate::fixture::{Dir, NO_ROTATION, NODE, SMALL, T0, record};

fn refusal(dir: &Dir) -> LedgerError {
    Ledger::open_rotating(dir.path(), NODE, SMALL, T0).map(|(_, opened)| opened).unwrap_err()
}

#[track_caller]
fn assert_damaged(dir: &Dir, file: u64, line: u64, what: &Flaw) {
    let before = dir.lines();
    let refused = refusal(dir);
    let LedgerError::Damaged(problem) = refused else { panic!("{refused:?}") };
    assert_eq!((problem.file.0, problem.line), (file, line), "{problem}");
    assert_eq!(&problem.what, what);
    assert_eq!(dir.lines(), before, "a refused ledger is left as it is");
}

#[test]
fn a_ledger_has_one_writer() {
    let dir = Dir::new();
    let (ledger, _) = dir.open(NO_ROTATION);
    let refused = refusal(&dir);
    assert!(matches!(refused, LedgerError::InUse { .. }), "{refused:?}");
    ledger.append(&record(1)).unwrap();
    drop(ledger);
    dir.append(NO_ROTATION, &[record(2)]);
    assert_eq!(dir.records(), [record(1), record(2)]);
}

#[test]
fn the_directory_is_created_but_not_its_parent() {
    let dir = Dir::new();
    let missing = dir.path().join("ledger");
    Ledger::open(&missing, NODE, T0).unwrap();
    let refused = Ledger::open(&dir.path().join("no/ledger"), NODE, T0).map(|_| ()).unwrap_err();
    assert!(matches!(refused, LedgerError::Io { .. }), "{refused:?}");
}

/// Permissions count for this thread from now on, also if it is root's.
fn be_no_root() {
    let mut sets = capabilities(None).unwrap();
    sets.effective -= CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
    set_capabilities(None, sets).unwrap();
}

/// A process that was killed may have made it, and not synced it.
#[test]
fn a_directory_that_is_there_is_made_durable_too() {
    let parent = Dir::new();
    let dir = parent.path().join("ledger");
    let open = || Ledger::open(&dir, NODE, T0).map(|_opened| ());
    open().unwrap();
    // Its parent can be passed through, and cannot be opened to be synced.
    fs::set_permissions(parent.path(), Permissions::from_mode(0o300)).unwrap();
    let refused = std::thread::scope(|scope| {
        let unsyncable = scope.spawn(|| {
            be_no_root();
            open()
        });
        unsyncable.join().unwrap()
    });
    fs::set_permissions(parent.path(), Permissions::from_mode(0o700)).unwrap();
    assert!(matches!(refused, Err(LedgerError::Io { .. })), "{refused:?}");
    open().unwrap();
}

#[test]
fn a_changed_last_record_is_not_continued() {
    let dir = Dir::with(NO_ROTATION, 3);
    Dir::change(&dir.last_file(), |content| {
        let at = content.windows(6).rposition(|text| text == b"\"done\"").unwrap();
        content.splice(at..at + 6, *b"\"gone\"");
    });
    assert_damaged(&dir, 1, 4, &Flaw::Altered);
}

#[test]
fn a_last_line_that_is_no_record_is_not_continued() {
    let dir = Dir::with(NO_ROTATION, 3);
    Dir::change(&dir.last_file(), |content| content.extend_from_slice(b"hello\n"));
    assert_damaged(&dir, 1, 5, &Flaw::Unsealed);
}

#[test]
fn more_than_a_torn_record_is_not_cut_off() {
    let dir = Dir::with(NO_ROTATION, 3);
    Dir::change(&dir.last_file(), |content| content.extend_from_slice(&[b'x'; 5000]));
    assert_damaged(&dir, 1, 5, &Flaw::TooLong);
}

#[test]
fn a_file_of_another_format_is_not_continued() {
    let dir = Dir::with(NO_ROTATION, 3);
    let mut lines = dir.lines();
    let header = String::from_utf8(lines[0][0].clone()).unwrap();
    lines[0][0] = header.replace("\"donjon_ledger\":1", "\"donjon_ledger\":2").into_bytes();
    dir.set_lines(&lines);
    assert_damaged(&dir, 1, 1, &Flaw::UnknownFormat(2));
}

#[test]
fn a_renamed_file_is_not_continued() {
    let dir = Dir::with(NO_ROTATION, 3);
    fs::rename(dir.last_file(), dir.path().join("ledger-00000002.jsonl")).unwrap();
    assert_damaged(&dir, 2, 1, &Flaw::Misnamed(ledger::FileNumber(1)));
}

#[test]
fn a_header_without_records_must_follow_from_the_file_before() {
    let dir = Dir::with(SMALL, 4);
    let mut lines = dir.lines();
    lines[1].truncate(1);
    lines[0].pop();
    dir.set_lines(&lines);
    assert_damaged(&dir, 2, 1, &Flaw::Discontinued);
}

#[test]
fn a_file_without_a_header_needs_the_one_before() {
    let dir = Dir::with(SMALL, 4);
    fs::write(dir.last_file(), "").unwrap();
    fs::remove_file(&dir.files()[0]).unwrap();
    assert_damaged(&dir, 2, 1, &Flaw::NoHeader);
}

#[test]
fn a_node_of_too_long_a_name_is_refused() {
    let dir = Dir::new();
    let refused = Ledger::open(dir.path(), &"n".repeat(5000), T0).map(|_| ()).unwrap_err();
    assert!(matches!(refused, LedgerError::LineTooLong { .. }), "{refused:?}");
    assert!(dir.files().is_empty());
}
