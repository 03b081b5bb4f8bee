//! The example in the document is a plan.

use std::fs;

use donjon_balance::plan::{Entry, Fate, Header, PlanFile, Slug};

use crate::given::{entry, header, kept, pull, quick_directory, read, trashed, write};

const DOCUMENT: &str = include_str!("../../../../docs/plan-file.md");

fn example() -> (Header, Vec<Entry>) {
    let mut header = header();
    header.servers.truncate(2);
    header.mounts.drain(3..);
    header.mounts.remove(1);
    header.inputs.indexes.truncate(1);
    let hash = |text: &str| text.parse().unwrap();
    let mut short = entry(hash("37b51d194a7513e45b56f6524f2d51f2"));
    short.wanted = [("default".to_owned(), 2)].into();
    short.replicas = vec![kept(0, 900)];
    short.pulls = vec![pull(1, &[0], 1)];
    let mut garbage = entry(hash("acbd18db4cc2f85cedef654fccc4a4d8"));
    garbage.replicas = vec![trashed(0, 800, 3), kept(1, 1001)];
    garbage.replicas[0].doomed = true;
    garbage.replicas[1].fate = Fate::Keep { reason: Slug::of("too_new") };
    let mut lost = entry(hash("d8e8fca2dc0f896fd7cb4cb0031ba249"));
    lost.wanted = [("archive".to_owned(), 1)].into();
    lost.lost = Some("no_replica".parse().unwrap());
    lost.report = vec!["unknown_class".parse().unwrap()];
    (header, vec![short, garbage, lost])
}

#[test]
fn the_example_in_the_document_is_a_plan() {
    let (_, rest) = DOCUMENT.split_once("```jsonl\n").unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    let directory = quick_directory();
    let (header, entries) = example();
    let written = directory.path().join("written");
    write(&written, header, &entries);
    assert_eq!(fs::read_to_string(&written).unwrap(), text, "the document shows another plan");

    let shown = directory.path().join("shown");
    fs::write(&shown, text).unwrap();
    assert_eq!(read(&shown).unwrap(), entries);
    PlanFile::open(&shown).unwrap().verify().unwrap();
}
