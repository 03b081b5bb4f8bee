//! `donjon balance status`

use std::fs;

use serde_json::json;

use crate::cluster::{Block, Cluster, blocks};
use crate::program::donjon;

#[test]
fn every_run_is_remembered_with_its_result_and_its_reason() {
    let mut cluster = Cluster::start(1, json!({"BrakeFloor": 3}));
    let status = |cluster: &Cluster| cluster.balance(&["status", "--json"]);
    status(&cluster).ends_with(3);
    let (wanted, garbage) = (blocks("wanted", 9), blocks("garbage", 9));
    cluster.plant(0, &wanted);
    cluster.publish("a", &wanted, Some(1));
    cluster.once();
    cluster.plant(0, &garbage);
    cluster.balance(&["once"]).ends_with(4);
    let ran = status(&cluster).ends_with(4).json();
    assert_eq!(ran["at_work"], false);
    let [sent, held] = [&ran["runs"][0], &ran["runs"][1]];
    assert_eq!((&sent["ended"], &sent["found"]["replicas"]), (&json!("sent"), &json!(9)));
    assert_eq!((&held["ended"], &held["sent"]), (&json!("held"), &json!(null)));
    assert!(held["why"][0].as_str().unwrap().contains("9 of 18 replicas"), "{held}");

    let plan =
        cluster.path("balance/plans").join(format!("{}.plan", held["plan"].as_str().unwrap()));
    let digest = held["digest"].as_str().unwrap();
    let plan = plan.to_str().unwrap();
    cluster.balance(&["apply", plan, "--digest", digest, "--release-brakes"]).ends_with(0);
    cluster.settle();
    cluster.kill(0);
    cluster.balance(&["once"]).ends_with(1);
    let ran = status(&cluster).ends_with(4).json();
    let asked: Vec<&str> =
        ran["runs"].as_array().unwrap().iter().map(|run| run["asked"].as_str().unwrap()).collect();
    assert_eq!(asked, ["once", "once", "apply", "once"]);
    assert_eq!(ran["runs"][2]["sent"]["trashes"], 9);
    assert_eq!(ran["runs"][3]["ended"], "failed");
    let text = cluster.balance(&["status"]).ends_with(4).text();
    for expected in ["failed", "held", cluster.url(0), "No balancer is at work now"] {
        assert!(text.contains(expected), "{text}");
    }
    cluster.begin(0);
    cluster.once();
    let last = status(&cluster).ends_with(0).json()["runs"][4].clone();
    assert_eq!(last["before"]["trashes"]["received"], 9, "{last}");
}

#[test]
fn it_needs_no_configuration_and_makes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().to_str().unwrap();
    donjon(&["balance", "status", "--state", state]).ends_with(3);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    let gone = dir.path().join("gone");
    donjon(&["balance", "status", "--state", gone.to_str().unwrap()])
        .ends_with(1)
        .complains("there is no such state directory");
}

#[test]
fn a_lock_that_cannot_be_looked_at_is_an_error_and_not_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let lock = dir.path().join("lock");
    // Nobody can open it, root neither.
    std::os::unix::fs::symlink(&lock, &lock).unwrap();
    donjon(&["balance", "status", "--state", dir.path().to_str().unwrap()])
        .ends_with(1)
        .complains("cannot be locked");
}

#[test]
fn a_run_that_is_at_work_is_seen_and_one_that_was_killed_too() {
    let cluster = Cluster::start(1, json!({}));
    let block = Block::new("wanted");
    cluster.plant(0, std::slice::from_ref(&block));
    cluster.publish("a", &[block], Some(1));
    cluster.once();
    let file = cluster.path("balance").join("history.json");
    let noted = fs::read_to_string(&file)
        .unwrap()
        .replace("\"sent\",\"seconds\"", "\"running\",\"seconds\"");
    fs::write(&file, noted).unwrap();
    let lock = donjon_balance::lock::Lock::take(&cluster.path("balance")).unwrap();
    let ran = cluster.balance(&["status", "--json"]).ends_with(0).json();
    assert_eq!((&ran["at_work"], &ran["runs"][0]["ended"]), (&json!(true), &json!("running")));
    drop(lock);
    let text = cluster.balance(&["status"]).ends_with(4).text();
    assert!(text.contains("it was killed, or the machine stopped"), "{text}");
}
