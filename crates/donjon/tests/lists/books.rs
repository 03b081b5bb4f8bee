//! received = waiting + running + done + skipped + failed + superseded + removed, in every reading, in API, CLI and
//! metrics: while lists are worked off, replaced and resumed.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::node::{Node, Old, assert_balance};

#[test]
fn the_books_balance_while_lists_are_replaced_and_the_node_restarts() {
    let mut node = Node::start(json!({ "TrashGuardPercent": 100 }));
    let blocks = node.plant(400);
    node.run(&["list", "set", "trash", "--items-per-second", "10"]).ends_with(0);
    let (first, second) = blocks.split_at(200);
    let sent = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut readings = 0;
            while !sent.load(Ordering::Relaxed) {
                both_are_balanced(&node);
                readings += 1;
            }
            readings
        });
        let all_is_sent = SetOnDrop(&sent);
        for list in [first, second, blocks.as_slice()] {
            node.send(list);
            node.wait_for("some items done", || done(&node.books()) >= 2);
        }
        drop(all_is_sent);
        assert!(reader.join().unwrap() > 0);
    });
    for id in ["1", "2"] {
        let past = node.run(&["list", "status", id, "--json"]).ends_with(0).json();
        assert_balance(&past);
        assert_eq!(past["state"], "superseded");
        assert!(past["superseded"].as_u64().unwrap() > 0, "{past}");
    }
    node.crash();
    both_are_balanced(&node);
    node.run(&["list", "set", "trash", "--items-per-second", "default"]).ends_with(0);
    node.wait_for_state("idle");
    assert_eq!(node.live(&blocks), 0, "the last list names them all");
}

/// Ends the other thread also when this one fails.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn both_are_balanced(node: &Node) {
    let lists = node.run(&["list", "status", "--json"]).ends_with(0).json_lines();
    assert_eq!(lists.len(), 2);
    lists.iter().for_each(assert_balance);
}

fn done(books: &Value) -> u64 {
    books["done"].as_u64().unwrap()
}

#[test]
fn each_way_to_end_is_counted_and_the_metrics_say_the_same() {
    let node = Node::start(json!({}));
    let blocks = node.plant(6);
    let mut list = blocks.clone();
    list[0].mtime -= 1;
    list[1].hash = "00000000000000000000000000000000".to_owned();
    node.run(&["list", "pause", "trash"]).ends_with(0);
    node.send(&list);
    node.run(&["list", "remove", "trash", &list[2].hash]).ends_with(0);
    node.run(&["list", "resume", "trash"]).ends_with(0);
    node.wait_for_state("idle");
    let books = node.books();
    assert_eq!((&books["received"], &books["done"]), (&6.into(), &3.into()), "{books}");
    assert_eq!(books["skipped"], json!({ "absent": 1, "rewritten": 1 }));
    assert_eq!((&books["removed"], &books["failed"]), (&1.into(), &json!({})));
    for (outcome, reason, count) in
        [("done", "", 3.0), ("skipped", "absent", 1.0), ("skipped", "rewritten", 1.0)]
    {
        let labels = format!("list=\"trash\",outcome=\"{outcome}\",reason=\"{reason}\"");
        assert_eq!(node.metric(&format!("donjon_list_items_total{{{labels}}}")), count);
    }
    assert_eq!(node.metric("donjon_list_items{list=\"trash\",state=\"waiting\"}"), 0.0);
    assert_eq!(node.metric("donjon_list_generation{list=\"trash\"}"), 1.0);
}

#[test]
fn rate_age_and_time_left_are_told() {
    let node = Node::start(json!({ "TrashGuardPercent": 100 }));
    let blocks: Vec<Old> = node.plant(200);
    node.run(&["list", "set", "trash", "--items-per-second", "10"]).ends_with(0);
    node.send(&blocks);
    node.wait_for("a forecast", || node.books()["eta_seconds"].is_u64());
    let books = node.books();
    assert!(books["ended_last_minute"].as_u64().unwrap() > 0, "{books}");
    assert!(node.metric("donjon_list_items_per_second{list=\"trash\"}") > 0.0);
    assert!(node.metric("donjon_list_eta_seconds{list=\"trash\"}") > 0.0);
    assert!(node.metric("donjon_list_oldest_item_age_seconds{list=\"trash\"}") >= 0.0);
    let text = node.run(&["list", "show", "trash", "--only", "receipt"]).ends_with(0).text();
    assert!(text.contains("nothing waits in") && text.contains("oldest    has waited"), "{text}");
}

#[test]
fn every_reason_comes_with_a_sentence() {
    let node = Node::start(json!({}));
    let mut blocks = node.plant(1);
    blocks[0].mtime -= 1;
    node.work_off(&blocks);
    let shown =
        node.run(&["list", "show", "trash", "--only", "outcomes", "--json"]).ends_with(0).json();
    let outcome = &shown["outcomes"][0];
    assert_eq!(outcome["reason"], "rewritten");
    assert!(outcome["detail"].as_str().unwrap().ends_with('.'), "{outcome}");
}
