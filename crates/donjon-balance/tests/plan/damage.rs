//! Plans that are not what was written: never believed, never a panic.

use std::fs;
use std::path::Path;

use donjon_balance::plan::{Entry, LINE_BYTES_MAX, PlanError, PlanFile, Sha256Digest};
use sha2::{Digest, Sha256};

use crate::given::{Given, entry, hash, header, kept, plan, pull, quick_directory, read, trashed};

fn some_entries() -> Vec<Entry> {
    let mut entries: Vec<Entry> = (0..4).map(|number| entry(hash(number))).collect();
    entries[0].replicas = vec![kept(0, 5), trashed(2, 6, 1)];
    entries[1].pulls = vec![pull(1, &[1, 2], 0)];
    entries[1].wanted = [("default".to_owned(), 2)].into();
    entries[2].lost = Some("no_replica".parse().unwrap());
    entries[3].report = vec!["unknown_class".parse().unwrap()];
    entries.sort_by_key(|entry| entry.block.hash);
    entries
}

fn given() -> Given {
    plan(header(), &some_entries())
}

/// Reads all of it, in both ways.
#[track_caller]
fn refused(path: &Path, damage: &str) {
    for outcome in [read(path).map(drop), PlanFile::open(path).and_then(|mut file| file.verify())] {
        match outcome {
            Err(PlanError::Damaged { .. } | PlanError::Version { .. }) => {}
            Err(other) => panic!("{damage}: {other}"),
            Ok(()) => panic!("{damage}: it was believed"),
        }
    }
}

#[test]
fn every_changed_byte_is_found() {
    let given = given();
    let whole = fs::read(&given.path).unwrap();
    for at in 0..whole.len() {
        for change in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
            let mut bytes = whole.clone();
            bytes[at] ^= change;
            fs::write(&given.path, bytes).unwrap();
            refused(&given.path, &format!("byte {at} changed by {change}"));
        }
    }
}

#[test]
fn every_truncation_and_every_addition_is_found() {
    let given = given();
    let whole = fs::read(&given.path).unwrap();
    for length in 0..whole.len() {
        fs::write(&given.path, &whole[..length]).unwrap();
        refused(&given.path, &format!("cut to {length} bytes"));
    }
    for more in [&b"\n"[..], b"x", b"{}\n", &whole] {
        fs::write(&given.path, [&whole, more].concat()).unwrap();
        refused(&given.path, "something behind its end");
    }
}

#[test]
fn every_line_left_out_or_exchanged_is_found() {
    let given = given();
    let whole = fs::read_to_string(&given.path).unwrap();
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    for one in 0..lines.len() {
        let mut without = lines.clone();
        without.remove(one);
        fs::write(&given.path, without.concat()).unwrap();
        refused(&given.path, &format!("without line {one}"));
        for other in one + 1..lines.len() {
            let mut exchanged = lines.clone();
            exchanged.swap(one, other);
            fs::write(&given.path, exchanged.concat()).unwrap();
            refused(&given.path, &format!("lines {one} and {other} exchanged"));
        }
    }
}

/// Looking up a block in a damaged plan may find nothing wrong, and says that it did not look at everything.
#[test]
fn looking_up_a_block_in_a_damaged_plan_never_panics() {
    let given = given();
    let whole = fs::read(&given.path).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        fs::write(&given.path, bytes).unwrap();
        let Ok(file) = PlanFile::open(&given.path) else {
            continue;
        };
        for number in 0..5 {
            let (Ok(_) | Err(PlanError::Damaged { .. })) = file.explain(hash(number)) else {
                panic!("byte {at}");
            };
        }
    }
}

/// A plan of these lines with the digest that they have.
fn sealed(lines: &str) -> String {
    let covered = format!("{lines},\"sha256\":\"");
    let digest = Sha256Digest(Sha256::digest(&covered).into());
    format!("{covered}{digest}\"}}\n")
}

/// The plan's text, edited and sealed again.
fn edited(given: &Given, edit: impl Fn(&str) -> String) {
    let text = fs::read_to_string(&given.path).unwrap();
    let (lines, _seal) = text.rsplit_once(",\"sha256\":\"").unwrap();
    let new = edit(lines);
    assert_ne!(new, lines, "nothing was edited");
    fs::write(&given.path, sealed(&new)).unwrap();
}

