//! What a writer does not write.

use std::fs;
use std::path::Path;

use donjon_balance::plan::{
    Batch, Entry, Header, LINE_BYTES_MAX, PlanError, PlanFile, PlanReader, PlanWriter,
};
use serde_json::{Map, Value};

use crate::given::{
    considered, entry, hash, header, kept, plan, pull, quick_directory, read, statistics, trashed,
    write,
};

fn names(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap();
    names.map(|name| name.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn nothing_is_overwritten_and_nothing_left_behind() {
    let directory = quick_directory();
    let path = directory.path().join("plan.jsonl");
    fs::write(&path, "mine").unwrap();
    let error = PlanWriter::create(&path, header()).unwrap_err();
    assert!(matches!(error, PlanError::Exists { .. }), "{error}");

    fs::remove_file(&path).unwrap();
    let mut writer = PlanWriter::create(&path, header()).unwrap();
    writer.push(&entry(hash(1))).unwrap();
    assert!(!path.exists());
    fs::write(&path, "mine").unwrap(); // somebody is faster
    let error = writer.finish(considered(), statistics()).unwrap_err();
    assert!(matches!(error, PlanError::Exists { .. }), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    assert_eq!(names(directory.path()), ["plan.jsonl"]);

    fs::remove_file(&path).unwrap();
    drop(PlanWriter::create(&path, header()).unwrap());
    assert_eq!(names(directory.path()), [""; 0]);
}

#[test]
fn blocks_ascend() {
    let directory = quick_directory();
    let path = directory.path().join("plan.jsonl");
    let mut hashes = [hash(1), hash(2)];
    hashes.sort_unstable();
    let mut writer = PlanWriter::create(&path, header()).unwrap();
    writer.push(&entry(hashes[1])).unwrap();
    for wrong in hashes {
        let error = writer.push(&entry(wrong)).unwrap_err();
        assert!(matches!(error, PlanError::OutOfOrder { .. }), "{error}");
    }
    let mut batch = Batch::new(writer.header());
    batch.push(&entry(hashes[1])).unwrap();
    let bytes = batch.bytes();
    assert!(matches!(batch.push(&entry(hashes[0])), Err(PlanError::OutOfOrder { .. })));
    assert_eq!(batch.bytes(), bytes);
    writer.finish(considered(), statistics()).unwrap();
    assert_eq!(read(&path).unwrap(), [entry(hashes[1])]);
}

#[track_caller]
fn check_entry(change: impl FnOnce(&mut Entry), expected: &str) {
    let directory = quick_directory();
    let path = directory.path().join("plan.jsonl");
    let mut writer = PlanWriter::create(&path, header()).unwrap();
    let mut bad = entry(hash(1));
    change(&mut bad);
    let error = writer.push(&bad).unwrap_err();
    assert!(matches!(error, PlanError::BadEntry { .. }), "{error}");
    assert!(error.to_string().contains(expected), "{error}");
    writer.push(&entry(hash(1))).unwrap();
    writer.finish(considered(), statistics()).unwrap();
    assert_eq!(read(&path).unwrap(), [entry(hash(1))]);
}

#[test]
fn a_new_replica_is_not_trashed() {
    check_entry(|entry| entry.replicas = vec![trashed(0, 1000, 0)], "it is new");
}

#[test]
fn an_untrashable_replica_is_not_trashed() {
    check_entry(|entry| entry.replicas = vec![trashed(4, 1, 0)], "which forbids it");
}

#[test]
fn two_replicas_of_one_mtime_are_not_trashed() {
    let two = vec![trashed(0, 1, 0), trashed(2, 1, 0)];
    check_entry(|entry| entry.replicas = two, "two replicas with the mtime 1");
}

#[test]
fn nothing_is_trashed_where_sizes_differ() {
    let mut other = kept(2, 2);
    other.size = Some(7);
    let two = vec![trashed(0, 1, 0), other];
    check_entry(|entry| entry.replicas = two, "the sizes of replicas differ");
}

#[test]
fn nothing_is_pulled_to_where_it_cannot_be_written() {
    check_entry(|entry| entry.pulls = vec![pull(5, &[0], 0)], "cannot be written");
    check_entry(|entry| entry.pulls = vec![pull(0, &[], 0)], "from nowhere");
    check_entry(|entry| entry.pulls = vec![pull(0, &[1, 1], 0)], "from server 1 twice");
    check_entry(|entry| entry.pulls = vec![pull(0, &[3], 0)], "server 3");
    let twice = vec![pull(0, &[1], 0), pull(0, &[1], 0)];
    check_entry(|entry| entry.pulls = twice, "to mount 0 twice");
}

#[test]
fn a_mount_must_be_in_the_header() {
    check_entry(|entry| entry.replicas = vec![kept(6, 1)], "mount 6");
    check_entry(|entry| entry.pulls = vec![pull(6, &[0], 0)], "mount 6");
}

#[test]
fn a_line_is_not_too_long() {
    let class = "x".repeat(LINE_BYTES_MAX);
    check_entry(|entry| entry.wanted = [(class, 1)].into(), "longer than");
    let directory = quick_directory();
    let path = directory.path().join("plan.jsonl");
    let writer = PlanWriter::create(&path, header()).unwrap();
    let long = Value::from("x".repeat(LINE_BYTES_MAX));
    let error = writer.finish(considered(), Map::from_iter([("x".to_owned(), long)])).unwrap_err();
    assert!(matches!(error, PlanError::LongStatistics { .. }), "{error}");
    assert_eq!(names(directory.path()), [""; 0]);
}

#[track_caller]
fn check_header(change: impl FnOnce(&mut Header), expected: &str) {
    let directory = quick_directory();
    let mut bad = header();
    change(&mut bad);
    let error = PlanWriter::create(&directory.path().join("plan.jsonl"), bad).unwrap_err();
    assert!(matches!(error, PlanError::BadHeader { .. }), "{error}");
    assert!(error.to_string().contains(expected), "{error}");
    assert_eq!(names(directory.path()), [""; 0]);
}

#[test]
fn a_header_is_consistent() {
    check_header(|header| header.format = 2, "its format");
    check_header(|header| header.mounts[0].server = 3, "server 3");
    check_header(|header| header.mounts[0].replication = 0, "replication is 0");
    check_header(|header| header.mounts[1] = header.mounts[0].clone(), "twice");
    check_header(|header| header.mounts[1].uuid.clear(), "no UUID");
    check_header(|header| header.servers[1] = header.servers[0].clone(), "twice");
    check_header(|header| header.servers[1].uuid.clear(), "no UUID");
    check_header(|header| header.inputs.indexes[0].via = 3, "server 3");
    check_header(|header| header.inputs.indexes[0].end_mark = false, "no end mark");
    check_header(|header| header.donjon = "x".repeat(LINE_BYTES_MAX), "longer than");
}

#[test]
fn a_plan_in_a_directory_that_is_not_there_is_an_error() {
    let error = PlanWriter::create(Path::new("/gone/away/plan.jsonl"), header()).unwrap_err();
    assert!(matches!(error, PlanError::Io { .. }), "{error}");
    let error = PlanReader::open(Path::new("/gone/away/plan.jsonl")).unwrap_err();
    assert!(matches!(error, PlanError::Io { .. }), "{error}");
    assert!(matches!(PlanFile::open(Path::new("/gone")), Err(PlanError::Io { .. })));
}

#[test]
#[should_panic(expected = "the batch is for another plan")]
fn a_batch_is_for_one_plan() {
    let directory = quick_directory();
    let writer = |name| PlanWriter::create(&directory.path().join(name), header()).unwrap();
    let batch = Batch::new(writer("one").header());
    drop(writer("other").append(&batch));
}

#[test]
fn two_plans_can_be_written_in_one_directory() {
    let given = plan(header(), &[]);
    write(&given.directory.path().join("other"), header(), &[]);
    assert_eq!(names(given.directory.path()).len(), 2);
}
