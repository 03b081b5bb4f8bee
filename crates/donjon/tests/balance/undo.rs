//! `donjon rm --undo`: refused once a balancer may have let go, whatever the TTL is today; and what comes back is looked at.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use keep_rules::Timestamp;
use serde_json::{Value, json};

use crate::cluster::{Block, Cluster};
use crate::program::donjon;
use crate::transfers::block_files;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn ago(days: u32) -> Value {
    json!(Timestamp::from(SystemTime::now() - DAY * days).as_nanos())
}

fn ahead(days: u32) -> Value {
    json!(Timestamp::from(SystemTime::now() + DAY * days).as_nanos())
}

impl Cluster {
    /// Dates what was removed: when, and until when it was said to be protected.
    fn date_removed(&self, name: &str, removed_at: &Value, protected_until: &Value) {
        self.edit_catalog(|entry| {
            if entry["name"] == name {
                entry["removed_at"] = removed_at.clone();
                entry["protected_until"] = protected_until.clone();
            }
        });
    }

    /// A collection `all` that was put and removed, with blocks as old as a month.
    fn removed_collection(&self) -> String {
        let files = self.plant_files();
        self.files(&["put", &files, "--name", "all", "--replication", "1"]).ends_with(0);
        self.files(&["rm", "all"]).ends_with(0);
        for block in block_files(self, 0) {
            let mtime = SystemTime::now() - 30 * DAY;
            File::options().write(true).open(block).unwrap().set_modified(mtime).unwrap();
        }
        files
    }

    /// Trashes what the removed collection had, as a balancer does whose clock is far ahead.
    fn trash_too_early(&self) {
        self.anchor();
        self.expire_removed();
        self.once();
        self.settle();
        assert_eq!(block_files(self, 0).len(), 1, "all but the anchor is in the trash");
        self.date_removed("all", &ago(0), &ahead(14));
    }

    /// A collection that stays: without any, no balancer acts.
    fn anchor(&self) {
        let block = [Block::new("anchor")];
        self.plant(0, &block);
        self.publish("anchor", &block, Some(1));
    }
}

/// Everything that the nodes of a test trash may go at once.
fn start() -> Cluster {
    Cluster::start(1, json!({"MaxTrashPercent": 100, "MaxDropPercent": 100}))
}

#[test]
fn undo_with_a_longer_ttl_after_the_time_is_up_is_refused() {
    let cluster = start();
    cluster.removed_collection();
    // It was removed where signatures are valid for a day, and the balancer has let go of it.
    cluster.date_removed("all", &ago(3), &ago(1));
    let too_late = "it was removed too long ago: its blocks may be in the trash";
    let manifests = cluster.arg("manifests");
    donjon(&["rm", "--undo", "all", "--manifests", &manifests, "--ttl", "60d"])
        .ends_with(3)
        .complains(too_late);
    cluster.configure_collections("BlobSigningTTL", json!("1440h"));
    cluster.files(&["rm", "--undo", "all"]).ends_with(3).complains(too_late);
    let said = cluster.files(&["rm", "--undo", "all", "--json"]).ends_with(3).json();
    assert_eq!((&said["result"], &said["undo_until_ns"]), (&json!("too_late"), &Value::Null));
    assert!(said["kept_until_ns"].as_i64() > ago(0).as_i64(), "by today's TTL it is kept: {said}");
}

#[test]
fn the_balancer_protects_until_the_later_of_what_was_said_and_what_is_reckoned_today() {
    let cluster = start();
    let blocks = ["longer then", "longer today", "over"].map(Block::new);
    for block in &blocks {
        cluster.plant(0, std::slice::from_ref(block));
        cluster.publish(&block.hash, std::slice::from_ref(block), Some(1));
        cluster.remove(&block.hash);
    }
    cluster.anchor();
    cluster.date_removed(&blocks[0].hash, &ago(30), &ahead(1));
    cluster.date_removed(&blocks[1].hash, &ago(10), &ago(9));
    cluster.date_removed(&blocks[2].hash, &ago(15), &ago(9));
    cluster.once();
    cluster.settle();
    assert_eq!(blocks.each_ref().map(|block| cluster.copies(block)), [1, 1, 0]);
}

