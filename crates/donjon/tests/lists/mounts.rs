//! `GET /mounts` tells when another directory has taken a volume's place.

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::node::{MOUNT, Node};

/// What the node says of its only mount.
fn described(node: &Node) -> Value {
    let answer = node.curl(&[], "/mounts");
    let (_head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mounts: Value = serde_json::from_str(body).unwrap();
    mounts[0].clone()
}

#[test]
fn the_medium_of_a_mount_changes_when_its_directory_is_replaced_and_not_at_a_restart() {
    let mut node = Node::start(json!({}));
    let first = described(&node);
    let medium = first["medium"].as_str().unwrap().to_owned();
    node.restart();
    assert_eq!(described(&node)["medium"], medium.as_str());
    node.crash();
    assert_eq!(described(&node)["medium"], medium.as_str());

    node.end(Signal::KILL);
    let root = node.path("keep");
    fs::remove_dir_all(&root).unwrap();
    fs::create_dir(&root).unwrap();
    fs::write(root.join(".donjon-volume"), format!("{MOUNT}\n")).unwrap();
    node.begin();
    let second = described(&node);
    assert_eq!((&second["uuid"], &second["device_id"]), (&first["uuid"], &first["device_id"]));
    assert_ne!(second["medium"].as_str().unwrap(), medium);
}