#[track_caller]
fn check_edited(find: &str, replace: &str, expected: &str) {
    let given = given();
    edited(&given, |text| text.replace(find, replace));
    let error = read(&given.path).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

/// Whoever edits a plan and seals it again does not get past the rules of plans.
#[test]
fn what_no_plan_may_say_is_refused_also_under_a_right_digest() {
    check_edited("\"mount\":2,\"mtime\":6", "\"mount\":4,\"mtime\":6", "which forbids it");
    check_edited("\"mount\":2,\"mtime\":6", "\"mount\":2,\"mtime\":1000", "it is new");
    check_edited("\"mount\":2,\"mtime\":6", "\"mount\":6,\"mtime\":6", "which the plan lacks");
    check_edited("\"to\":1,", "\"to\":5,", "cannot be written");
    check_edited("\"from\":[1,2]", "\"from\":[]", "from nowhere");
    check_edited("\"from\":[1,2]", "\"from\":[3]", "which the plan lacks");
    check_edited("\"trashes\":1,", "\"trashes\":2,", "totals");
    check_edited("\"entries\":4", "\"entries\":5", "totals");
    check_edited("\"end_mark\":true", "\"end_mark\":false", "no end mark");
    check_edited("\"lost\":\"no_replica\"", "\"lost\":\"No\"", "a reason is");
    check_edited("\"trash\":\"unreferenced\"", "\"keep\":\"unreferenced\"", "either `keep`");
    check_edited("+3\"", "+03\"", "a block is written as");
    check_edited("\"report\":", "\"hint\":", "unknown field");
}

#[test]
fn blocks_out_of_order_or_twice_are_refused_also_under_a_right_digest() {
    let swap = |text: &str, twice: bool| {
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        if twice {
            lines[2] = lines[1];
        } else {
            lines.swap(1, 2);
        }
        lines.concat()
    };
    for twice in [false, true] {
        let given = given();
        edited(&given, |text| swap(text, twice));
        let error = read(&given.path).unwrap_err().to_string();
        assert!(error.contains("sorted by hash"), "{error}");
    }
}

#[test]
fn errors_say_where() {
    let given = given();
    let text = fs::read_to_string(&given.path).unwrap();
    let first = text.split_inclusive('\n').next().unwrap().len();
    let at = text.find("\"mtime\":6").unwrap() + "\"mtime\":".len();
    edited(&given, |text| text.replace("\"mtime\":6", "\"mtime\":z"));
    let PlanError::Damaged { place, what, .. } = read(&given.path).unwrap_err() else {
        panic!("not damaged");
    };
    let line = text[..at].matches('\n').count() as u64 + 1;
    assert_eq!((place.line, place.byte), (Some(line), at as u64), "{what}");
    assert!(at > first, "the place is counted from the beginning of the file");
}

#[test]
fn a_newer_format_is_called_so() {
    let given = given();
    edited(&given, |text| text.replace("\"format\":1", "\"format\":2,\"new\":true"));
    for error in [read(&given.path).unwrap_err(), PlanFile::open(&given.path).unwrap_err()] {
        assert!(matches!(error, PlanError::Version { found: 2, known: 1, .. }), "{error}");
    }
}

#[test]
fn a_line_without_end_is_refused_in_constant_memory() {
    let directory = quick_directory();
    let path = directory.path().join("zeros");
    fs::File::create(&path).unwrap().set_len(LINE_BYTES_MAX as u64 * 64).unwrap();
    refused(&path, "zeros");
    fs::write(&path, "").unwrap();
    refused(&path, "empty");
    fs::write(&path, "\n\n\n").unwrap();
    refused(&path, "empty lines");
}

#[test]
fn after_an_error_there_are_only_errors() {
    let given = given();
    edited(&given, |text| text.replace("\"to\":1,", "\"to\":5,"));
    let mut reader = donjon_balance::plan::PlanReader::open(&given.path).unwrap();
    while reader.next_entry().is_ok() {}
    assert!(matches!(reader.next_entry(), Err(PlanError::Failed)));
    assert!(reader.footer().is_none() && reader.digest().is_none());
}
