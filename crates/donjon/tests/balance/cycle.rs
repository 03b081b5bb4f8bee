//! What a balancer is for.

use serde_json::json;

use crate::cluster::{Block, Cluster, blocks, text};

#[test]
fn blocks_are_replicated_then_trimmed_and_garbage_goes_within_a_few_runs() {
    let cluster = Cluster::start(3, json!({"MaxTrashPercent": 100}));
    let (wanted, garbage) = (blocks("wanted", 20), blocks("garbage", 20));
    cluster.plant(0, &wanted);
    cluster.plant(0, &garbage);
    cluster.plant(1, &garbage);
    cluster.publish("a", &wanted, None);

    let mut quiet = 0;
    for _ in 0..8 {
        let said = cluster.once();
        cluster.settle();
        for block in &wanted {
            assert!(cluster.copies(block) >= 1, "a wanted block is gone");
        }
        quiet = if said["servers"]
            .as_array()
            .unwrap()
            .iter()
            .all(|server| server["pulls"]["sent"] == 0 && server["trashes"]["sent"] == 0)
        {
            quiet + 1
        } else {
            0
        };
        if quiet == 2 {
            break;
        }
    }
    assert_eq!(quiet, 2, "it does not come to rest");
    for block in &wanted {
        assert_eq!(cluster.copies(block), 2, "{block:?}");
    }
    for block in &garbage {
        assert_eq!(cluster.copies(block), 0, "{block:?}");
    }
}

#[test]
fn what_is_new_stays_and_what_nobody_wants_goes() {
    let cluster = Cluster::start(1, json!({"MaxTrashPercent": 100}));
    let (wanted, old, new) = (Block::new("wanted"), Block::new("old"), Block::new("new"));
    cluster.plant(0, &[wanted.clone(), old.clone()]);
    cluster.plant_new(0, &new);
    cluster.publish("a", std::slice::from_ref(&wanted), Some(1));
    cluster.once();
    cluster.settle();
    assert_eq!([&wanted, &old, &new].map(|block| cluster.copies(block)), [1, 0, 1]);
}

#[test]
fn a_removed_collection_is_a_reference_until_the_signature_ttl_is_over() {
    let cluster = Cluster::start(1, json!({"MaxTrashPercent": 100}));
    let (kept, gone) = (Block::new("kept"), Block::new("gone"));
    cluster.plant(0, &[kept.clone(), gone.clone()]);
    cluster.publish("kept", std::slice::from_ref(&kept), Some(1));
    cluster.publish("gone", std::slice::from_ref(&gone), Some(1));
    // Replaced just now: whoever holds a signature may still use it.
    cluster.publish("kept", &[Block::new("other")], Some(1));
    cluster.remove_long_ago("gone");
    cluster.once();
    cluster.settle();
    assert_eq!([&kept, &gone].map(|block| cluster.copies(block)), [1, 0]);
}

#[test]
fn lost_blocks_are_reported_with_the_collections_that_want_them() {
    let cluster = Cluster::start(1, json!({}));
    let (there, lost) = (Block::new("there"), Block::new("lost"));
    cluster.plant(0, std::slice::from_ref(&there));
    cluster.publish("a", &[there, lost.clone()], Some(1));
    let said = cluster.once();
    assert_eq!(said["lost"], 1);
    let report = text(&cluster.path("lost"));
    let mut words = report.trim_end().split(' ');
    assert_eq!(words.next(), Some(lost.hash.as_str()));
    assert_eq!(words.count(), 1, "{report}");
    // It is replaced as a whole.
    cluster.plant(0, std::slice::from_ref(&lost));
    cluster.once();
    assert_eq!(text(&cluster.path("lost")), "");
}

