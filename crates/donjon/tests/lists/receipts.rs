//! Each list has an id, a digest, counts, a time and a sender; a stale sender cannot replace a newer list.

use serde_json::json;

use crate::node::{Node, assert_balance, trash_list};

/// The SHA-256 of `[]`.
const EMPTY: &str = "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945";

#[test]
fn the_answer_carries_the_receipt_and_the_status_shows_it() {
    let node = Node::start(json!({}));
    let put = [
        "-X",
        "PUT",
        "-d",
        "[]",
        "-A",
        "a balancer",
        "-H",
        "X-Request-Id: req-7",
        "-H",
        "X-Donjon-Epoch: 9",
    ];
    let answer = node.curl(&put, "/trash");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let digest = format!("x-donjon-list-digest: {EMPTY}");
    for header in [
        "x-donjon-list-id: 1",
        digest.as_str(),
        "x-donjon-list-items: 0",
        "x-donjon-list-state: running",
        "x-donjon-list-durable: true",
    ] {
        assert!(answer.to_lowercase().contains(header), "no {header} in {answer}");
    }
    let books = node.books();
    assert_eq!((&books["generation"], &books["digest"]), (&1.into(), &EMPTY.into()));
    assert_eq!((&books["epoch"], &books["durable"]), (&9.into(), &true.into()));
    assert_eq!(books["source"]["user_agent"], "a balancer");
    assert_eq!(books["source"]["request_id"], "req-7");
    assert!(books["source"]["remote_addr"].as_str().unwrap().starts_with("127.0.0.1"), "{books}");
    let text = node.run(&["list", "show", "trash", "--only", "receipt"]).ends_with(0).text();
    assert!(text.contains("(a balancer), request req-7") && text.contains(EMPTY), "{text}");
}

#[test]
fn a_list_is_known_by_its_id_after_another_has_replaced_it() {
    let mut node = Node::start(json!({}));
    let blocks = node.plant(3);
    let first = node.work_off(&blocks[..2]);
    node.work_off(&blocks[2..]);
    node.restart();
    let shown = node.run(&["list", "status", "1", "--json"]).ends_with(0).json();
    assert_balance(&shown);
    assert_eq!((&shown["digest"], &shown["done"]), (&first["digest"], &2.into()));
    assert_eq!(node.books()["generation"], 2, "ids go on over restarts");
    node.run(&["list", "status", "trash", "99"]).ends_with(3).complains("not found");
    node.run(&["list", "status", "pull", "1"]).ends_with(3).complains("not found");
}

#[test]
fn pull_lists_count_for_themselves() {
    let node = Node::start(json!({}));
    let receipt =
        node.run_with_input(&["list", "put", "pull", "-", "--json"], b"[]").ends_with(0).json();
    assert_eq!((&receipt["id"], &receipt["digest"]), (&1.into(), &EMPTY.into()));
    assert_eq!(node.books()["generation"], 0);
}

#[test]
fn a_lower_epoch_is_refused_and_the_newer_list_stays() {
    let mut node = Node::start(json!({}));
    let blocks = node.plant(1);
    let put = |node: &Node, epoch: &str| {
        node.run_with_input(&["list", "put", "trash", "-", "--epoch", epoch], &trash_list(&blocks))
    };
    put(&node, "5").ends_with(0);
    node.crash();
    let refused = put(&node, "4").ends_with(1).complains("409 Conflict");
    assert!(refused.stderr.contains('4') && refused.stderr.contains('5'), "{}", refused.stderr);
    assert_eq!(node.books()["generation"], 1);
    put(&node, "5").ends_with(0);
    assert_eq!(node.books()["generation"], 2, "the same epoch may send again");
    let refusals = "donjon_lists_refused_total{list=\"trash\",reason=\"stale_epoch\"}";
    assert_eq!(node.metric(refusals), 1.0);
}
