//! Processes that are killed, that come second, and that may not write large files.
//!
//! A program of its own, because it starts itself: with `append DIR` it appends until it cannot, and prints the number
//! of every record. With `--list` it lists its tests, as test runners expect.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use keep_rules::{BlockHash, Timestamp};
use ledger::{Filter, Ledger, LedgerError, Operation, Outcome, Record, Rotation};

const TESTS: [(&str, fn()); 3] = [
    ("what_was_appended_outlives_sigkill", what_was_appended_outlives_sigkill),
    ("a_second_process_is_refused", a_second_process_is_refused),
    (
        "a_record_that_finds_no_room_leaves_a_whole_one",
        a_record_that_finds_no_room_leaves_a_whole_one,
    ),
];

const T0: Timestamp = Timestamp::from_seconds(1_800_000_000);
/// What the appender prints before it ends because there is no room.
const FULL: &str = "full";
/// What it prints if another one has the ledger.
const IN_USE: &str = "in use";

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["append", dir, size] => append(Path::new(dir), size.parse().unwrap()),
        _ if arguments.contains(&"--list") => {
            TESTS.iter().for_each(|(name, _)| println!("{name}: test"));
        }
        _ => {
            for (name, test) in TESTS {
                test();
                println!("test {name} ... ok");
            }
        }
    }
}

fn record(number: u64) -> Record {
    let record = Record::new(T0, Operation::Trash, BlockHash::EMPTY, Outcome::Done);
    Record { size: Some(number), ..record }
}

fn open(dir: &Path, size: u64) -> Result<(Ledger, ledger::Opened), LedgerError> {
    Ledger::open_rotating(dir, "keep0", Rotation { size, age: None }, T0)
}

/// The appender.
fn append(dir: &Path, size: u64) {
    let ledger = match open(dir, size) {
        Ok((ledger, _)) => ledger,
        Err(LedgerError::InUse { .. }) => return println!("{IN_USE}"),
        Err(error) => panic!("{error}"),
    };
    for number in 1.. {
        match ledger.append(&record(number)) {
            Ok(appended) => println!("{appended}"),
            Err(LedgerError::Full { .. }) => return println!("{FULL}"),
            Err(error) => panic!("{error}"),
        }
    }
}

/// An appender, started by a shell command that is given its program and arguments.
fn start(shell: &str, dir: &Path, size: u64) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new("sh")
        .args(["-c", shell])
        .arg(std::env::current_exe().unwrap())
        .args(["append", dir.to_str().unwrap(), &size.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    (child, output)
}

const PLAINLY: &str = "exec \"$0\" \"$@\"";

/// The ledger holds the records 1, 2 and so on; returns how many.
fn check(dir: &Path) -> u64 {
    let report = ledger::verify(dir, None).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
    let entries = ledger::read(dir, Filter::default()).unwrap();
    let records: Vec<_> = entries.map(|entry| entry.unwrap().record).collect();
    let count = records.len() as u64;
    assert_eq!(records, (1..=count).map(record).collect::<Vec<_>>());
    count
}

fn what_was_appended_outlives_sigkill() {
    for printed_before in [1, 20, 333, 1000] {
        let dir = tempfile::tempdir().unwrap();
        let (mut child, mut output) = start(PLAINLY, dir.path(), 2000);
        let mut line = String::new();
        for _record in 0..printed_before {
            line.clear();
            assert!(output.read_line(&mut line).unwrap() > 0, "the appender ended");
        }
        child.kill().unwrap();
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        child.wait().unwrap();
        // Numbers without their newline may be half printed.
        let printed = printed_before + rest.matches('\n').count() as u64;
        drop(open(dir.path(), 2000).unwrap());
        let count = check(dir.path());
        assert!(count >= printed, "{printed} were acknowledged, {count} are there");
    }
}

fn a_second_process_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(dir.path(), 2000).unwrap();
    ledger.append(&record(1)).unwrap();
    let (mut child, mut output) = start(PLAINLY, dir.path(), 2000);
    let mut printed = String::new();
    output.read_to_string(&mut printed).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(printed.trim_end(), IN_USE);
    ledger.append(&record(2)).unwrap();
    assert_eq!(check(dir.path()), 2);
}

/// The limit lies within a record, so the kernel takes a part of it. The next file finds room: it is a new one.
fn a_record_that_finds_no_room_leaves_a_whole_one() {
    let dir = tempfile::tempdir().unwrap();
    // Files of eight blocks of 512 bytes. The signal would end the process; it is left to see the error instead.
    let limited = format!("trap '' XFSZ; ulimit -f 8; {PLAINLY}");
    let (mut child, mut output) = start(&limited, dir.path(), u64::MAX);
    let mut printed = String::new();
    output.read_to_string(&mut printed).unwrap();
    assert!(child.wait().unwrap().success());
    let (last, numbers) = printed.lines().collect::<Vec<_>>().split_last().map_or_else(
        || panic!("the appender printed nothing"),
        |(last, numbers)| (*last, numbers.len() as u64),
    );
    assert_eq!(last, FULL);
    assert!(numbers > 1);
    let length = std::fs::metadata(dir.path().join("ledger-00000001.jsonl")).unwrap().len();
    assert!(length < 8 * 512, "the part of a record that fitted is cut off");
    assert_eq!(check(dir.path()), numbers);

    let (ledger, opened) = open(dir.path(), 1).unwrap();
    assert_eq!(opened.repaired, None);
    ledger.append(&record(numbers + 1)).unwrap();
    assert_eq!(check(dir.path()), numbers + 1);
}
