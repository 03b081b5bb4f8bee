//! Every trash, untrash, emptying and pull is on record, in a chain that shows what was changed.

use std::fs;
use std::path::PathBuf;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::node::{MOUNT, Node};

/// The first file of the ledger.
fn file(node: &Node) -> PathBuf {
    node.path("state/ledger/ledger-00000001.jsonl")
}

fn records(node: &Node, filters: &[&str]) -> Vec<Value> {
    node.run(&[&["ledger", "show", "--json"], filters].concat()).ends_with(0).json_lines()
}

#[test]
fn each_act_is_on_record_with_its_list() {
    let node = Node::start(json!({}));
    let blocks = node.plant(3);
    let id = node.work_off(&blocks)["generation"].clone();
    node.run(&["block", "untrash", &blocks[0].hash]).ends_with(0);
    let of_block = records(&node, &["--block", &blocks[0].hash]);
    let acts: Vec<&Value> = of_block.iter().map(|record| &record["operation"]).collect();
    assert_eq!(acts, ["trash", "untrash"]);
    let trashed = &of_block[0];
    assert_eq!((&trashed["list_id"], &trashed["outcome"]), (&id, &"done".into()));
    assert_eq!((&trashed["size"], &trashed["mtime_ns"]), (&12.into(), &blocks[0].mtime.into()));
    assert_eq!(trashed["mount_uuid"], MOUNT);
    assert_eq!(records(&node, &["--list", "1", "--operation", "trash", "--mount", MOUNT]).len(), 3);
    assert_eq!(records(&node, &["--outcome", "done"]).len(), 4);
    assert_eq!(records(&node, &["--outcome", "failed"]), [] as [Value; 0]);
    assert_eq!(records(&node, &["--since", "1h"]).len(), 4);
    assert_eq!(records(&node, &["--until", "1h ago"]), [] as [Value; 0]);
    assert_eq!(records(&node, &["--limit", "1"])[0]["number"], 4, "the latest");
    let text = node.run(&["ledger", "show", "--operation", "untrash"]).ends_with(0).text();
    assert!(text.contains(&blocks[0].hash), "{text}");
    assert_eq!(node.metric("donjon_ledger_records_total"), 4.0);
    assert_eq!(node.metric("donjon_ledger_errors_total"), 0.0);
}

#[test]
fn pulls_and_emptying_are_on_record_too() {
    let source = Node::start(json!({}));
    let collections = json!({ "BlobTrashLifetime": "1s", "BlobTrashCheckInterval": "1s" });
    let node = Node::with_collections(json!({}), collections);
    let wanted = source.plant(1);
    let item = json!([{ "locator": format!("{}+12", wanted[0].hash), "servers": [source.url()], "mount_uuid": "" }]);
    node.run_with_input(&["list", "put", "pull", "-", "--wait"], item.to_string().as_bytes())
        .ends_with(0);
    let pulled = records(&node, &["--operation", "pull"]);
    assert_eq!(
        (&pulled[0]["hash"], &pulled[0]["outcome"]),
        (&json!(wanted[0].hash), &"done".into())
    );
    let old = node.plant_one("another one.");
    node.work_off(std::slice::from_ref(&old));
    node.wait_for("the copy emptied", || !records(&node, &["--operation", "empty"]).is_empty());
    assert_eq!(records(&node, &["--operation", "empty"])[0]["hash"], json!(old.hash));
}

#[test]
fn an_export_holds_everything_and_its_chain() {
    let node = Node::start(json!({}));
    let blocks = node.plant(4);
    node.work_off(&blocks);
    let path = node.path("export.jsonl");
    let export = ["ledger", "export", "--json", "--output", path.to_str().unwrap()];
    let told = node.run(&export).ends_with(0).json();
    assert_eq!(told["records"], 4);
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text, node.run(&["ledger", "export"]).ends_with(0).text());
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let check = node.run(&["ledger", "verify", "--json"]).ends_with(0).json();
    assert_eq!((&check["records"], &check["last_chain"]), (&4.into(), &last["chain"]));
    assert_eq!(check["problems"], json!([]));
}

#[test]
fn a_record_that_was_changed_is_found_with_its_place() {
    let mut node = Node::start(json!({}));
    let blocks = node.plant(3);
    node.work_off(&blocks);
    node.end(Signal::TERM);
    let text = fs::read_to_string(file(&node)).unwrap();
    let second = text.lines().nth(2).unwrap();
    let changed = second.replace("\"done\"", "\"failed\"");
    assert_ne!(second, changed);
    fs::write(file(&node), text.replace(second, &changed)).unwrap();
    node.begin();
    let check = node.run(&["ledger", "verify", "--json"]).ends_with(4).json();
    assert_eq!(check["problems"][0]["line"], 3, "{check}");
    let text = node.run(&["ledger", "verify"]).ends_with(4).text();
    assert!(text.contains("line 3") && text.contains("The chain is broken"), "{text}");
}

#[test]
fn a_ledger_that_was_written_anew_does_not_lead_through_the_noted_head() {
    let mut node = Node::start(json!({}));
    let blocks = node.plant(2);
    node.work_off(&blocks);
    let head = node.run(&["ledger", "verify", "--json"]).ends_with(0).json();
    let head = head["last_chain"].as_str().unwrap().to_owned();
    node.run(&["ledger", "verify", "--head", &head]).ends_with(0);
    node.end(Signal::TERM);
    fs::remove_file(file(&node)).unwrap();
    node.begin();
    node.run(&["block", "untrash", &blocks[0].hash]).ends_with(0);
    node.run(&["ledger", "verify"]).ends_with(0);
    node.run(&["ledger", "verify", "--head", &head]).ends_with(4);
}

#[test]
fn a_torn_last_record_is_repaired_and_reported() {
    let mut node = Node::start(json!({}));
    let blocks = node.plant(3);
    node.work_off(&blocks);
    node.end(Signal::KILL);
    let mut text = fs::read(file(&node)).unwrap();
    text.extend_from_slice(b"{\"n\":4,\"time\":\"2026-1");
    fs::write(file(&node), text).unwrap();
    node.begin();
    node.wait_for_log("a crash tore the last record of the ledger");
    let check = node.run(&["ledger", "verify", "--json"]).ends_with(0).json();
    assert_eq!(check["records"], 3);
    node.run(&["block", "untrash", &blocks[0].hash]).ends_with(0);
    assert_eq!(node.run(&["ledger", "verify", "--json"]).ends_with(0).json()["records"], 4);
}
