//! What became of lists is read back, and what fails again and again does not go on for ever.

use std::fs;

use serde_json::{Value, json};

use crate::between::Between;
use crate::cluster::{Block, Cluster, blocks};

/// The sum of what nodes say of their lists of the run before.
fn sum(said: &Value, list: &str, what: &str) -> u64 {
    let servers = said["outcomes"].as_array().unwrap();
    servers.iter().map(|server| server[list]["books"][what].as_u64().unwrap_or(0)).sum()
}

fn pulls_sent(said: &Value) -> u64 {
    said["servers"].as_array().unwrap().iter().map(|to| to["pulls"]["sent"].as_u64().unwrap()).sum()
}

/// Damages the copies of these blocks on a node: same size, other bytes.
fn damage(cluster: &Cluster, node: usize, blocks: &[Block]) {
    for block in blocks {
        let file = cluster.file(node, block);
        let mtime = fs::metadata(&file).unwrap().modified().unwrap();
        let length = fs::read(&file).unwrap().len();
        fs::write(&file, vec![b'?'; length]).unwrap();
        let opened = fs::File::options().write(true).open(&file).unwrap();
        opened.set_times(fs::FileTimes::new().set_modified(mtime)).unwrap();
    }
}

#[test]
fn the_next_run_says_what_was_done_left_alone_and_why() {
    let cluster = Cluster::start(2, json!({"MaxTrashPercent": 100}));
    let (wanted, garbage) = (blocks("wanted", 3), blocks("garbage", 4));
    cluster.plant(0, &[wanted.clone(), garbage.clone()].concat());
    cluster.publish("a", &wanted, None);
    cluster.on(0, &["list", "pause", "trash"]).ends_with(0);
    let first = cluster.once();
    assert!(first["outcomes"][0]["trashes"] == "nothing_sent", "{first}");
    // One was written again after the balancer looked.
    cluster.plant_new(0, &garbage[0]);

    // While the list waits, that is what is said; asking changes nothing.
    let plan = cluster.arg("a.plan");
    let made = cluster.balance(&["plan", "-o", &plan]).ends_with(0).text();
    assert!(made.contains("trash lists: 0 of 4 done, 4 not done yet (paused on 1)"), "{made}");

    cluster.on(0, &["list", "resume", "trash"]).ends_with(0);
    cluster.settle();
    let second = cluster.once();
    assert_eq!(sum(&second, "trashes", "done"), 3, "{second}");
    assert_eq!(sum(&second, "pulls", "done"), 3, "{second}");
    let of = |server: &Value| server["trashes"]["books"]["skipped"]["rewritten"].as_u64();
    let skipped: Vec<u64> = second["outcomes"].as_array().unwrap().iter().filter_map(of).collect();
    assert_eq!(skipped, [1], "{second}");
}

#[test]
fn a_copy_that_a_block_needs_is_tried_in_every_run_and_reported_with_its_reason() {
    let cluster = Cluster::start(2, json!({}));
    let block = Block::new("wanted");
    cluster.plant(0, std::slice::from_ref(&block));
    cluster.publish("a", std::slice::from_ref(&block), None);
    damage(&cluster, 0, std::slice::from_ref(&block));
    assert_eq!(pulls_sent(&cluster.once()), 1);
    cluster.settle();
    for _ in 0..3 {
        let plan = cluster.arg("again.plan");
        drop(fs::remove_file(&plan));
        let said = cluster.once();
        assert_eq!(pulls_sent(&said), 1, "{said}");
        let reasons = said["setbacks"]["cannot_be_pulled"].as_object().unwrap();
        assert_eq!(reasons.len(), 1, "{said}");
        assert!(reasons.contains_key("source_unreachable"), "{said}");
        cluster.settle();
        let text = cluster.balance(&["plan", "-o", &plan]).ends_with(0).text();
        assert!(text.contains("could not be pulled (source_unreachable 1)"), "{text}");
        let explained = cluster.balance_explain(&plan, &block.hash);
        assert!(explained.contains("could not be pulled when it was ordered last"), "{explained}");
    }
    // Repaired: it is pulled, and nothing is held against it.
    cluster.plant(0, std::slice::from_ref(&block));
    cluster.once();
    cluster.settle();
    assert_eq!(cluster.copies(&block), 2);
    let said = cluster.once();
    assert_eq!(said["setbacks"]["cannot_be_pulled"], json!({}));
}

