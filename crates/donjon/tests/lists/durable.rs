//! What was answered 200 is on the disk: it survives a restart and kill -9, and is resumed.

use serde_json::json;

use crate::node::Node;

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
