//! See the list and steer it: page, remove, pause, resume, cancel, rates and workers, freeze. What is set stays so.

use serde_json::{Value, json};

use crate::node::Node;

#[test]
fn what_waits_is_shown_in_pages() {
    let node = Node::start(json!({}));
    let blocks = node.plant(7);
    node.run(&["list", "pause", "trash"]).ends_with(0);
    node.send(&blocks);
    let page = |offset: &str| {
        let args = [
            "list", "show", "trash", "--only", "waiting", "--json", "--limit", "3", "--offset",
            offset,
        ];
        node.run(&args).ends_with(0).json()["waiting"].clone()
    };
    let pages = [page("0"), page("3"), page("6")];
    let next: Vec<&Value> = pages.iter().map(|page| &page["next_offset"]).collect();
    assert_eq!(next, [&json!(3), &json!(6), &Value::Null]);
    let shown: Vec<String> = pages
        .iter()
        .flat_map(|page| page["items"].as_array().unwrap())
        .map(|item| item["locator"].as_str().unwrap()[..32].to_owned())
        .collect();
    let sent: Vec<String> = blocks.iter().map(|block| block.hash.clone()).collect();
    assert_eq!(shown, sent, "oldest first, each once");
}

#[test]
fn an_item_that_is_removed_is_not_carried_out() {
    let mut node = Node::start(json!({}));
    let blocks = node.plant(4);
    node.run(&["list", "pause", "trash"]).ends_with(0);
    node.send(&blocks);
    let removed = node.run(&["list", "remove", "trash", "--json", &blocks[1].hash]).ends_with(0);
    assert_eq!(removed.json(), json!({ "hash": blocks[1].hash, "removed": 1 }));
    let absent = "00000000000000000000000000000000";
    node.run(&["list", "remove", "trash", absent]).ends_with(3);
    node.run(&["list", "remove", "trash", absent, &blocks[2].hash]).ends_with(4);
    node.crash();
    node.run(&["list", "resume", "trash"]).ends_with(0);
    node.wait_for_state("idle");
    let books = node.books();
    assert_eq!((&books["removed"], &books["done"]), (&2.into(), &2.into()), "{books}");
    assert!(node.is_live(&blocks[1].hash) && node.is_live(&blocks[2].hash));
}

#[test]
fn a_pause_lasts_over_new_lists_and_restarts() {
    let mut node = Node::start(json!({}));
    let blocks = node.plant(4);
    let paused = node.run(&["list", "pause", "trash", "--json"]).ends_with(0).json();
    assert_eq!(paused["settings"]["paused"], true);
    assert_eq!(node.send(&blocks[..2])["state"], "paused");
    node.restart();
    assert_eq!(node.send(&blocks)["state"], "paused");
    assert_eq!(node.books()["state"], "paused");
    assert_eq!(node.metric("donjon_list_paused{list=\"trash\"}"), 1.0);
    assert_eq!(node.live(&blocks), 4);
    node.run(&["list", "resume", "trash"]).ends_with(0);
    node.wait_for_state("idle");
    assert_eq!(node.live(&blocks), 0);
}

#[test]
fn a_cancelled_list_is_not_resumed_by_anything() {
    let mut node = Node::start(json!({}));
    let blocks = node.plant(4);
    node.run(&["list", "pause", "trash"]).ends_with(0);
    node.send(&blocks);
    let books = node.run(&["list", "cancel", "trash", "--json"]).ends_with(0).json();
    assert_eq!((&books["waiting"], &books["removed"]), (&0.into(), &4.into()), "{books}");
    node.crash();
    node.run(&["list", "resume", "trash"]).ends_with(0);
    assert_eq!(node.books()["removed"], 4);
    assert_eq!(node.live(&blocks), 4);
}

#[test]
fn rates_and_workers_change_live_and_stay_and_say_where_they_come_from() {
    let mut node = Node::start(json!({ "TrashGuardPercent": 100 }));
    let blocks = node.plant(600);
    let set = ["list", "set", "trash", "--items-per-second", "5", "--workers", "2", "--json"];
    let settings = node.run(&set).ends_with(0).json();
    assert_eq!(settings["items_per_second"], json!({ "value": 5, "origin": "runtime" }));
    assert_eq!(settings["workers"], json!({ "value": 2, "origin": "runtime" }));
    assert_eq!(settings["bytes_per_second"], json!({ "value": null, "origin": "config" }));
    node.restart();
    node.send(&blocks);
    assert_eq!(node.books()["settings"]["items_per_second"]["origin"], "runtime");
    node.wait_for("items begun", || node.books()["done"].as_u64().unwrap() > 0);
    // At five a second 600 items would take two minutes: that this ends shows that the change is felt.
    node.run(&["list", "set", "trash", "--items-per-second", "default"]).ends_with(0);
    node.wait_for_state("idle");
    let text = node.run(&["list", "set", "trash"]).ends_with(0).text();
    assert!(text.contains("workers           2         an operator"), "{text}");
    node.run(&["list", "set", "trash", "--workers", "default"]).ends_with(0);
    node.run(&["list", "set", "trash", "--workers", "1000001"]).ends_with(1).complains("workers");
}

