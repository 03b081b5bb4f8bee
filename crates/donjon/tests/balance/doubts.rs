//! Whatever is not certain ends the run, and nothing is sent.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

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
fn a_lost_manifest_of_a_removed_collection_has_two_ways_out() {
    let (cluster, garbage) = with_garbage(1);
    let dir = cluster.path("manifests/manifests");
    let files =
        || -> Vec<_> { fs::read_dir(&dir).unwrap().map(|file| file.unwrap().path()).collect() };
    let before = files();
    let other = Block::new("other");
    cluster.plant(0, std::slice::from_ref(&other));
    let rm = |args: &[&str]| {
        let config = cluster.arg("config.yml");
        crate::program::donjon(&[&["rm"], args, &["--config", &config]].concat())
    };
    let lose = || {
        let new = files().into_iter().find(|file| !before.contains(file)).unwrap();
        fs::remove_file(new).unwrap();
    };
    cluster.publish("b", std::slice::from_ref(&other), Some(1));
    lose();
    nothing_is_sent(&cluster, &garbage, "put the same files once more");
    rm(&["--give-up", "b"]).ends_with(3);
    nothing_is_sent(&cluster, &garbage, "\"b\" is gone");
    rm(&["b"]).ends_with(0);
    nothing_is_sent(&cluster, &garbage, "give it up: donjon rm --give-up \"b\"");
    // One way: the same content, under any name.
    cluster.publish("c", std::slice::from_ref(&other), Some(1));
    assert_eq!(files().len(), 3, "the removed one is healed");
    cluster.once();
    cluster.settle();
    assert_eq!((cluster.copies(&garbage), cluster.copies(&other)), (0, 1));
    // The other: it is given up.
    rm(&["c"]).ends_with(0);
    lose();
    lose();
    cluster.balance(&["once"]).ends_with(1);
    rm(&["--give-up", "b", "c"]).ends_with(0);
    rm(&["--give-up", "b"]).ends_with(3);
    cluster.once();
    cluster.settle();
    assert_eq!(cluster.copies(&other), 0, "nobody names it any more");
}

#[test]
fn a_directory_that_changes_all_the_time_is_read_once() {
    let (cluster, garbage) = with_garbage(1);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut count = 0;
            while !stop.load(Ordering::Relaxed) {
                cluster.publish("changing", &[Block::new(&format!("new {count}"))], Some(1));
                count += 1;
            }
            count
        });
        let ran = cluster.balance(&["once"]);
        stop.store(true, Ordering::Relaxed);
        assert!(writer.join().unwrap() > 0);
        let ran = ran.ends_with(0);
        assert!(!ran.stderr.contains("again"), "{}", ran.stderr);
    });
    cluster.settle();
    assert_eq!(cluster.copies(&garbage), 0);
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

#[test]
fn a_list_that_somebody_else_sent_is_cleared_first() {
    let (cluster, garbage) = with_garbage(1);
    cluster.on(0, &["list", "pause", "trash"]).ends_with(0);
    cluster.once();
    let list = cluster.path("theirs.json");
    fs::write(&list, "[]").unwrap();
    cluster.on(0, &["list", "put", "trash", list.to_str().unwrap()]).ends_with(0);
    let said = cluster.once();
    let why = said["cleared_because"].as_str().unwrap();
    assert!(why.contains("has another trash list than we sent"), "{why}");
    assert!(cluster.once()["cleared_because"].is_null(), "what we sent is ours");
    assert_eq!(cluster.copies(&garbage), 1);
}