#[test]
fn lost_blocks_are_said_in_words_and_by_the_exit_status() {
    let cluster = Cluster::start(1, json!({}));
    let (there, mut lost) = (Block::new("there"), blocks("lost", 7));
    cluster.plant(0, std::slice::from_ref(&there));
    cluster.publish("a", &[vec![there], lost.clone()].concat(), Some(1));
    lost.sort_by(|a, b| a.hash.cmp(&b.hash));
    let first: Vec<&str> = lost[..5].iter().map(|block| block.hash.as_str()).collect();
    let what = "7 blocks are LOST: collections name them, and no node has them";
    let named = format!("{what}: {} …; donjon balance plan explain", first.join(" "));
    let plan = cluster.arg("a.plan");
    let report = cluster.arg("lost");
    for command in [&["once"][..], &["plan", "-o", &plan]] {
        let said = cluster.balance(command).ends_with(4).text();
        assert!(said.contains(&named) && said.contains(&report), "{said}");
        assert!(!said.contains("too few volumes"), "{said}");
    }
    let shown = crate::program::donjon(&["balance", "plan", "show", &plan]).ends_with(0).text();
    assert!(shown.contains(&named), "{shown}");
    let status = cluster.balance(&["status"]).ends_with(4).text();
    assert!(status.contains(what), "{status}");
    cluster.configure_collections("BlobMissingReport", json!(""));
    let said = cluster.balance(&["once"]).ends_with(4).text();
    assert!(said.contains("BlobMissingReport is not set"), "{said}");
    // One that is there and cannot have two copies on one node is another matter.
    cluster.plant(0, &lost);
    cluster.publish("b", &lost[..1], Some(2));
    let said = cluster.balance(&["once"]).ends_with(0).text();
    assert!(!said.contains("LOST") && said.contains("note    1 block cannot have"), "{said}");
}

#[test]
fn replicas_on_the_list_that_a_node_still_has_do_not_protect_a_block() {
    let cluster = Cluster::start(2, json!({"MaxTrashPercent": 100}));
    let (block, other) = (Block::new("block"), Block::new("other"));
    cluster.plant(0, &[block.clone(), other.clone()]);
    cluster.plant(1, &[block.clone(), other.clone()]);
    // One copy is wanted: the other goes on a list, which the nodes do not work off yet.
    cluster.publish("a", &[block.clone(), other], Some(1));
    for node in 0..2 {
        cluster.on(node, &["list", "pause", "trash"]).ends_with(0);
    }
    let first = cluster.once();
    let listed: u64 =
        (0..2).map(|node| first["servers"][node]["trashes"]["sent"].as_u64().unwrap()).sum();
    assert_eq!(listed, 2);
    // The one on the list may go at any moment, so it is no copy: two are wanted now, and one is missing.
    cluster.publish("a", &[block.clone(), Block::new("other")], Some(2));
    let plan = cluster.arg("second.plan");
    cluster.balance(&["plan", "-o", &plan]).ends_with(0);
    let said = cluster.balance_explain(&plan, &block.hash);
    assert!(said.contains("on the trash list that was sent before"), "{said}");
    for node in 0..2 {
        cluster.on(node, &["list", "resume", "trash"]).ends_with(0);
    }
    for _ in 0..4 {
        cluster.settle();
        cluster.once();
    }
    cluster.settle();
    assert_eq!(cluster.copies(&block), 2);
}

#[test]
fn limits_of_nought_send_nothing_and_lower_ones_leave_the_rest_to_later_runs() {
    let cluster = Cluster::start(1, json!({"MaxTrashPercent": 100}));
    let (wanted, garbage) = (Block::new("wanted"), blocks("garbage", 5));
    cluster.plant(0, &[vec![wanted.clone()], garbage.clone()].concat());
    cluster.publish("a", &[wanted], Some(1));
    for key in ["BalancePullLimit", "BalanceTrashLimit"] {
        cluster.configure_collections(key, json!(0));
    }
    for _ in 0..2 {
        let said = cluster.once();
        let to = &said["servers"][0];
        assert!(to["pulls"].is_null() && to["trashes"].is_null(), "{said}");
    }
    assert_eq!(cluster.list_status(0, "trash")["received"], 0);
    cluster.configure_collections("BalanceTrashLimit", json!(3));
    let said = cluster.once();
    let trashes = &said["servers"][0]["trashes"];
    assert_eq!((&trashes["sent"], &trashes["deferred"]), (&json!(3), &json!(2)));
    cluster.settle();
    cluster.once();
    cluster.settle();
    assert!(garbage.iter().all(|block| cluster.copies(block) == 0));
}
