//! Somebody asks for a block that lies in the trash: it is counted and logged with its list, and by configuration the
//! block comes back, and the rest of the list is held.

use serde_json::json;

use crate::node::Node;

#[test]
fn a_hit_is_counted_and_logged_with_its_list() {
    let node = Node::start(json!({}));
    let blocks = node.plant(2);
    node.work_off(&blocks);
    assert_eq!(node.metric("donjon_trash_hits_total"), 0.0);
    node.run(&["block", "get", &format!("{}+12", blocks[0].hash)]).ends_with(3);
    node.run(&["block", "head", &format!("{}+12", blocks[1].hash)]).ends_with(3);
    assert_eq!(node.metric("donjon_trash_hits_total"), 2.0);
    node.wait_for_log("somebody asks for a block that is in the trash");
    let log = node.log();
    let line = log.lines().find(|line| line.contains("somebody asks")).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["list"], 1, "{line}");
    assert_eq!(node.live(&blocks), 0, "unless configured, nothing comes back by itself");
}

#[test]
fn a_block_that_is_nowhere_is_no_hit() {
    let node = Node::start(json!({}));
    node.run(&["block", "get", "00000000000000000000000000000000+12"]).ends_with(3);
    assert_eq!(node.metric("donjon_trash_hits_total"), 0.0);
}

#[test]
fn by_configuration_the_block_is_untrashed_and_served() {
    let node = Node::start(json!({ "UntrashOnHit": true }));
    let blocks = node.plant(1);
    node.work_off(&blocks);
    let got = node.run(&["block", "get", &format!("{}+12", blocks[0].hash)]).ends_with(0);
    assert_eq!(got.stdout, b"block 000000");
    assert!(node.is_live(&blocks[0].hash));
    assert_eq!(node.metric("donjon_trash_hits_total"), 1.0);
    let entries =
        node.run(&["ledger", "show", "--operation", "untrash", "--json"]).ends_with(0).json_lines();
    assert_eq!(entries.len(), 1, "{entries:?}");
}

#[test]
fn after_so_many_hits_the_rest_of_the_list_is_held() {
    let mut node = Node::start(json!({ "HoldAfterHits": 2 }));
    let blocks = node.plant(60);
    node.run(&["list", "set", "trash", "--items-per-second", "5"]).ends_with(0);
    node.send(&blocks);
    node.wait_for("two items done", || node.books()["done"].as_u64().unwrap() >= 2);
    let gone = || blocks.iter().filter(|block| !node.is_live(&block.hash));
    // The search for the list behind a hit may be busy with the one before.
    node.wait_for("the rest held", || {
        for block in gone().take(2) {
            node.run(&["block", "get", &format!("{}+12", block.hash)]).ends_with(3);
        }
        node.books()["state"] == "held"
    });
    let why = node.books()["idle_because"].as_str().unwrap().to_owned();
    assert!(why.contains("were asked for"), "{why}");
    assert_eq!(node.metric("donjon_list_held{list=\"trash\"}"), 1.0);
    node.crash();
    node.wait_for_state("held");
    assert!(node.live(&blocks) > 0);
}