#[test]
fn a_replica_that_cannot_be_trashed_is_reported_with_its_reason_and_tried_again() {
    let cluster = Cluster::start(1, json!({"MaxTrashPercent": 100}));
    let (wanted, garbage) = (Block::new("wanted"), Block::new("garbage"));
    cluster.plant(0, &[wanted.clone(), garbage.clone()]);
    cluster.publish("a", &[wanted], Some(1));
    let taken = cluster.take_trash_names(0, &garbage);
    cluster.once();
    cluster.settle();
    for _ in 0..2 {
        let said = cluster.once();
        assert_eq!(said["setbacks"]["cannot_be_trashed"], json!({"volume_error": 1}), "{said}");
        assert_eq!(said["servers"][0]["trashes"]["sent"], 1, "{said}");
        cluster.settle();
        assert_eq!(cluster.copies(&garbage), 1);
    }
    let plan = cluster.arg("a.plan");
    let text = cluster.balance(&["plan", "-o", &plan]).ends_with(0).text();
    assert!(text.contains("1 replica could not be trashed (volume_error 1)"), "{text}");
    let explained = cluster.balance_explain(&plan, &garbage.hash);
    assert!(explained.contains("could not be trashed when it was ordered last"), "{explained}");
    for name in taken {
        fs::remove_file(name).unwrap();
    }
    cluster.once();
    cluster.settle();
    assert_eq!(cluster.copies(&garbage), 0);
    assert_eq!(cluster.once()["setbacks"]["cannot_be_trashed"], json!({}));
}

#[test]
fn a_copy_that_a_block_can_do_without_waits_after_it_failed() {
    let cluster = Cluster::start(3, json!({}));
    let wanted = blocks("wanted", 12);
    cluster.plant(0, &wanted);
    cluster.publish("a", &wanted, Some(1));
    damage(&cluster, 0, &wanted);
    let first = pulls_sent(&cluster.once());
    assert!(first > 0, "some of them belong elsewhere");
    cluster.settle();
    let said = cluster.once();
    assert_eq!(pulls_sent(&said), 0, "{said}");
    assert_eq!(said["setbacks"]["waiting"], first, "{said}");
    assert_eq!(wanted.iter().map(|block| cluster.copies(block)).sum::<usize>(), 12);
    // It is remembered though the lists that failed are gone, and forgetting is harmless.
    let said = cluster.once();
    assert_eq!(said["setbacks"]["waiting"], first, "{said}");
    fs::write(cluster.path("balance").join("setbacks.json"), "{").unwrap();
    assert_eq!(pulls_sent(&cluster.once()), first);
}

#[test]
fn a_plain_keepstore_cannot_tell_and_is_balanced_all_the_same() {
    let cluster = Cluster::start(1, json!({"MaxTrashPercent": 100}));
    let (wanted, garbage) = (Block::new("wanted"), blocks("garbage", 2));
    cluster.plant(0, &[vec![wanted.clone()], garbage.clone()].concat());
    cluster.publish("a", &[wanted], Some(1));
    let plain = Between::plain(cluster.url(0));
    let once = ["once", "--json", "--url", plain.url()];
    let first = cluster.balance(&once).ends_with(0).json();
    assert_eq!(first["servers"][0]["trashes"]["sent"], 2, "{first}");
    cluster.settle();
    assert_eq!(cluster.copies(&garbage[0]), 0);
    let second = cluster.balance(&once).ends_with(0).json();
    assert_eq!(second["outcomes"][0]["trashes"], "not_told", "{second}");
}

#[test]
fn books_that_cannot_be_right_are_not_believed_and_stop_nothing() {
    let cluster = Cluster::start(1, json!({"MaxTrashPercent": 100}));
    let (wanted, garbage) = (Block::new("wanted"), Block::new("garbage"));
    cluster.plant(0, &[wanted.clone(), garbage.clone()]);
    cluster.publish("a", &[wanted], Some(1));
    let liar = Between::start(cluster.url(0), |path, answer| {
        let lie = |from, to| answer.text().replace(from, to);
        Some(if path.starts_with("/donjon/v1/lists/trash/") {
            answer.clone().with_body(lie("\"received\":1", "\"received\":77"))
        } else if path.starts_with("/donjon/v1/lists/pull/") {
            answer.clone().with_body(lie("\"received\":0", "\"received\":88"))
        } else {
            answer
        })
    });
    let once = ["once", "--json", "--url", liar.url()];
    cluster.balance(&once).ends_with(0);
    cluster.settle();
    assert_eq!(cluster.copies(&garbage), 0);
    let said = cluster.balance(&once).ends_with(0).json();
    let why = said["outcomes"][0]["trashes"]["unknown"]["why"].as_str().unwrap();
    assert!(why.contains("77 were received"), "{said}");
    // A node that lies of one list is asked for the other.
    let why = said["outcomes"][0]["pulls"]["unknown"]["why"].as_str().unwrap();
    assert!(why.contains("88 were received"), "{said}");
}
