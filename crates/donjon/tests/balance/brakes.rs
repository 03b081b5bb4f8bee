//! A run that would change too much stops, and a person may let exactly that plan through, once.

use std::fs;

use serde_json::json;

use crate::cluster::{Block, Cluster, blocks, wait_for};

#[test]
fn a_mass_deletion_is_held_until_its_plan_is_released_by_its_digest() {
    let cluster = Cluster::start(1, json!({"BrakeFloor": 5}));
    let (wanted, garbage) = (blocks("wanted", 10), blocks("garbage", 10));
    cluster.plant(0, &wanted);
    cluster.plant(0, &garbage);
    cluster.publish("a", &wanted, Some(1));

    let ran = cluster.balance(&["once"]).ends_with(4);
    assert!(
        ran.stderr.contains("10 of 20 replicas would be trashed, more than 20 %"),
        "{}",
        ran.stderr
    );
    assert!(garbage.iter().all(|block| cluster.copies(block) == 1));

    let plan = cluster.arg("the.plan");
    let made = cluster.balance(&["plan", "-o", &plan, "--json"]).ends_with(4).json();
    let digest = made["digest"].as_str().unwrap();
    cluster.balance(&["apply", &plan, "--digest", digest]).ends_with(4);
    let other = "0".repeat(64);
    let ran =
        cluster.balance(&["apply", &plan, "--digest", &other, "--release-brakes"]).ends_with(1);
    assert!(ran.stderr.contains("look at the plan again"), "{}", ran.stderr);
    assert!(garbage.iter().all(|block| cluster.copies(block) == 1));

    cluster.balance(&["apply", &plan, "--digest", digest, "--release-brakes"]).ends_with(0);
    cluster.settle();
    assert!(garbage.iter().all(|block| cluster.copies(block) == 0));
    assert!(wanted.iter().all(|block| cluster.copies(block) == 1));

    let ran =
        cluster.balance(&["apply", &plan, "--digest", digest, "--release-brakes"]).ends_with(1);
    assert!(ran.stderr.contains("it was sent already"), "{}", ran.stderr);
}

#[test]
fn a_directory_with_far_fewer_collections_than_before_is_held() {
    let cluster = Cluster::start(1, json!({"BrakeFloor": 2, "MaxTrashPercent": 100}));
    let wanted = blocks("wanted", 8);
    cluster.plant(0, &wanted);
    for (number, block) in wanted.iter().enumerate() {
        cluster.publish(&format!("c{number}"), std::slice::from_ref(block), Some(1));
    }
    cluster.once();
    for number in 0..4 {
        cluster.remove_long_ago(&format!("c{number}"));
    }
    let ran = cluster.balance(&["once"]).ends_with(4);
    assert!(ran.stderr.contains("4 collections were found, 8 in the run before"), "{}", ran.stderr);
    assert!(wanted.iter().all(|block| cluster.copies(block) == 1));
}

#[test]
fn a_directory_that_was_restored_from_a_backup_is_held_however_small() {
    let cluster = Cluster::start(1, json!({"BrakeFloor": 1000, "MaxTrashPercent": 100}));
    let (old, new) = (Block::new("old"), Block::new("new"));
    cluster.plant(0, &[old.clone(), new.clone()]);
    cluster.publish("old", std::slice::from_ref(&old), Some(1));
    cluster.back_up_manifests();
    cluster.publish("new", std::slice::from_ref(&new), Some(1));
    cluster.once();

    cluster.restore_manifests();
    let ran = cluster.balance(&["once"]).ends_with(4);
    assert!(ran.stderr.contains("was it restored from a backup?"), "{}", ran.stderr);
    cluster.settle();
    assert_eq!(cluster.copies(&new), 1, "what came after the backup is not garbage");

    // Meant so: one plan, by its digest, and the next run compares with it.
    let plan = cluster.arg("the.plan");
    let made = cluster.balance(&["plan", "-o", &plan, "--json"]).ends_with(4).json();
    let digest = made["digest"].as_str().unwrap();
    cluster.balance(&["apply", &plan, "--digest", digest, "--release-brakes"]).ends_with(0);
    cluster.settle();
    assert_eq!((cluster.copies(&old), cluster.copies(&new)), (1, 0));
    cluster.once();
}

/// When the time of what was removed is up, fewer collections are read of a directory that nobody has written.
#[test]
fn a_directory_that_outlived_what_was_removed_before_is_not_held() {
    let cluster = Cluster::start(1, json!({"MaxTrashPercent": 100}));
    cluster.configure_collections("BlobSigningTTL", json!("1s"));
    let all = blocks("block", 3);
    cluster.plant(0, &all);
    for (number, block) in all.iter().enumerate() {
        cluster.publish(&format!("c{number}"), std::slice::from_ref(block), Some(1));
    }
    cluster.once();
    // By the command, which knows the TTL.
    cluster.files(&["rm", "c1", "c2"]).ends_with(0);
    wait_for("a run that reads one collection", || cluster.once()["collections"] == 1);
}

/// Who writes on in a restored directory makes it look newer than it was, and erases what it does not know.
#[test]
fn a_directory_that_went_back_is_held_until_somebody_has_looked_though_it_is_written_on() {
    let cluster = Cluster::start(1, json!({"MaxTrashPercent": 100}));
    let [old, new, next, last] = ["old", "new", "next", "last"].map(Block::new);
    cluster.plant(0, &[old.clone(), new.clone(), next.clone(), last.clone()]);
    cluster.publish("old", &[old], Some(1));
    let catalog = cluster.path("manifests/catalog");
    let before = fs::read(&catalog).unwrap();
    cluster.publish("new", std::slice::from_ref(&new), Some(1));
    cluster.once();
    fs::write(&catalog, before).unwrap();
    cluster.balance(&["once"]).ends_with(4);
    cluster.publish("next", &[next], Some(1));
    cluster.balance(&["once"]).ends_with(4);
    cluster.publish("last", &[last], Some(1));
    let ran = cluster.balance(&["once"]).ends_with(4);
    assert!(ran.stderr.contains("nobody has released a plan since"), "{}", ran.stderr);
    cluster.settle();
    assert_eq!(cluster.copies(&new), 1);
    let plan = cluster.arg("the.plan");
    let made = cluster.balance(&["plan", "-o", &plan, "--json"]).ends_with(4).json();
    let digest = made["digest"].as_str().unwrap();
    cluster.balance(&["apply", &plan, "--digest", digest, "--release-brakes"]).ends_with(0);
    cluster.once();
}
