//! Watching a list to its end, while somebody else sends another one.

use std::process::{Child, Stdio};

use serde_json::json;

use crate::node::{Node, Old, trash_list};
use crate::program::Ran;

/// A node that needs a minute for the sixty blocks on its disk.
fn slow_node() -> (Node, Vec<Old>) {
    let node = Node::start(json!({}));
    let blocks = node.plant(60);
    node.run(&["list", "set", "trash", "--items-per-second", "1"]).ends_with(0);
    (node, blocks)
}

/// Begins a command that watches.
fn begin(node: &Node, args: &[&str]) -> Child {
    node.command(args).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap()
}

/// Its end.
fn end(watching: Child) -> Ran {
    watching.wait_with_output().unwrap().into()
}

/// How often somebody has read the books of the trash list.
fn looks(node: &Node) -> usize {
    let is_look = |line: &&str| {
        line.contains("\"reqPath\":\"donjon/v1/lists/trash\"") && line.contains("\"response\"")
    };
    node.log().lines().filter(is_look).count()
}

#[test]
fn waiting_for_a_list_that_is_replaced_is_no_success() {
    let (node, blocks) = slow_node();
    let file = node.path("list.json");
    std::fs::write(&file, trash_list(&blocks)).unwrap();
    let put = ["list", "put", "trash", file.to_str().unwrap(), "--wait", "--json"];
    let watching = begin(&node, &put);
    node.wait_for("a look at the list", || looks(&node) > 0);
    // Nothing waits on the list of somebody else.
    assert_eq!(node.send(&[])["id"], 2);
    let books = end(watching).ends_with(4).json();
    assert_eq!((&books["generation"], &books["received"]), (&1.into(), &60.into()), "{books}");
    assert!(books["superseded"].as_u64().unwrap() > 0, "{books}");
}

#[test]
fn watching_goes_on_with_the_list_that_replaces_the_first() {
    let (node, blocks) = slow_node();
    node.send(&blocks[..30]);
    let watching = begin(&node, &["list", "status", "trash", "--watch", "--json"]);
    node.wait_for("a look at the first list", || looks(&node) > 0);
    node.send(&blocks);
    let before = looks(&node);
    // One look may have been on its way already.
    node.wait_for("a look at the second list", || looks(&node) >= before + 2);
    node.run(&["list", "set", "trash", "--items-per-second", "default"]).ends_with(0);
    let books = end(watching).ends_with(0).json();
    assert_eq!((&books["generation"], &books["waiting"]), (&2.into(), &0.into()), "{books}");
    assert_eq!(node.live(&blocks), 0);
}

#[test]
fn waiting_for_a_list_that_nobody_works_on_is_an_error_but_the_list_is_there() {
    let node = Node::start(json!({}));
    let blocks = node.plant(2);
    node.run(&["list", "pause", "trash"]).ends_with(0);
    let put = ["list", "put", "trash", "-", "--wait"];
    node.run_with_input(&put, &trash_list(&blocks)).ends_with(1).complains("is not worked off");
    assert_eq!(node.books()["waiting"], 2);
}
