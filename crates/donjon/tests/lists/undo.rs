//! Everything that a list trashed comes back: resumable, idempotent, with new mtimes.

use std::fs;

use serde_json::{Value, json};

use crate::node::{Node, Old};

fn summary(lines: &[Value]) -> &Value {
    &lines.last().unwrap()["summary"]
}

/// Runs `donjon untrash --json` with these arguments; gives its lines.
fn untrash(node: &Node, args: &[&str], code: i32) -> Vec<Value> {
    node.run(&[&["untrash", "--json"], args].concat()).ends_with(code).json_lines()
}

/// A node whose list 1 has trashed these blocks.
fn after_a_wrong_delete(count: usize) -> (Node, Vec<Old>) {
    let node = Node::start(json!({}));
    let blocks = node.plant(count);
    assert_eq!(node.work_off(&blocks)["done"], count);
    assert_eq!(node.live(&blocks), 0);
    (node, blocks)
}

/// The copies of a block in the trash.
fn trashed_copies(node: &Node, block: &Old) -> Vec<std::path::PathBuf> {
    let prefix = format!("{}.trash.", block.hash);
    let directory = node.file(&block.hash).parent().unwrap().to_owned();
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&prefix))
        .collect()
}

#[test]
fn all_that_a_list_trashed_comes_back_and_the_same_list_does_not_trash_it_again() {
    let (node, blocks) = after_a_wrong_delete(30);
    let other = node.plant_one("another one.");
    node.work_off(std::slice::from_ref(&other));
    let lines = untrash(&node, &["--list", "1"], 0);
    assert_eq!(lines.len(), 31, "a line for each replica, and the summary");
    assert_eq!(summary(&lines)["restored"], 30);
    assert_eq!(node.live(&blocks), 30);
    assert!(!node.is_live(&other.hash), "that was another list");
    let again = node.work_off(&blocks);
    assert_eq!((&again["done"], &again["skipped"]), (&0.into(), &json!({ "rewritten": 30 })));
}

#[test]
fn it_may_be_repeated_and_goes_on_where_it_was() {
    let (mut node, blocks) = after_a_wrong_delete(10);
    let some = node.path("some");
    let lines: Vec<&str> = blocks[..4].iter().map(|block| block.hash.as_str()).collect();
    fs::write(&some, lines.join("\n")).unwrap();
    let first = untrash(&node, &["--from-file", some.to_str().unwrap()], 0);
    assert_eq!(summary(&first)["restored"], 4);
    node.crash();
    let rest = untrash(&node, &["--list", "1", "--parallel", "2"], 0);
    let rest = summary(&rest);
    assert_eq!((&rest["restored"], &rest["back_before"]), (&6.into(), &4.into()));
    let nothing = untrash(&node, &["--list", "1"], 0);
    let nothing = summary(&nothing);
    assert_eq!((&nothing["restored"], &nothing["back_before"]), (&0.into(), &10.into()));
    assert_eq!(node.live(&blocks), 10);
}

#[test]
fn an_occupied_place_and_a_copy_that_is_gone_are_reported() {
    let (node, blocks) = after_a_wrong_delete(5);
    node.plant_one("block 000000");
    for copy in trashed_copies(&node, &blocks[1]) {
        fs::remove_file(copy).unwrap();
    }
    let lines = untrash(&node, &["--list", "1"], 4);
    let told = |block: &Old| {
        let line = lines.iter().find(|line| line["hash"] == json!(block.hash)).unwrap();
        line["result"].as_str().unwrap().to_owned()
    };
    assert_eq!(told(&blocks[0]), "already_live");
    assert_eq!(told(&blocks[1]), "not_in_trash");
    let counts = summary(&lines);
    assert_eq!((&counts["restored"], &counts["already_live"]), (&3.into(), &1.into()));
    assert_eq!((&counts["not_in_trash"], &counts["failed"]), (&1.into(), &0.into()));
    let text = node.run(&["untrash", "--list", "1"]).ends_with(4).text();
    assert!(text.contains("not in the trash any more"), "{text}");
    // The live copy got a new mtime as well: the next list cannot trash it at once.
    let again = node.work_off(&blocks[..1]);
    assert_eq!(again["done"], 0, "{again}");
}

#[test]
fn a_dry_run_looks_and_touches_nothing() {
    let (node, blocks) = after_a_wrong_delete(3);
    let lines = untrash(&node, &["--list", "1", "--dry-run"], 0);
    assert_eq!(
        (&summary(&lines)["dry_run"], &summary(&lines)["restored"]),
        (&true.into(), &3.into())
    );
    assert_eq!(node.live(&blocks), 0);
    let text = node.run(&["untrash", "--list", "1", "--dry-run"]).ends_with(0).text();
    assert!(text.contains("would be restored"), "{text}");
}

#[test]
fn a_time_names_what_any_list_or_request_trashed_since() {
    let (node, blocks) = after_a_wrong_delete(2);
    let other = node.plant_one("another one.");
    node.run(&["block", "trash", &other.hash]).ends_with(0);
    let lines = untrash(&node, &["--since", "1h"], 0);
    assert_eq!(summary(&lines)["restored"], 3);
    assert!(node.is_live(&other.hash) && node.live(&blocks) == 2);
    let future = untrash(&node, &["--since", "2200-01-01"], 0);
    assert_eq!(summary(&future)["restored"], 0);
}

#[test]
fn an_exported_ledger_can_be_cut_down_and_undone() {
    let (node, blocks) = after_a_wrong_delete(6);
    let export =
        node.run(&["ledger", "export", "--list", "1", "--operation", "trash"]).ends_with(0).text();
    let some: Vec<&str> = export.lines().take(2).collect();
    let ran =
        node.run_with_input(&["untrash", "--from-file", "-", "--json"], some.join("\n").as_bytes());
    assert_eq!(summary(&ran.ends_with(0).json_lines())["restored"], 2);
    assert_eq!(node.live(&blocks), 2);
}

#[test]
fn a_list_that_the_ledger_does_not_know_is_not_found() {
    let node = Node::start(json!({}));
    node.run(&["untrash", "--list", "7"])
        .ends_with(3)
        .complains("nothing that trash list 7 trashed");
}

#[test]
fn a_node_that_goes_away_is_an_error_that_says_to_repeat_it() {
    let (mut node, _blocks) = after_a_wrong_delete(2);
    node.end(rustix::process::Signal::TERM);
    node.run(&["untrash", "--list", "1"]).ends_with(1).complains("cannot be reached");
    node.begin();
    assert_eq!(summary(&untrash(&node, &["--list", "1"], 0))["restored"], 2);
}