#[test]
fn what_undo_brings_back_is_made_young_so_that_a_list_in_force_leaves_it_alone() {
    let cluster = start();
    let files = cluster.removed_collection();
    let blocks = block_files(&cluster, 0);
    let undone = cluster.files(&["rm", "--undo", "all", "--json"]).ends_with(0);
    assert_eq!(undone.stderr, "");
    let undone = undone.json();
    assert_eq!((&undone["name"], &undone["result"]), (&json!("all"), &json!("brought_back")));
    let looked = json!({
        "looked_at": true, "there": blocks.len(), "missing": [], "in_doubt": [], "files_not_whole": [],
    });
    assert_eq!(undone["blocks"], looked);
    for block in blocks {
        let mtime = fs::metadata(block).unwrap().modified().unwrap();
        assert!(mtime > SystemTime::now() - DAY, "it is young");
    }
    cluster.files(&["get", "all", &cluster.arg("back")]).ends_with(0);
    assert_eq!(
        fs::read(cluster.path("back/large")).unwrap(),
        fs::read(Path::new(&files).join("large")).unwrap()
    );
}

#[test]
fn undo_says_which_blocks_are_in_the_trash_and_is_not_done() {
    let cluster = start();
    cluster.removed_collection();
    let hashes: Vec<String> = block_files(&cluster, 0)
        .iter()
        .map(|block| block.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    cluster.trash_too_early();
    let ran = cluster.files(&["rm", "--undo", "all"]).ends_with(4);
    let count = hashes.len();
    let expected = format!(
        "all: is in the catalog again, and NOT whole: blocks that are missing or in doubt: {count} of {count}; "
    );
    assert!(ran.stderr.contains(&expected), "{}", ran.stderr);
    assert!(hashes.iter().all(|hash| ran.stderr.contains(hash)), "{}", ran.stderr);
    for named in [
        "files that need them: 5 (",
        "sub dir/the same",
        "donjon block untrash HASH",
        "donjon untrash --since TIME",
    ] {
        assert!(ran.stderr.contains(named), "{named}: {}", ran.stderr);
    }
    ran.complains("They may be in the trash");
    // It is live: the balancer says what is lost, and trashes nothing of it.
    assert_eq!(cluster.once()["lost"], json!(count));
    let mut untrash = vec!["block", "untrash"];
    untrash.extend(hashes.iter().map(String::as_str));
    cluster.on(0, &untrash).ends_with(0);
    assert_eq!(cluster.once()["lost"], json!(0));
    cluster.files(&["get", "all", &cluster.arg("back")]).ends_with(0);
}

#[test]
fn a_script_is_told_which_blocks_and_files_are_not_there() {
    let cluster = start();
    cluster.removed_collection();
    cluster.trash_too_early();
    let said = cluster.files(&["rm", "--undo", "all", "nothing", "--json"]).ends_with(4);
    let said = said.json_lines();
    assert_eq!(
        (&said[0]["result"], &said[1]["result"]),
        (&json!("brought_back"), &json!("no_such_name"))
    );
    let blocks = &said[0]["blocks"];
    assert_eq!((&blocks["looked_at"], &blocks["there"]), (&json!(true), &json!(0)));
    assert_eq!(blocks["files_not_whole"].as_array().unwrap().len(), 5, "{blocks}");
    assert!(!blocks["missing"].as_array().unwrap().is_empty(), "{blocks}");
    assert_eq!(said[1]["blocks"], Value::Null);
}

#[test]
fn undo_without_nodes_goes_by_clocks_and_says_so() {
    let mut cluster = start();
    cluster.removed_collection();
    let (manifests, ttl) = (cluster.arg("manifests"), "336h");
    let ran =
        donjon(&["rm", "--undo", "all", "--manifests", &manifests, "--ttl", ttl]).ends_with(0);
    assert!(ran.stderr.contains("its blocks were not looked at, because no nodes were named"));
    assert_eq!(ran.text(), "all: is there again\n");
    cluster.files(&["rm", "all"]).ends_with(0);
    cluster.kill(0);
    let ran = cluster.files(&["rm", "--undo", "all", "--json"]).ends_with(4);
    assert!(
        ran.stderr.contains("not looked at, because no node answers: http://"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.json()["blocks"]["looked_at"], json!(false));
    let listed = cluster.files(&["ls", "--json"]).ends_with(0).json();
    assert_eq!(listed["name"], "all", "it is there, and protects its blocks");
}
