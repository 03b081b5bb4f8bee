//! One page about a block: where it is, which lists name it, what became of it, and what will happen next.

use serde_json::{Value, json};

use crate::node::{MOUNT, Node};

fn explained(node: &Node, hash: &str) -> Value {
    node.run(&["block", "explain", "--json", hash]).ends_with(0).json()
}

fn next(explained: &Value) -> String {
    let sentences = explained["next"].as_array().unwrap();
    sentences.iter().map(|sentence| sentence.as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_block_on_a_paused_list_tells_what_holds_it() {
    let node = Node::start(json!({}));
    let blocks = node.plant(2);
    node.run(&["list", "pause", "trash"]).ends_with(0);
    node.send(&blocks);
    let it = explained(&node, &blocks[0].hash);
    let mount = &it["mounts"][0];
    assert_eq!((&mount["mount_uuid"], &mount["size"]), (&MOUNT.into(), &12.into()));
    assert_eq!(
        (&mount["mtime_ns"], &mount["old_enough_to_trash"]),
        (&blocks[0].mtime.into(), &true.into())
    );
    assert!(mount["age_seconds"].as_u64().unwrap() > it["ttl_seconds"].as_u64().unwrap());
    let mention = json!({ "list": "trash", "generation": 1, "state": "paused", "mount_uuid": MOUNT, "block_mtime": blocks[0].mtime });
    assert_eq!(it["waiting"], json!([mention]));
    assert!(next(&it).contains("the list is paused"), "{it}");
    let text = node.run(&["block", "explain", &blocks[0].hash]).ends_with(0).text();
    assert!(text.contains("On these lists:") && text.contains("paused"), "{text}");
}

#[test]
fn a_trashed_block_tells_which_list_it_was_and_until_when_it_can_come_back() {
    let node = Node::start(json!({}));
    let blocks = node.plant(1);
    node.work_off(&blocks);
    let it = explained(&node, &blocks[0].hash);
    let mount = &it["mounts"][0];
    assert_eq!(mount["size"], Value::Null);
    let until = mount["trashed"][0]["until_ns"].as_i64().unwrap();
    assert!(until > it["now_ns"].as_i64().unwrap(), "{it}");
    assert_eq!(
        (&it["history"][0]["operation"], &it["history"][0]["list_id"]),
        (&"trash".into(), &1.into())
    );
    assert!(next(&it).contains("untrash"), "{it}");
    let text = node.run(&["block", "explain", &blocks[0].hash]).ends_with(0).text();
    assert!(text.contains("IN TRASH") && text.contains("What was done:"), "{text}");
}

#[test]
fn a_young_block_tells_when_it_may_be_trashed_and_that_it_will_be_kept() {
    let node = Node::start(json!({}));
    let stored = node.run_with_input(&["block", "put"], b"young").ends_with(0).text();
    let hash = &stored[..32];
    let it = explained(&node, hash);
    assert_eq!(it["mounts"][0]["old_enough_to_trash"], false);
    let text = node.run(&["block", "explain", hash]).ends_with(0).text();
    assert!(text.contains("in 14 d") || text.contains("in 13 d 23 h"), "{text}");
}

#[test]
fn a_freeze_and_the_guard_are_told() {
    let node = Node::start(json!({ "TrashGuardFloor": 2 }));
    let blocks = node.plant(5);
    node.send(&blocks);
    node.wait_for_state("held");
    let it = explained(&node, &blocks[0].hash);
    assert_eq!(it["waiting"][0]["state"], "held");
    assert!(next(&it).contains("held until an operator releases it"), "{it}");
    node.run(&["freeze", "--reason", "looking"]).ends_with(0);
    let it = explained(&node, &blocks[0].hash);
    assert_eq!(
        (&it["freeze"]["frozen"], &it["freeze"]["reason"]),
        (&true.into(), &"looking".into())
    );
    assert!(next(&it).contains("frozen: looking"), "{it}");
}

#[test]
fn a_block_that_is_nowhere_is_not_found_and_still_explained() {
    let node = Node::start(json!({}));
    let absent = "00000000000000000000000000000000";
    let ran = node.run(&["block", "explain", absent]).ends_with(3);
    assert!(ran.text().contains("neither live nor in the trash"), "{}", ran.text());
}

#[test]
fn a_block_that_a_list_left_alone_tells_why() {
    let node = Node::start(json!({}));
    let mut blocks = node.plant(1);
    blocks[0].mtime += 1;
    node.work_off(&blocks);
    let it = explained(&node, &blocks[0].hash);
    let outcome = &it["outcomes"]["trash"][0];
    assert_eq!(
        (&outcome["outcome"], &outcome["generation"]),
        (&"skipped".into(), &1.into()),
        "{it}"
    );
    assert!(outcome["reason"].is_string(), "{it}");
    let text = node.run(&["block", "explain", &blocks[0].hash]).ends_with(0).text();
    assert!(text.contains("left alone") && text.contains("skipped"), "{text}");
}
