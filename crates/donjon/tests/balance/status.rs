//! `donjon balance status`

use std::fs;

use serde_json::json;

use crate::cluster::{Block, Cluster, blocks, wait_for};
use crate::program::donjon;
use crate::running::Service;

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
        .ends_with(3)
        .complains("there was no run yet");
    let ran = donjon(&["balance", "status", "--json", "--state", gone.to_str().unwrap()]);
    assert_eq!(ran.ends_with(3).json(), json!({"at_work": false, "runs": []}));
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    donjon(&["balance", "status", "--state", file.to_str().unwrap()])
        .ends_with(1)
        .complains("is no directory");
}

#[test]
fn a_plan_that_is_refused_before_anybody_is_asked_is_no_run() {
    let cluster = Cluster::start(1, json!({}));
    let block = Block::new("wanted");
    cluster.plant(0, std::slice::from_ref(&block));
    cluster.publish("a", &[block], Some(1));
    let (plan, gone) = (cluster.arg("a.plan"), cluster.arg("gone.plan"));
    cluster.balance(&["plan", "-o", &plan]).ends_with(0);
    cluster.balance(&["apply", &plan, "--digest", "typo"]).ends_with(1).complains("digest");
    cluster.balance(&["apply", &gone, "--digest", "typo"]).ends_with(1).complains("gone.plan");
    let ran = cluster.balance(&["status", "--json"]).ends_with(0).json();
    assert_eq!(ran["runs"].as_array().unwrap().len(), 1, "the plan that was made: {ran}");
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

#[test]
fn a_node_that_is_frozen_is_named_with_the_way_out() {
    let cluster = Cluster::start(1, json!({"MaxTrashPercent": 100}));
    let (wanted, garbage) = (Block::new("wanted"), Block::new("garbage"));
    cluster.plant(0, &[wanted.clone(), garbage.clone()]);
    cluster.publish("a", &[wanted], Some(1));
    let of_node = |command: &str| {
        donjon(&[command, "--url", cluster.url(0), "--config", &cluster.arg("config.yml")])
    };
    of_node("freeze").ends_with(0);
    let url = cluster.url(0).trim_end_matches('/');
    let note = format!("note    {url}/ is frozen: it takes lists and trashes nothing");
    let ran = cluster.balance(&["once"]).ends_with(0);
    assert!(ran.stderr.contains(&note), "{}", ran.stderr);
    let text = cluster.balance(&["status"]).ends_with(0).text();
    assert!(text.contains(&note), "{text}");
    let service = Service::start(&cluster);
    wait_for("the same in the log", || service.log().contains("the node is frozen: it takes"));
    drop(service);
    of_node("unfreeze").ends_with(0);
    cluster.settle();
    assert_eq!(cluster.copies(&garbage), 0);
}
