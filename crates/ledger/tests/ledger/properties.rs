//! Any records, spoiled in any way.

use std::fs;

use keep_rules::{BlockHash, Timestamp};
use ledger::{ChainValue, ListId, Operation, Outcome, Record, Rotation};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::fixture::{Dir, SMALL};

/// The lines of each file.
type Lines = Vec<Vec<Vec<u8>>>;

prop_compose! {
    fn any_record()(
        nanos: i64,
        operation in select(&Operation::ALL[..]),
        outcome in select(&Outcome::ALL[..]),
        digest: [u8; 16],
        size: Option<u64>,
        mtime: Option<i64>,
        mount in proptest::option::of("[^\\x00]{1,40}"),
        list: Option<u64>,
        reason in proptest::option::of("[a-z0-9_]{1,64}"),
    ) -> Record {
        Record {
            time: Timestamp::from_nanos(nanos),
            operation,
            block: BlockHash::from_bytes(digest),
            size,
            mtime: mtime.map(Timestamp::from_nanos),
            mount: mount.map(|mount| mount.parse().unwrap()),
            list: list.map(ListId),
            outcome,
            reason: reason.map(|reason| reason.parse().unwrap()),
        }
    }
}

fn any_records() -> impl Strategy<Value = Vec<Record>> {
    proptest::collection::vec(any_record(), 2..15)
}

fn any_rotation() -> impl Strategy<Value = Rotation> {
    (500_u64..3000).prop_map(|size| Rotation { size, age: None })
}

/// A ledger, and its head.
fn written(records: &[Record], rotation: Rotation) -> (Dir, ChainValue) {
    let dir = Dir::new();
    dir.append(rotation, records);
    let head = dir.entries().pop().unwrap().chain;
    (dir, head)
}

/// File and line of one of all lines.
fn pick(lines: &Lines, index: &Index) -> (usize, usize) {
    let places: Vec<_> = (0..lines.len())
        .flat_map(|file| (0..lines[file].len()).map(move |line| (file, line)))
        .collect();
    places[index.index(places.len())]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_record_is_read_as_it_was_appended(records in any_records(), rotation in any_rotation()) {
        let (dir, head) = written(&records, rotation);
        prop_assert_eq!(dir.records(), records.clone());
        let report = dir.verify_up_to(head);
        prop_assert!(report.is_sound(), "{:?}", report.problems);
        prop_assert_eq!(report.records, records.len() as u64);
        let lines: Vec<u8> = dir.lines().iter().flat_map(|lines| lines[1..].concat()).collect();
        let entries = dir.entries();
        let exported = entries.iter().map(|entry| serde_json::to_string(entry).unwrap() + "\n");
        prop_assert_eq!(exported.collect::<String>().into_bytes(), lines);
    }

    #[test]
    fn any_changed_byte_is_found(
        records in any_records(),
        rotation in any_rotation(),
        file in any::<Index>(),
        byte in any::<Index>(),
        mask in 1_u8..=u8::MAX,
    ) {
        let (dir, _) = written(&records, rotation);
        let files = dir.files();
        Dir::change(&files[file.index(files.len())], |content| {
            let at = byte.index(content.len());
            content[at] ^= mask;
        });
        prop_assert!(!dir.verify().is_sound());
    }

    #[test]
    fn any_removed_line_is_found(
        records in any_records(),
        rotation in any_rotation(),
        removed in any::<Index>(),
    ) {
        let (dir, head) = written(&records, rotation);
        let mut lines = dir.lines();
        let (file, line) = pick(&lines, &removed);
        // At the very end only the head can tell.
        let at_the_end = file + 1 == lines.len() && line + 1 == lines[file].len() && line > 0;
        lines[file].remove(line);
        dir.set_lines(&lines);
        prop_assert_eq!(dir.verify().is_sound(), at_the_end);
        prop_assert!(!dir.verify_up_to(head).is_sound());
    }

    #[test]
    fn any_swapped_lines_are_found(
        records in any_records(),
        rotation in any_rotation(),
        (one, other) in any::<(Index, Index)>(),
    ) {
        let (dir, _) = written(&records, rotation);
        let mut lines = dir.lines();
        let (one, other) = (pick(&lines, &one), pick(&lines, &other));
        prop_assume!(one != other);
        let kept = lines[one.0][one.1].clone();
        lines[one.0][one.1] = std::mem::replace(&mut lines[other.0][other.1], kept);
        dir.set_lines(&lines);
        prop_assert!(!dir.verify().is_sound());
    }

    #[test]
    fn any_line_put_in_is_found(
        records in any_records(),
        rotation in any_rotation(),
        (copied, place) in any::<(Index, Index)>(),
    ) {
        let (dir, _) = written(&records, rotation);
        let mut lines = dir.lines();
        let (from, (file, line)) = (pick(&lines, &copied), pick(&lines, &place));
        let copy = lines[from.0][from.1].clone();
        lines[file].insert(line + 1, copy);
        dir.set_lines(&lines);
        prop_assert!(!dir.verify().is_sound());
    }

    /// What is left is a beginning of what was there, and the ledger goes on after it.
    #[test]
    fn any_cut_at_the_end_is_repaired(
        records in any_records(),
        rotation in any_rotation(),
        more in any_record(),
        cut in any::<Index>(),
    ) {
        let (dir, _) = written(&records, rotation);
        let content = fs::read(dir.last_file()).unwrap();
        let kept = &content[..cut.index(content.len())];
        fs::write(dir.last_file(), kept).unwrap();
        let whole = kept.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);

        let opened = dir.append(rotation, std::slice::from_ref(&more));
        let torn = opened.repaired.map(|torn| (torn.byte, torn.bytes));
        let expected = (whole < kept.len() || whole == 0)
            .then_some((whole as u64, (kept.len() - whole) as u64));
        prop_assert_eq!(torn, expected);
        let left = dir.records();
        let (last, before) = left.split_last().unwrap();
        prop_assert_eq!(last, &more);
        prop_assert_eq!(before, &records[..before.len()]);
        let report = dir.verify_up_to(opened.head.chain);
        prop_assert!(report.is_sound(), "{:?}", report.problems);
    }
}

/// Not a sample: every byte of a ledger of three files.
#[test]
fn every_single_byte_matters() {
    let dir = Dir::with(SMALL, 5);
    for file in dir.files() {
        let content = fs::read(&file).unwrap();
        for at in 0..content.len() {
            let mut changed = content.clone();
            changed[at] ^= 1;
            fs::write(&file, changed).unwrap();
            assert!(!dir.verify().is_sound(), "byte {at} of {}", file.display());
        }
        fs::write(&file, content).unwrap();
    }
    assert!(dir.verify().is_sound());
}
