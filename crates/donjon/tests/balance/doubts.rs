//! Whatever is not certain ends the run, and nothing is sent.

use std::fs;

use serde_json::json;

use crate::cluster::{Block, Cluster};

/// A cluster with something to trash.
fn with_garbage(nodes: usize) -> (Cluster, Block) {
    let cluster = Cluster::start(nodes, json!({"MaxTrashPercent": 100}));
    let (wanted, garbage) = (Block::new("wanted"), Block::new("garbage"));
    cluster.plant(0, &[wanted.clone(), garbage.clone()]);
    cluster.publish("a", &[wanted], Some(1));
    (cluster, garbage)
}

#[track_caller]
fn nothing_is_sent(cluster: &Cluster, garbage: &Block, expected: &str) {
    let ran = cluster.balance(&["once"]).ends_with(1);
    assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    assert_eq!(cluster.copies(garbage), 1);
    let received = &cluster.list_status(0, "trash")["received"];
    assert_eq!(received, 0, "nothing but an empty list came");
}

#[test]
fn a_node_that_does_not_answer() {
    let (mut cluster, garbage) = with_garbage(2);
    cluster.kill(1);
    nothing_is_sent(&cluster, &garbage, cluster.url(1));
    cluster.begin(1);
    cluster.once();
    cluster.settle();
    assert_eq!(cluster.copies(&garbage), 0);
}

#[test]
fn a_directory_of_manifests_that_is_not_there() {
    let (cluster, garbage) = with_garbage(1);
    let (there, away) = (cluster.path("manifests"), cluster.path("away"));
    fs::rename(&there, &away).unwrap();
    nothing_is_sent(&cluster, &garbage, "there is no catalog here");
    fs::create_dir(&there).unwrap();
    nothing_is_sent(&cluster, &garbage, "is the file system mounted");
}

#[test]
fn a_manifest_that_is_gone_or_damaged() {
    let (cluster, garbage) = with_garbage(1);
    let dir = cluster.path("manifests").join("manifests");
    let file = fs::read_dir(dir).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    nothing_is_sent(&cluster, &garbage, "is gone");
    fs::write(&file, String::from_utf8(whole).unwrap().replace(":file", ":fill")).unwrap();
    nothing_is_sent(&cluster, &garbage, "it is damaged");
}

#[test]
fn no_collection_at_all_is_never_believed() {
    let cluster = Cluster::start(1, json!({"MaxTrashPercent": 100}));
    let garbage = Block::new("garbage");
    cluster.plant(0, std::slice::from_ref(&garbage));
    let ran = cluster.balance(&["once"]).ends_with(4);
    assert!(ran.stderr.contains("no collection was found"), "{}", ran.stderr);
    assert!(ran.stderr.contains("cannot be released"), "{}", ran.stderr);
    assert_eq!(cluster.copies(&garbage), 1);
}

#[test]
fn two_balancers_at_once() {
    let (cluster, _garbage) = with_garbage(1);
    let lock = donjon_balance::lock::Lock::take(&cluster.path("balance")).unwrap();
    let ran = cluster.balance(&["once"]).ends_with(1);
    assert!(ran.stderr.contains("another balancer is at work"), "{}", ran.stderr);
    drop(lock);
    cluster.once();
}

#[test]
fn what_was_sent_before_and_is_not_remembered_is_cleared_first() {
    let (cluster, garbage) = with_garbage(1);
    cluster.on(0, &["list", "pause", "trash"]).ends_with(0);
    let first = cluster.once();
    assert!(first["cleared_because"].is_string(), "a new state directory knows nothing: {first}");
    let second = cluster.once();
    assert!(second["cleared_because"].is_null(), "{second}");
    fs::write(cluster.path("balance").join("sent.json"), "{").unwrap();
    let third = cluster.once();
    assert!(third["cleared_because"].is_string(), "{third}");
    assert_eq!(cluster.copies(&garbage), 1);
}
