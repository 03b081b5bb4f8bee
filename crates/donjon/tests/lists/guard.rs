//! A trash list that names too much of a volume is taken and held, until an operator lets exactly that list through.

use serde_json::{Value, json};

use crate::node::Node;

/// A fifth of a volume, and lists of up to five blocks always.
fn guarded() -> Node {
    Node::start(json!({ "TrashGuardPercent": 20, "TrashGuardFloor": 5 }))
}

fn text<'a>(books: &'a Value, key: &str) -> &'a str {
    books[key].as_str().unwrap()
}

#[test]
fn a_list_that_names_too_much_is_held_and_says_why() {
    let mut node = guarded();
    let blocks = node.plant(30);
    node.send(&blocks[..7]);
    node.wait_for_state("held");
    let why = node.books()["idle_because"].as_str().unwrap().to_owned();
    assert!(why.contains("7 of 30 blocks"), "{why}");
    assert_eq!(node.metric("donjon_list_held{list=\"trash\"}"), 1.0);
    node.wait_for_log("a list is held");
    let shown = node.run(&["list", "show", "trash", "--only", "receipt"]).ends_with(0).text();
    assert!(shown.contains("donjon list release 1 --digest"), "{shown}");
    node.run(&["status"]).ends_with(4);
    node.crash();
    node.wait_for_state("held");
    assert_eq!(node.live(&blocks), 30);
}

#[test]
fn a_share_or_a_number_that_is_small_enough_passes() {
    let node = guarded();
    let blocks = node.plant(30);
    assert_eq!(node.work_off(&blocks[..6])["done"], 6, "a fifth");
    let few = guarded();
    let blocks = few.plant(5);
    assert_eq!(few.work_off(&blocks)["done"], 5, "all of a small volume");
    assert_eq!(few.metric("donjon_list_held{list=\"trash\"}"), 0.0);
}

#[test]
fn exactly_the_list_that_was_looked_at_is_let_through_once() {
    let node = guarded();
    let blocks = node.plant(30);
    node.send(&blocks[..10]);
    node.wait_for_state("held");
    let looked_at = node.books();
    let digest = text(&looked_at, "digest");
    node.send(&blocks[..11]);
    node.wait_for_state("held");
    let stale = node.run(&["list", "release", "1", "--digest", digest]).ends_with(1);
    stale.complains("409 Conflict");
    let wrong = node.run(&["list", "release", "2", "--digest", digest]).ends_with(1);
    wrong.complains("409 Conflict");
    assert_eq!(node.live(&blocks), 30);
    let held = node.books();
    node.run(&["list", "release", "2", "--digest", text(&held, "digest")]).ends_with(0);
    node.wait_for_state("idle");
    assert_eq!((node.live(&blocks), node.books()["done"].clone()), (19, 11.into()));
    node.send(&blocks[11..22]);
    node.wait_for_state("held");
    assert_eq!(node.live(&blocks), 19, "the next list is looked at again");
}

#[test]
fn a_released_list_stays_released_over_a_crash() {
    let mut node = guarded();
    let blocks = node.plant(30);
    node.run(&["list", "pause", "trash"]).ends_with(0);
    node.send(&blocks[..10]);
    node.wait_for_state("held");
    let held = node.books();
    node.run(&["list", "release", "1", "--digest", text(&held, "digest")]).ends_with(0);
    node.crash();
    assert_eq!(node.books()["state"], "paused");
    node.run(&["list", "resume", "trash"]).ends_with(0);
    node.wait_for_state("idle");
    assert_eq!(node.live(&blocks), 20);
}

#[test]
fn a_balancer_keeps_working_through_it() {
    let node = guarded();
    let blocks = node.plant(30);
    let receipt = node.send(&blocks);
    assert!(receipt["id"] == 1 && receipt["state"] != "running", "{receipt}");
    node.wait_for_state("held");
    // Its next run sends another list, which takes the place of the held one.
    assert_eq!(node.work_off(&blocks[..3])["done"], 3);
    let past = node.run(&["list", "status", "1", "--json"]).ends_with(0).json();
    assert_eq!((&past["superseded"], &past["done"]), (&30.into(), &0.into()));
}

#[test]
fn a_wrong_mount_or_none_does_not_get_past_the_guard() {
    let node = guarded();
    let blocks = node.plant(30);
    let everywhere: Vec<Value> = blocks
        .iter()
        .map(|block| {
            let mut item = block.item();
            item["mount_uuid"] = "".into();
            item
        })
        .collect();
    let list = Value::Array(everywhere).to_string();
    node.run_with_input(&["list", "put", "trash", "-"], list.as_bytes()).ends_with(0);
    node.wait_for_state("held");
    assert_eq!(node.live(&blocks), 30);
}
