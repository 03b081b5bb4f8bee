//! `donjon index`, `mounts` and `status`.

use serde_json::json;

use crate::node::Node;

#[test]
fn the_index_lists_what_is_stored() {
    let node = Node::start();
    assert_eq!(node.run(&["index"]).ends_with(0).text(), "");
    node.store(b"foo");
    node.store(b"barbar");
    let mtime = node.age("acbd18db4cc2f85cedef654fccc4a4d8");
    let text = node.run(&["index", "--prefix", "acb"]).ends_with(0).text();
    assert_eq!(text, format!("acbd18db4cc2f85cedef654fccc4a4d8+3 {mtime}\n"));
    let lines = node.run(&["index", "--prefix", "acb", "--json"]).ends_with(0).json_lines();
    assert_eq!(
        lines,
        [json!({ "hash": "acbd18db4cc2f85cedef654fccc4a4d8", "size": 3, "mtime_ns": mtime })]
    );
    assert_eq!(node.run(&["index", "--count"]).ends_with(0).text(), "2 replicas, 9 B\n");
    assert_eq!(
        node.run(&["index", "--count", "--json"]).ends_with(0).json(),
        json!({ "replicas": 2, "bytes": 9 })
    );
}

#[test]
fn one_mount_can_be_listed_and_an_unknown_one_is_not_found() {
    let node = Node::start();
    node.store(b"foo");
    let count = node.run(&["index", "--mount", &node.mount(), "--count"]).ends_with(0).text();
    assert_eq!(count, "1 replica, 3 B\n");
    node.run(&["index", "--mount", "zzzzz-nyw5e-zzzzzzzzzzzzzzz"])
        .ends_with(3)
        .complains("not found");
}

#[test]
fn mounts_are_described() {
    let node = Node::start();
    let mounts = node.run(&["mounts", "--json"]).ends_with(0).json();
    assert_eq!(mounts[0]["allow_write"], true);
    let text = node.run(&["mounts"]).ends_with(0).text();
    assert!(
        text.starts_with("MOUNT") && text.contains(mounts[0]["uuid"].as_str().unwrap()),
        "{text}"
    );
}

#[test]
fn the_status_is_one_glance() {
    let node = Node::start();
    let status = node.run(&["status", "--json"]).ends_with(0).json();
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["volumes"].as_array().unwrap().len(), 1);
    let text = node.run(&["status"]).ends_with(0).text();
    assert!(
        text.contains("cluster donjn") && text.contains("none") && text.contains("pull"),
        "{text}"
    );
}