#[test]
fn bytes_are_limited_too() {
    let node = Node::start(json!({}));
    let blocks = node.plant(50);
    // Blocks of 12 bytes: two a second.
    node.run(&["list", "set", "trash", "--bytes-per-second", "24"]).ends_with(0);
    node.send(&blocks);
    node.wait_for("items begun", || node.books()["done"].as_u64().unwrap() > 0);
    assert!(node.books()["waiting"].as_u64().unwrap() > 0, "{}", node.books());
    node.run(&["list", "set", "trash", "--bytes-per-second", "0"]).ends_with(0);
    node.wait_for_state("idle");
}

#[test]
fn a_freeze_stops_trashing_until_it_is_lifted() {
    let mut node = Node::start(json!({}));
    let blocks = node.plant(3);
    let freeze = ["freeze", "--reason", "looking into it", "--json"];
    assert_eq!(node.run(&freeze).ends_with(0).json()["frozen"], true);
    assert_eq!(node.send(&blocks)["state"], "frozen");
    node.crash();
    assert_eq!(node.books()["state"], "frozen");
    node.run(&["block", "trash", &blocks[0].hash]).ends_with(1);
    assert_eq!(node.live(&blocks), 3);
    let status = node.run(&["status"]).ends_with(4).text();
    assert!(status.contains("FROZEN") && status.contains("looking into it"), "{status}");
    let ready = node.curl(&[], "/readyz");
    assert!(ready.contains("\"frozen\":true"), "{ready}");
    assert_eq!(node.metric("donjon_frozen"), 1.0);
    let lifted = node.run(&["unfreeze"]).ends_with(0).text();
    assert_eq!(lifted, "frozen: no\n");
    node.wait_for_state("idle");
    assert_eq!((node.live(&blocks), node.metric("donjon_frozen")), (0, 0.0));
    node.run(&["status"]).ends_with(0);
    assert!(node.curl(&[], "/readyz").contains("\"frozen\":false"));
}

#[test]
fn a_freeze_stops_a_list_that_runs() {
    let node = Node::start(json!({}));
    let blocks = node.plant(60);
    node.run(&["list", "set", "trash", "--items-per-second", "5"]).ends_with(0);
    node.send(&blocks);
    node.wait_for("some items done", || node.books()["done"].as_u64().unwrap() >= 2);
    node.run(&["freeze"]).ends_with(0);
    let live = node.live(&blocks);
    assert!(live > 0, "nothing was left to stop");
    // Only the freeze holds the others back.
    node.run(&["list", "set", "trash", "--items-per-second", "default"]).ends_with(0);
    node.wait_for("no item in hand", || node.books()["running"] == 0);
    let books = node.books();
    assert_eq!(books["state"], "frozen", "{books}");
    assert_eq!(node.live(&blocks), live, "trashed after the freeze was answered: {books}");
    node.run(&["unfreeze"]).ends_with(0);
    node.wait_for_state("idle");
    assert_eq!(node.live(&blocks), 0);
}

#[test]
fn a_freeze_stops_emptying_too() {
    // Trash is emptied every second, as soon as it is a second old.
    let collections = json!({ "BlobTrashLifetime": "1s", "BlobTrashCheckInterval": "1s" });
    let node = Node::with_collections(json!({}), collections);
    let blocks = node.plant(2);
    node.run(&["freeze"]).ends_with(0);
    // Trashed long ago, by another keepstore: its deadline has passed.
    let frozen = node.file(&blocks[0].hash);
    let trashed = frozen.with_file_name(format!("{}.trash.1", blocks[0].hash));
    std::fs::rename(&frozen, &trashed).unwrap();
    let rounds = || node.log().matches("not emptied").count();
    node.wait_for("two rounds that empty nothing", || rounds() >= 2);
    assert!(trashed.exists(), "frozen, and yet it is gone");
    node.run(&["unfreeze"]).ends_with(0);
    node.wait_for("the trash emptied", || !trashed.exists());
    assert!(node.is_live(&blocks[1].hash));
}
