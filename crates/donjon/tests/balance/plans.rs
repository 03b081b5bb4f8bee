//! The dry run is the artefact that is applied.

use std::fs;

use serde_json::json;

use crate::cluster::{Block, Cluster, blocks, mount};
use crate::program::donjon;

impl Cluster {
    /// What a plan says of a block, for people.
    #[track_caller]
    pub(crate) fn balance_explain(&self, plan: &str, hash: &str) -> String {
        donjon(&["balance", "plan", "explain", plan, hash, "--verify"]).ends_with(0).text()
    }
}

#[test]
fn a_plan_is_shown_compared_explained_and_applied_exactly() {
    let cluster = Cluster::start(2, json!({"MaxTrashPercent": 100}));
    let (wanted, garbage) = (Block::new("wanted"), Block::new("garbage"));
    cluster.plant(0, &[wanted.clone(), garbage.clone()]);
    cluster.publish("a", std::slice::from_ref(&wanted), None);

    let (first, second) = (cluster.arg("first.plan"), cluster.arg("second.plan"));
    let made = cluster.balance(&["plan", "-o", &first, "--json"]).ends_with(0).json();
    assert_eq!(cluster.copies(&garbage), 1, "a plan touches nothing");
    cluster.balance(&["plan", "-o", &first]).ends_with(1).complains("first.plan");

    let shown = donjon(&["balance", "plan", "show", &first]).ends_with(0).text();
    for expected in [made["digest"].as_str().unwrap(), "manifest_store", cluster.url(0)] {
        assert!(shown.contains(expected), "{shown}");
    }
    let said = cluster.balance_explain(&first, &garbage.hash);
    assert!(said.contains("No collection names the block"), "{said}");
    let said = cluster.balance_explain(&first, &wanted.hash);
    assert!(said.contains("fewer copies than wanted"), "{said}");
    assert_eq!(cluster.balance_explain(&first, &wanted.locator()), said, "as the plan prints it");
    donjon(&["balance", "plan", "explain", &first, &Block::new("x").hash]).ends_with(3);
    donjon(&["balance", "plan", "show", &cluster.arg("gone.plan")])
        .ends_with(1)
        .complains("gone.plan: No such file");
    donjon(&["balance", "plan", "show", &cluster.arg("balance")])
        .ends_with(1)
        .complains("balance: Is a directory");

    cluster.balance(&["plan", "-o", &second]).ends_with(0);
    donjon(&["balance", "plan", "diff", &first, &second]).ends_with(0);
    cluster.plant(1, &[Block::new("more garbage")]);
    let third = cluster.arg("third.plan");
    let newest = cluster.balance(&["plan", "-o", &third, "--json"]).ends_with(0).json();
    let ran = donjon(&["balance", "plan", "diff", &first, &third]).ends_with(4);
    let diff = ran.text();
    let added = format!("added: trash {} on {} (unreferenced)", mount(1), cluster.url(1));
    let block = format!("+ {}  {added}", Block::new("more garbage").locator());
    for expected in ["NODE", "unreferenced      1        0        0", &block] {
        assert!(diff.contains(expected), "{diff}");
    }

    let digest = newest["digest"].as_str().unwrap();
    cluster.balance(&["apply", &third, "--digest", digest]).ends_with(0);
    cluster.settle();
    assert_eq!((cluster.copies(&garbage), cluster.copies(&wanted)), (0, 2));

    // What was made before other lists were sent does not know of them.
    let digest = made["digest"].as_str().unwrap();
    let ran = cluster.balance(&["apply", &first, "--digest", digest]).ends_with(1);
    assert!(ran.stderr.contains("lists were sent since this plan was made"), "{}", ran.stderr);
}

#[test]
fn a_plan_that_was_changed_is_not_applied() {
    let cluster = Cluster::start(1, json!({"MaxTrashPercent": 100}));
    let (wanted, garbage) = (Block::new("wanted"), Block::new("garbage"));
    cluster.plant(0, &[wanted.clone(), garbage.clone()]);
    cluster.publish("a", std::slice::from_ref(&wanted), Some(1));
    let plan = cluster.arg("a.plan");
    let made = cluster.balance(&["plan", "-o", &plan, "--json"]).ends_with(0).json();
    let text = fs::read_to_string(&plan).unwrap();
    fs::write(&plan, text.replace(&garbage.hash, &wanted.hash)).unwrap();
    let digest = made["digest"].as_str().unwrap();
    cluster.balance(&["apply", &plan, "--digest", digest]).ends_with(1);
    donjon(&["balance", "plan", "show", &plan]).ends_with(1);
    assert_eq!((cluster.copies(&garbage), cluster.copies(&wanted)), (1, 1));
}

