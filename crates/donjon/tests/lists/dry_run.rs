//! A dry run decides every item exactly as a real list, and touches nothing.

use serde_json::{Value, json};

use crate::node::{Node, Old, trash_list};

/// Locator, outcome and reason of each outcome, sorted.
fn decisions(outcomes: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let decision =
        |row: &Value| (text(&row["locator"]), text(&row["outcome"]), text(&row["reason"]));
    let mut decisions: Vec<_> = outcomes.as_array().unwrap().iter().map(decision).collect();
    decisions.sort();
    decisions
}

/// A list with a block to trash, one that was written again, one that is gone, and one that is young.
fn mixed(node: &Node) -> Vec<Old> {
    let mut blocks = node.plant(4);
    blocks[1].mtime -= 1;
    std::fs::remove_file(node.file(&blocks[2].hash)).unwrap();
    node.run(&["block", "touch", &blocks[3].hash]).ends_with(0);
    let index = node.run(&["index", "--prefix", &blocks[3].hash, "--json"]).ends_with(0).json();
    blocks[3].mtime = index["mtime_ns"].as_i64().unwrap();
    blocks
}

#[test]
fn a_dry_run_says_what_the_real_list_then_does() {
    let node = Node::start(json!({}));
    let blocks = mixed(&node);
    let dry = ["list", "put", "trash", "-", "--dry-run", "--json"];
    let dry = node.run_with_input(&dry, &trash_list(&blocks)).ends_with(0).json();
    assert_eq!(node.live(&blocks), 3, "a dry run touches nothing");
    assert_eq!(node.books()["generation"], 0, "a dry run is no list");
    assert_eq!(dry["receipt"]["done"], 1, "{dry}");
    node.work_off(&blocks);
    let real =
        node.run(&["list", "show", "trash", "--only", "outcomes", "--json"]).ends_with(0).json();
    assert_eq!(decisions(&dry["outcomes"]), decisions(&real["outcomes"]));
    let reasons: Vec<_> = decisions(&real["outcomes"]).into_iter().map(|row| row.2).collect();
    for reason in ["", "absent", "listed_too_new", "rewritten"] {
        assert!(reasons.iter().any(|found| found == reason), "no {reason} in {reasons:?}");
    }
    assert_eq!(node.live(&blocks), 2);
}

#[test]
fn the_current_list_stays_and_goes_on() {
    let node = Node::start(json!({}));
    let blocks = node.plant(4);
    node.run(&["list", "pause", "trash"]).ends_with(0);
    node.send(&blocks[..3]);
    let dry = ["list", "put", "trash", "-", "--dry-run"];
    let text = node.run_with_input(&dry, &trash_list(&blocks)).ends_with(0).text();
    assert!(text.contains("This was a dry run"), "{text}");
    let books = node.books();
    assert_eq!((&books["generation"], &books["waiting"]), (&1.into(), &3.into()));
    assert_eq!(node.live(&blocks), 4);
}

#[test]
fn a_second_dry_run_shows_only_its_own_outcomes() {
    let node = Node::start(json!({}));
    let blocks = node.plant(3);
    let dry = |blocks: &[Old]| {
        let args = ["list", "put", "trash", "-", "--dry-run", "--json"];
        node.run_with_input(&args, &trash_list(blocks)).ends_with(0).json()
    };
    assert_eq!(dry(&blocks)["outcomes"].as_array().unwrap().len(), 3);
    assert_eq!(dry(&blocks[..1])["outcomes"].as_array().unwrap().len(), 1);
}

#[test]
fn a_dry_run_says_that_the_list_would_be_held_and_why() {
    let node = Node::start(json!({ "TrashGuardPercent": 20, "TrashGuardFloor": 5 }));
    let blocks = node.plant(30);
    let dry = |count: usize, args: &[&str]| {
        let args = [&["list", "put", "trash", "-", "--dry-run"], args].concat();
        node.run_with_input(&args, &trash_list(&blocks[..count]))
    };
    let would = dry(7, &["--json"]).ends_with(4).json()["receipt"]["would_be_held"].clone();
    assert_eq!((&would["percent"], &would["floor"]), (&20.into(), &5.into()), "{would}");
    assert!(would["reason"].as_str().unwrap().contains("7 of 30 blocks"), "{would}");
    let text = dry(7, &[]).ends_with(4).text();
    assert!(text.contains("would be held until you release it: on volume"), "{text}");
    assert!(text.contains("Allowed are 20 %") && text.contains("always 5 blocks"), "{text}");
    let receipt = dry(6, &["--json"]).ends_with(0).json()["receipt"].clone();
    assert_eq!((&receipt["would_be_held"], &receipt["done"]), (&Value::Null, &6.into()));
    node.send(&blocks[..7]);
    node.wait_for_state("held");
}

#[test]
fn pull_lists_can_be_tried_too() {
    let node = Node::start(json!({}));
    let blocks = node.plant(1);
    let item = |hash: &str| json!({ "locator": format!("{hash}+12"), "servers": ["http://127.0.0.1:1"], "mount_uuid": "" });
    let list = json!([item(&blocks[0].hash), item("00000000000000000000000000000000")]);
    let dry = ["list", "put", "pull", "-", "--dry-run", "--json"];
    let dry = node.run_with_input(&dry, list.to_string().as_bytes()).ends_with(0).json();
    assert_eq!(dry["receipt"]["received"], 2, "{dry}");
    assert_eq!(dry["outcomes"].as_array().unwrap().len(), 2, "{dry}");
}

#[test]
fn a_slip_in_the_parameter_is_no_real_run() {
    let node = Node::start(json!({}));
    let answer = node.curl(&["-X", "PUT", "-d", "[]"], "/trash?dry_run=yes");
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(node.books()["generation"], 0);
}
