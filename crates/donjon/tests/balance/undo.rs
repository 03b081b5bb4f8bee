//! `donjon rm --undo`: refused once a balancer may have let go, whatever the TTL is today; and what comes back is looked at.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use keep_rules::Timestamp;
use serde_json::{Value, json};

use crate::cluster::{Block, Cluster, mount};
use crate::program::{Ran, command, donjon};
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
    assert!(ran.stderr.contains("They may be in the trash"), "{}", ran.stderr);
    assert_eq!(ran.text(), "all: is there again\n", "the catalog's part is told first");
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
fn undo_without_nodes_goes_by_clocks_and_is_not_all_done() {
    let mut cluster = start();
    cluster.removed_collection();
    let (manifests, ttl) = (cluster.arg("manifests"), "336h");
    let undo = || {
        let args = ["rm", "--undo", "all", "--manifests", &manifests, "--ttl", ttl];
        let ran = donjon(&args).ends_with(4);
        let said = "its blocks were not looked at, because no nodes were named";
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
        ran.text()
    };
    assert_eq!(undo(), "all: is there again\n");
    assert_eq!(undo(), "all: is not removed, and stays as it is\n");
    cluster.files(&["rm", "--undo", "all"]).ends_with(0);
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

#[test]
fn undo_is_well_with_blocks_on_read_only_volumes() {
    let mut cluster = start();
    cluster.removed_collection();
    let count = block_files(&cluster, 0).len();
    let mut restart_with = |volume: Value| {
        cluster.configure(|config| {
            for (key, value) in volume.as_object().unwrap() {
                config["Volumes"][&mount(0)][key] = value.clone();
            }
        });
        cluster.kill(0);
        cluster.begin(0);
        cluster.files(&["rm", "--undo", "all"])
    };
    let ran = restart_with(json!({"ReadOnly": true, "AllowTrashWhenReadOnly": true})).ends_with(4);
    let said =
        format!("all: is in the catalog again, and perhaps not whole: blocks in doubt: {count} of");
    assert!(ran.stderr.contains(&said), "{}", ran.stderr);
    assert!(!ran.stderr.contains("NOT whole"), "{}", ran.stderr);
    let ran = restart_with(json!({"AllowTrashWhenReadOnly": false})).ends_with(0);
    let said = format!("looked for its blocks, all are there: {count}\n");
    assert!(ran.text().ends_with(&said) && ran.stderr.is_empty(), "{}{}", ran.text(), ran.stderr);
}

#[test]
fn an_undo_that_could_not_look_is_said_again_and_looks() {
    let mut cluster = start();
    cluster.removed_collection();
    let blocks = block_files(&cluster, 0);
    cluster.kill(0);
    cluster.files(&["rm", "--undo", "all"]).ends_with(4);
    let again = cluster.files(&["rm", "--undo", "all", "--json"]).ends_with(4).json();
    assert_eq!(again["result"], "not_removed");
    cluster.begin(0);
    let ran = cluster.files(&["rm", "--undo", "all"]).ends_with(0);
    let count = blocks.len();
    let said = format!(
        "all: is not removed, and stays as it is\nall: looked for its blocks, all are there: {count}\n"
    );
    assert_eq!((ran.text(), ran.stderr), (said, String::new()));
    for block in blocks {
        let mtime = fs::metadata(block).unwrap().modified().unwrap();
        assert!(mtime > SystemTime::now() - DAY, "it is young");
    }
}

#[test]
fn a_collection_that_was_replaced_is_reached_by_its_hash_and_undo_does_not_promise_it() {
    let cluster = start();
    let files = cluster.plant_files();
    let put = ["put", &files, "--name", "all", "--replication", "1", "--replace", "--json"];
    let published = || cluster.files(&put).ends_with(0).json()["portable_data_hash"].clone();
    let old = published();
    fs::write(Path::new(&files).join("new"), "new").unwrap();
    let new = published();
    let listed = || cluster.files(&["ls", "--all", "--json"]).ends_with(0).json_lines();
    let old_hash = old.as_str().unwrap();
    let reach = format!("donjon get {old_hash}");
    assert_eq!(listed()[0]["portable_data_hash"], old);
    assert_eq!(listed()[0]["undo_until_ns"], Value::Null);
    assert!(listed()[0]["kept_until_ns"].is_i64());
    let shown = cluster.files(&["ls", "--all"]).ends_with(0).text();
    assert!(shown.contains("replaced, blocks kept until 20") && shown.contains(&reach), "{shown}");
    assert!(!shown.contains("--undo"), "{shown}");
    // Which one is meant is not known: both are told, and the one that is there is looked at.
    let ran = cluster.files(&["rm", "--undo", "all", "--json"]).ends_with(4).json();
    assert_eq!((&ran["result"], &ran["kept_until_ns"]), (&json!("name_taken"), &Value::Null));
    assert_eq!(ran["blocks"]["looked_at"], json!(true));
    let ran = cluster.files(&["rm", "--undo", "all"]).ends_with(4);
    assert!(ran.stderr.contains(&reach) && ran.stderr.contains(new.as_str().unwrap()));
    cluster.files(&["get", old_hash, &cluster.arg("old")]).ends_with(0);
    assert!(!cluster.path("old/new").exists());
    // Of two that were removed the last one comes back, and only that is said.
    let removed = cluster.files(&["rm", "all", "--json"]).ends_with(0).json();
    let listed = listed();
    assert_eq!(listed[0]["undo_until_ns"], Value::Null);
    for until in ["undo_until_ns", "kept_until_ns"] {
        assert_eq!(listed[1][until], removed[until]);
        assert!(removed[until].is_i64(), "{removed}");
    }
    let shown = cluster.files(&["ls", "--all"]).ends_with(0).text();
    assert_eq!(shown.matches("--undo until").count(), 1, "{shown}");
    cluster.files(&["rm", "--undo", "all"]).ends_with(0);
    assert_eq!(cluster.files(&["ls", "--json"]).ends_with(0).json()["portable_data_hash"], new);
}

#[test]
fn a_configuration_on_stdin_is_read_once_and_has_the_nodes() {
    let cluster = start();
    cluster.removed_collection();
    let config = File::open(cluster.path("config.yml")).unwrap();
    let undo = command(&["rm", "--undo", "all", "--json", "--config", "-"]).stdin(config).output();
    let said = Ran::from(undo.unwrap()).ends_with(0).json();
    assert_eq!(said["blocks"]["looked_at"], json!(true));
}

/// `rm --undo` of these, interrupted while a node that takes everything and never answers is asked for their blocks.
fn interrupted_undo(cluster: &Cluster, names: &[&str]) -> Ran {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    cluster.configure(|config| {
        config["Services"]["Keepstore"]["InternalURLs"][&url] = json!({});
    });
    let config = cluster.arg("config.yml");
    let child = command(&[&["rm", "--undo", "--config", &config], names].concat())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _connection = silent.accept().unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    Ran::from(child.wait_with_output().unwrap()).ends_with(1)
}

#[test]
fn an_interrupted_undo_says_what_became_of_each_and_which_were_not_looked_at() {
    let cluster = start();
    let files = cluster.removed_collection();
    cluster.files(&["put", &files, "--name", "there", "--replication", "1"]).ends_with(0);
    let names = ["all", "there", "nothere"];
    let ran = interrupted_undo(&cluster, &names);
    assert_eq!(ran.text(), "all: is there again\nthere: is not removed, and stays as it is\n");
    assert!(ran.stderr.contains("donjon: nothere: there is no such collection"), "{}", ran.stderr);
    let said = "interrupted: it was not found out whether the blocks of these are there: all, there. They are in the catalog; the same command again looks";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    let ran = interrupted_undo(&cluster, &[&names[..], &["--json"]].concat());
    let said = ran.json_lines();
    let results: Vec<&Value> = said.iter().map(|one| &one["result"]).collect();
    assert_eq!(results, ["not_removed", "not_removed", "no_such_name"]);
    for one in &said[..2] {
        assert_eq!(one["blocks"], json!({ "looked_at": false }));
    }
}