#[test]
fn a_damaged_copy_of_a_plan_does_not_take_the_place_of_the_good_one() {
    let cluster = Cluster::start(1, json!({"MaxTrashPercent": 100}));
    let (wanted, garbage) = (Block::new("wanted"), Block::new("garbage"));
    cluster.plant(0, &[wanted.clone(), garbage.clone()]);
    cluster.publish("a", std::slice::from_ref(&wanted), Some(1));
    let (plan, damaged) = (cluster.arg("a.plan"), cluster.arg("damaged.plan"));
    let made = cluster.balance(&["plan", "-o", &plan, "--json"]).ends_with(0).json();
    let text = fs::read_to_string(&plan).unwrap();
    fs::write(&damaged, text.replace(&garbage.hash, &wanted.hash)).unwrap();
    let digest = made["digest"].as_str().unwrap();
    let ran = cluster.balance(&["apply", &damaged, "--digest", digest]).ends_with(1);
    assert!(ran.stderr.contains("damaged.plan"), "{}", ran.stderr);
    cluster.balance(&["apply", &plan, "--digest", digest]).ends_with(0);
    cluster.settle();
    assert_eq!((cluster.copies(&garbage), cluster.copies(&wanted)), (0, 1));
}

#[test]
fn a_plan_for_other_mounts_is_not_applied() {
    let cluster = Cluster::start(2, json!({"MaxTrashPercent": 100}));
    let block = Block::new("wanted");
    cluster.plant(0, std::slice::from_ref(&block));
    cluster.publish("a", std::slice::from_ref(&block), None);
    let plan = cluster.arg("a.plan");
    let one = [cluster.url(0), "--token", "rootrootrootrootrootrootrootroot"];
    let [url, token_flag, token] = one;
    let made = cluster.balance(&["plan", "-o", &plan, "--json", "--url", url, token_flag, token]);
    let digest = made.ends_with(0).json()["digest"].as_str().unwrap().to_owned();
    let ran = cluster.balance(&["apply", &plan, "--digest", &digest]).ends_with(1);
    assert!(ran.stderr.contains("changed since the plan was made"), "{}", ran.stderr);
}

#[test]
fn a_diff_counts_first_shows_so_many_blocks_and_says_what_is_left_out() {
    let cluster = Cluster::start(1, json!({"MaxTrashPercent": 100}));
    let (wanted, garbage) = (Block::new("wanted"), blocks("garbage", 5));
    cluster.plant(0, std::slice::from_ref(&wanted));
    cluster.publish("a", &[wanted.clone(), Block::new("lost")], Some(1));
    let (first, second) = (cluster.arg("first.plan"), cluster.arg("second.plan"));
    cluster.balance(&["plan", "-o", &first]).ends_with(4);
    cluster.plant(0, &garbage);
    cluster.plant(0, &[Block::new("lost")]);
    cluster.balance(&["plan", "-o", &second]).ends_with(0);
    let diff = |args: &[&str]| {
        donjon(&[&["balance", "plan", "diff", &first, &second], args].concat()).ends_with(4)
    };
    let said = diff(&["--json", "--limit", "2"]).json();
    assert_eq!(
        said["blocks"],
        json!({"only_in_first": 1, "only_in_second": 5, "changed": 0, "same": 0})
    );
    assert_eq!((said["differences"].as_array().unwrap().len(), &said["left_out"]), (2, &json!(4)));
    let counts: Vec<_> =
        said["counts"].as_array().unwrap().iter().map(|row| &row["list"]).collect();
    assert_eq!(counts, ["lost", "trash"], "{said}");
    assert_eq!(
        (&said["counts"][0]["removed"], &said["counts"][1]["added"]),
        (&json!(1), &json!(5))
    );
    let text = diff(&["--limit", "2"]).text();
    assert!(text.ends_with("and 4 more; --limit 0 shows all\n"), "{text}");
    assert_eq!(diff(&["--limit", "0", "--json"]).json()["left_out"], 0);
}

#[test]
fn a_plan_that_was_made_for_fewer_copies_is_not_applied() {
    let cluster = Cluster::start(2, json!({"MaxTrashPercent": 100}));
    let block = [Block::new("block")];
    cluster.plant(0, &block);
    cluster.plant(1, &block);
    cluster.publish("a", &block, None);
    cluster.configure_collections("DefaultReplication", json!(1));
    let plan = cluster.arg("the.plan");
    let made = cluster.balance(&["plan", "-o", &plan, "--json"]).ends_with(0).json();
    let digest = made["digest"].as_str().unwrap();
    cluster.configure_collections("DefaultReplication", json!(2));
    let ran = cluster.balance(&["apply", &plan, "--digest", digest]).ends_with(1);
    assert!(ran.stderr.contains("another DefaultReplication"), "{}", ran.stderr);
    cluster.settle();
    assert_eq!(cluster.copies(&block[0]), 2);
}
