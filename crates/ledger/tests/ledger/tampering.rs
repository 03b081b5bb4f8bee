//! Each kind of tampering, and what is said of it.

use std::fs;

use ledger::{Flaw, PROBLEMS_MAX, Problem, RecordNumber};

use crate::fixture::{Dir, NO_ROTATION, SMALL, record};

/// Two records in each of three files.
fn ledger() -> Dir {
    Dir::with(SMALL, 6)
}

#[track_caller]
fn check(dir: &Dir, file: u64, line: u64, what: &Flaw) {
    let report = dir.verify();
    let Some(Problem { file: in_file, line: in_line, what: flaw, .. }) = report.problems.first()
    else {
        panic!("nothing was found");
    };
    assert_eq!((in_file.0, *in_line, flaw), (file, line, what), "{:?}", report.problems);
}

/// Changes the lines of all files.
fn tamper(change: impl FnOnce(&mut Vec<Vec<Vec<u8>>>)) -> Dir {
    let dir = ledger();
    let mut lines = dir.lines();
    change(&mut lines);
    dir.set_lines(&lines);
    dir
}

#[test]
fn an_untouched_ledger_is_sound() {
    let report = tamper(|_lines| {}).verify();
    assert!(report.is_sound(), "{:?}", report.problems);
}

#[test]
fn a_changed_record_is_one_problem() {
    let dir = tamper(|lines| {
        let text = String::from_utf8(lines[1][1].clone()).unwrap();
        lines[1][1] = text.replace("done", "fail").into_bytes();
    });
    check(&dir, 2, 2, &Flaw::Altered);
    assert_eq!(dir.verify().problems_total, 1, "the others are as they were");
}

/// A forger who knows the format, but stops after one line.
#[test]
fn a_forged_record_with_the_right_chain_value_breaks_the_next_line() {
    let (dir, other) = (Dir::with(NO_ROTATION, 3), Dir::new());
    other.append(NO_ROTATION, &[record(1), record(12)]);
    let mut lines = dir.lines();
    lines[0][2].clone_from(&other.lines()[0][2]);
    dir.set_lines(&lines);
    check(&dir, 1, 4, &Flaw::Altered);
}

#[test]
fn a_removed_record_is_found() {
    let dir = tamper(|lines| {
        lines[1].remove(1);
    });
    check(&dir, 2, 2, &Flaw::Altered);
}

#[test]
fn a_record_put_in_is_found() {
    let dir = tamper(|lines| {
        let again = lines[1][1].clone();
        lines[2].insert(1, again);
    });
    check(&dir, 3, 2, &Flaw::Altered);
}

#[test]
fn swapped_records_are_found() {
    let dir = tamper(|lines| lines[1].swap(1, 2));
    check(&dir, 2, 2, &Flaw::Altered);
}

#[test]
fn records_removed_from_the_end_of_a_file_are_found() {
    let dir = tamper(|lines| {
        lines[1].pop();
    });
    check(&dir, 3, 1, &Flaw::Discontinued);
}

#[test]
fn a_removed_header_is_found() {
    let dir = tamper(|lines| {
        lines[1].remove(0);
    });
    check(&dir, 2, 1, &Flaw::NoHeader);
}

#[test]
fn an_emptied_file_is_found() {
    check(&tamper(|lines| lines[1].clear()), 2, 1, &Flaw::NoHeader);
    check(&tamper(|lines| lines[2].clear()), 3, 1, &Flaw::NoHeader);
}

#[test]
fn a_missing_file_in_the_middle_is_found() {
    let dir = ledger();
    fs::remove_file(&dir.files()[1]).unwrap();
    check(&dir, 3, 1, &Flaw::FilesMissing { missing: 1 });
}

#[test]
fn a_file_renamed_to_hide_a_missing_one_is_found() {
    let dir = ledger();
    let files = dir.files();
    fs::rename(&files[2], &files[1]).unwrap();
    check(&dir, 2, 1, &Flaw::Misnamed(ledger::FileNumber(3)));
}

#[test]
fn a_first_file_that_is_none_is_found() {
    let dir = ledger();
    let files = dir.files();
    fs::remove_file(&files[0]).unwrap();
    fs::rename(&files[1], &files[0]).unwrap();
    check(&dir, 1, 1, &Flaw::Misnamed(ledger::FileNumber(2)));
}

#[test]
fn a_file_of_another_ledger_is_found() {
    let other = Dir::new();
    other.append(SMALL, &(11..=14).map(record).collect::<Vec<_>>());
    let dir = tamper(|lines| lines[1].clone_from(&other.lines()[1]));
    check(&dir, 2, 1, &Flaw::Discontinued);
}

#[test]
fn what_no_ledger_writes_is_found() {
    check(&tamper(|lines| lines[0].push(b"hello\n".to_vec())), 1, 4, &Flaw::Unsealed);
    check(&tamper(|lines| lines[0].push(vec![b'\n'])), 1, 4, &Flaw::Unsealed);
    let long = [vec![b' '; 5000], vec![b'\n']].concat();
    check(&tamper(|lines| lines[0].push(long)), 1, 4, &Flaw::TooLong);
    check(&tamper(|lines| lines[2].push(vec![0; 5000])), 3, 4, &Flaw::Torn);
}

#[test]
fn records_cut_off_the_end_are_found_by_the_head_alone() {
    let dir = ledger();
    let head = dir.entries().pop().unwrap().chain;
    assert!(dir.verify_up_to(head).is_sound());
    for file in [None, dir.files().pop()] {
        match file {
            None => Dir::change(&dir.last_file(), |content| {
                let last = content[..content.len() - 1].iter().rposition(|byte| *byte == b'\n');
                content.truncate(last.unwrap() + 1);
            }),
            Some(last) => fs::remove_file(last).unwrap(),
        }
        assert!(dir.verify().is_sound(), "the chain alone cannot tell");
        let report = dir.verify_up_to(head);
        assert_eq!(report.problems_total, 1);
        assert_eq!(report.problems[0].what, Flaw::HeadMissing);
    }
}

#[test]
fn a_ledger_that_is_gone_has_not_the_head() {
    let head = ledger().entries().pop().unwrap().chain;
    let report = Dir::new().verify_up_to(head);
    assert_eq!(report.problems[0].what, Flaw::HeadMissing);
}

#[test]
fn a_head_noted_earlier_still_serves() {
    let dir = ledger();
    for entry in dir.entries() {
        assert!(dir.verify_up_to(entry.chain).is_sound(), "record {}", entry.number);
    }
}

#[test]
fn a_ledger_written_anew_has_not_the_head() {
    let dir = Dir::with(NO_ROTATION, 3);
    let head = dir.entries().pop().unwrap().chain;
    let other = Dir::new();
    other.append(NO_ROTATION, &[record(1), record(2), record(4)]);
    assert!(other.verify().is_sound());
    assert!(!other.verify_up_to(head).is_sound());
    assert_eq!(other.entries()[2].number, RecordNumber(3));
}

#[test]
fn the_report_of_a_spoiled_ledger_is_bounded() {
    let dir = Dir::with(NO_ROTATION, 1);
    Dir::change(&dir.last_file(), |content| content.extend([b'\n'; 3000]));
    let report = dir.verify();
    assert_eq!((report.problems.len(), report.problems_total), (PROBLEMS_MAX, 3000));
}
