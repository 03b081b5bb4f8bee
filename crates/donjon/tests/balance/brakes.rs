//! A run that would change too much stops, and a person may let exactly that plan through, once.

use serde_json::json;

use crate::cluster::{Cluster, blocks};

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
