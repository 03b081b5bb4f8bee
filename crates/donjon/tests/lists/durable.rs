//! What was answered 200 is on the disk: it survives a restart and kill -9, and is resumed.

use std::fs;
use std::time::{Duration, SystemTime};

use keep_rules::Timestamp;
use rustix::process::Signal;
use serde_json::json;

use crate::node::{Node, Old};

const HOUR: Duration = Duration::from_secs(3600);

/// A node that was killed while its trash list was paused, and has not been seen for so long.
fn away_for(own: serde_json::Value, away: Duration) -> (Node, Vec<Old>) {
    let mut node = Node::start(own);
    let blocks = node.plant(5);
    node.run(&["list", "pause", "trash"]).ends_with(0);
    node.send(&blocks);
    node.end(Signal::KILL);
    let last = Timestamp::from(SystemTime::now()).before(away);
    fs::write(node.path("state/alive"), format!("{last}\n")).unwrap();
    node.begin();
    node.run(&["list", "resume", "trash"]).ends_with(0);
    (node, blocks)
}

#[test]
fn a_node_that_was_away_for_an_hour_holds_its_list_and_says_why() {
    let (mut node, blocks) = away_for(json!({}), HOUR);
    for _start in 0..2 {
        let books = node.books();
        assert_eq!((&books["state"], &books["waiting"]), (&"held".into(), &5.into()));
        let why = books["idle_because"].as_str().unwrap();
        assert!(why.contains("the node was away for 1h") && why.contains("(5m)"), "{why}");
        let shown = node.run(&["list", "show", "trash", "--only", "receipt"]).ends_with(0).text();
        assert!(shown.contains("donjon list release 1 --digest"), "{shown}");
        node.run(&["status"]).ends_with(4);
        assert_eq!(node.metric("donjon_list_held{list=\"trash\"}"), 1.0);
        node.wait_for_log("the list from before the restart is held");
        // A node that falls and is started at once has lived just now: its list is held all the same.
        node.crash();
    }
    assert_eq!(node.live(&blocks), 5);
    let digest = node.books()["digest"].as_str().unwrap().to_owned();
    node.run(&["list", "release", "1", "--digest", &digest]).ends_with(0);
    node.wait_for_state("idle");
    assert_eq!((node.live(&blocks), node.books()["done"].clone()), (0, 5.into()));
}

#[test]
fn a_node_that_was_away_for_seconds_goes_on() {
    let (node, blocks) = away_for(json!({}), Duration::from_secs(10));
    node.wait_for_state("idle");
    assert_eq!((node.live(&blocks), node.books()["done"].clone()), (0, 5.into()));
}

#[test]
fn how_long_a_node_may_be_away_can_be_configured() {
    let (node, blocks) = away_for(json!({ "ResumeTrashWithin": "2h" }), HOUR);
    node.wait_for_state("idle");
    assert_eq!(node.live(&blocks), 0);
}

#[test]
fn a_new_list_is_worked_off_after_an_absence() {
    let (node, blocks) = away_for(json!({}), HOUR);
    assert_eq!(node.work_off(&blocks[..2])["done"], 2);
    assert_eq!(node.live(&blocks), 3);
    assert_eq!(node.metric("donjon_list_held{list=\"trash\"}"), 0.0);
}

#[test]
fn a_killed_node_goes_on_with_its_list() {
    let mut node = Node::start(json!({}));
    let blocks = node.plant(60);
    node.run(&["list", "set", "trash", "--items-per-second", "2"]).ends_with(0);
    let receipt = node.send(&blocks);
    node.wait_for("some items done", || node.books()["done"].as_u64().unwrap() >= 2);
    node.crash();
    let books = node.books();
    assert_eq!((&books["generation"], &books["digest"]), (&receipt["id"], &receipt["digest"]));
    assert_eq!(books["received"], 60, "{books}");
    assert!(books["waiting"].as_u64().unwrap() > 0, "nothing was left to resume: {books}");
    node.run(&["list", "set", "trash", "--items-per-second", "default"]).ends_with(0);
    node.wait_for_state("idle");
    assert_eq!(node.live(&blocks), 0);
    let books = node.books();
    assert_eq!(books["failed"], json!({}), "{books}");
    // What was trashed in the instant before the kill may be met again, and is found trashed.
    let skipped = books["skipped"].as_object().unwrap();
    assert!(skipped.keys().all(|reason| reason == "absent"), "{books}");
}

#[test]
fn a_stopped_node_remembers_exactly_what_it_has_done() {
    let mut node = Node::start(json!({}));
    let blocks = node.plant(40);
    node.run(&["list", "set", "trash", "--items-per-second", "2"]).ends_with(0);
    node.send(&blocks);
    node.wait_for("some items done", || node.books()["done"].as_u64().unwrap() >= 2);
    node.restart();
    node.run(&["list", "set", "trash", "--items-per-second", "0"]).ends_with(0);
    node.wait_for_state("idle");
    assert_eq!(node.books()["done"], 40);
    assert_eq!(node.live(&blocks), 0);
}

#[test]
fn what_was_written_again_since_is_kept_by_the_resumed_list() {
    let mut node = Node::start(json!({}));
    let blocks = node.plant(10);
    node.run(&["list", "pause", "trash"]).ends_with(0);
    node.send(&blocks);
    node.crash();
    node.run(&["block", "touch", &blocks[3].hash]).ends_with(0);
    node.run(&["list", "resume", "trash"]).ends_with(0);
    node.wait_for_state("idle");
    assert_eq!(node.books()["skipped"], json!({ "rewritten": 1 }));
    assert!(node.is_live(&blocks[3].hash) && node.live(&blocks) == 1);
}

#[test]
fn a_list_that_is_too_old_is_dropped_instead_of_resumed() {
    let mut node = Node::start(json!({ "ListMaxAge": "1ms" }));
    let blocks = node.plant(5);
    node.run(&["list", "pause", "trash"]).ends_with(0);
    node.send(&blocks);
    node.restart();
    node.run(&["list", "resume", "trash"]).ends_with(0);
    node.wait_for_state("idle");
    let books = node.books();
    assert_eq!((&books["waiting"], &books["done"]), (&0.into(), &0.into()), "{books}");
    assert_eq!(node.live(&blocks), 5, "a list of yesterday must not trash today");
    assert_eq!(node.work_off(&blocks)["done"], 5, "a new list is taken");
}
