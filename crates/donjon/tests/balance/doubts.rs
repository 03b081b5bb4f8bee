//! Whatever is not certain ends the run, and nothing is sent.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::between::{Answer, Between};
use crate::cluster::{Block, Cluster, wait_for};

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
    // The same if it cannot be read to its end.
    fs::write(&file, "no manifest at all").unwrap();
    nothing_is_sent(&cluster, &garbage, "put the same files once more");
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
        // What is published has no replica: if the run has seen it, it is lost.
        assert!([0, 4].contains(&ran.code), "{}", ran.stderr);
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
    assert_eq!(cluster.copies(&garbage), 1);
}

#[test]
fn a_damaged_memory_clears_and_holds_until_somebody_has_looked() {
    let (cluster, garbage) = with_garbage(1);
    cluster.on(0, &["list", "pause", "trash"]).ends_with(0);
    cluster.once();
    fs::write(cluster.path("balance").join("sent.json"), "{").unwrap();
    let once = ["once", "--json"];
    let third = cluster.balance(&once).ends_with(4).json();
    assert!(third["cleared_because"].is_string(), "{third}");
    cluster.on(0, &["list", "resume", "trash"]).ends_with(0);
    let held = cluster.balance(&once).ends_with(4).json();
    assert!(held["held"][0].as_str().unwrap().contains("memory"), "{held}");
    cluster.settle();
    assert_eq!(cluster.copies(&garbage), 1);
    let (plan, digest) = (held["path"].as_str().unwrap(), held["digest"].as_str().unwrap());
    cluster.balance(&["apply", plan, "--digest", digest, "--release-brakes"]).ends_with(0);
    cluster.settle();
    assert_eq!(cluster.copies(&garbage), 0);
    cluster.once();
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

/// What a node says of itself is changed on its way: nothing may be sent.
#[track_caller]
fn a_liar(change: impl Fn(&str, Answer) -> Option<Answer> + Send + Sync + 'static, expected: &str) {
    let (cluster, garbage) = with_garbage(1);
    let liar = Between::start(cluster.url(0), change);
    let ran = cluster.balance(&["once", "--url", liar.url()]).ends_with(1);
    assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    cluster.settle();
    assert_eq!(cluster.copies(&garbage), 1);
    assert_eq!(cluster.list_status(0, "trash")["received"], 0);
}

fn with_index(lie: fn(String) -> String) -> impl Fn(&str, Answer) -> Option<Answer> {
    move |path, answer| {
        let is_index = path.starts_with("/mounts/");
        let text = answer.text();
        Some(if is_index { answer.with_body(lie(text)) } else { answer })
    }
}

#[test]
fn an_index_without_its_end_mark() {
    a_liar(with_index(|text| text.trim_end().to_owned() + "\n"), "the index of volume");
}

#[test]
fn an_index_with_something_behind_its_end_mark() {
    a_liar(
        with_index(|text| format!("{text}{} 1\n", Block::new("x").locator())),
        "the index of volume",
    );
}

#[test]
fn an_index_line_that_is_none() {
    a_liar(with_index(|text| format!("short+3 1\n{text}")), "the index of volume");
}

#[test]
fn a_node_that_breaks_off() {
    let change = |path: &str, answer| (!path.starts_with("/mounts/")).then_some(answer);
    a_liar(change, "the index of volume");
}

#[test]
fn a_clock_that_is_off() {
    let change = |_path: &str, answer: Answer| {
        let kept =
            answer.head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("date:"));
        let mut head: Vec<&str> = kept.collect();
        head.push("Date: Mon, 01 Jan 2001 00:00:00 GMT");
        Some(Answer { head: head.join("\r\n"), ..answer })
    };
    a_liar(change, "set the clocks");
}

#[test]
fn mounts_that_are_no_description() {
    let change = |path: &str, answer: Answer| {
        Some(if path == "/mounts" { answer.with_body("[{}]".to_owned()) } else { answer })
    };
    a_liar(change, "mounts cannot be understood: missing field");
}

#[test]
fn a_receipt_for_another_list_is_not_believed_and_the_next_run_clears() {
    let (cluster, _garbage) = with_garbage(1);
    let liar = Between::start(cluster.url(0), |path, answer| {
        let lie = answer.head.replace("x-donjon-list-items: 1", "x-donjon-list-items: 2");
        Some(if path == "/trash" { Answer { head: lie, ..answer } } else { answer })
    });
    let once = ["once", "--json", "--url", liar.url()];
    let ran = cluster.balance(&once).ends_with(1);
    assert!(ran.stderr.contains("it is for a list of 2 items"), "{}", ran.stderr);
    let said = cluster.balance(&once).ends_with(0).json();
    let why = said["cleared_because"].as_str().unwrap();
    assert!(why.contains("may or may not have arrived"), "{why}");
    let why = said["outcomes"][0]["trashes"]["unknown"]["why"].as_str().unwrap();
    assert!(why.contains("the answer got lost"), "{said}");
}

#[test]
fn a_node_that_is_not_configured_any_more_is_missed() {
    let cluster = Cluster::start(2, json!({}));
    let block = Block::new("wanted");
    cluster.plant(0, std::slice::from_ref(&block));
    cluster.publish("a", std::slice::from_ref(&block), None);
    cluster.once();
    cluster.settle();
    let ran = cluster.balance(&["once", "--url", cluster.url(0)]).ends_with(0);
    let alarm = format!("{} was asked in the run before", cluster.url(1));
    assert!(ran.text().contains(&alarm), "{}", ran.text());
    assert!(ran.text().contains("1 block cannot have as many copies"), "{}", ran.text());
    assert_eq!(cluster.copies(&block), 2);
}

#[test]
fn a_state_directory_that_cannot_be_used() {
    let (cluster, garbage) = with_garbage(1);
    let file = cluster.arg("config.yml");
    let ran = cluster.balance(&["once", "--state", &file]).ends_with(1);
    assert!(
        ran.stderr.contains("is its directory the balancer's state directory"),
        "{}",
        ran.stderr
    );
    // What only informs stops nothing, and is said.
    fs::create_dir(cluster.path("balance").join("history.json")).unwrap();
    let ran = cluster.balance(&["once"]).ends_with(0);
    assert!(ran.stderr.contains("the history of runs cannot be written"), "{}", ran.stderr);
    cluster.settle();
    assert_eq!(cluster.copies(&garbage), 0);
}

#[test]
fn a_token_that_is_not_the_admins() {
    let (cluster, garbage) = with_garbage(1);
    cluster.once();
    cluster.settle();
    cluster.plant(0, std::slice::from_ref(&garbage));
    let ran = cluster.balance(&["once", "--url", cluster.url(0), "--token", "wrong"]).ends_with(1);
    assert!(ran.stderr.contains("is it the right token"), "{}", ran.stderr);
    assert_eq!(cluster.copies(&garbage), 1);
}

#[test]
fn something_that_is_no_keepstore() {
    let change = |path: &str, answer: Answer| {
        let is_page = path == "/mounts" || path.starts_with("/donjon/");
        Some(if is_page { Answer::unknown_path() } else { answer })
    };
    a_liar(change, "does not describe its mounts");
}

#[test]
fn a_default_of_no_copies_and_a_signature_ttl_of_nothing() {
    let (cluster, garbage) = with_garbage(1);
    for (key, value) in [("DefaultReplication", json!(0)), ("BlobSigningTTL", json!("0s"))] {
        cluster.configure_collections(key, value);
        let ran = cluster.balance(&["once"]).ends_with(2);
        assert!(ran.stderr.contains(key), "{}", ran.stderr);
    }
    assert_eq!(cluster.copies(&garbage), 1);
}

#[test]
fn a_node_that_never_answers_does_not_hold_a_run_for_ever() {
    let (cluster, garbage) = with_garbage(1);
    cluster.configure_collections("BalanceTimeout", json!("2s"));
    let silent = Between::start(cluster.url(0), |path, answer| {
        while path.starts_with("/mounts/") {
            std::thread::park();
        }
        Some(answer)
    });
    let ran = cluster.balance(&["once", "--url", silent.url()]).ends_with(1);
    assert!(ran.stderr.contains("longer than 2 s (BalanceTimeout)"), "{}", ran.stderr);
    cluster.settle();
    assert_eq!(cluster.copies(&garbage), 1);
    let runs = cluster.balance(&["status", "--json"]).ends_with(4).json();
    assert_eq!(runs["runs"][0]["ended"], "failed", "{runs}");
}

#[test]
fn after_a_pull_list_that_was_not_taken_no_trash_list_is_sent() {
    let (cluster, garbage) = with_garbage(1);
    let liar = Between::start(cluster.url(0), |path, answer| {
        Some(if path == "/pull" { Answer::unknown_path() } else { answer })
    });
    let ran = cluster.balance(&["once", "--url", liar.url()]).ends_with(1);
    assert!(ran.stderr.contains("did not take its pull list"), "{}", ran.stderr);
    cluster.settle();
    assert_eq!(cluster.copies(&garbage), 1);
    assert_eq!(cluster.list_status(0, "trash")["received"], 0);
}

#[test]
fn what_was_sent_before_another_node_failed_is_remembered() {
    let (cluster, _garbage) = with_garbage(2);
    let asked = AtomicBool::new(false);
    let liar = Between::start(cluster.url(1), move |path, answer| {
        // The first is the one that clears.
        let refused = path == "/trash" && asked.swap(true, Ordering::Relaxed);
        Some(if refused { Answer::unknown_path() } else { answer })
    });
    let ran = cluster.balance(&["once", "--url", cluster.url(0), "--url", liar.url()]).ends_with(1);
    assert!(ran.stderr.contains("did not take its trash list"), "{}", ran.stderr);
    let said = cluster.balance(&["status", "--json"]).ends_with(4).json();
    let run = &said["runs"][0];
    assert_eq!((&run["ended"], &run["sent"]["trashes"]), (&json!("failed"), &json!(1)), "{run}");
}

#[test]
fn an_mtime_far_in_the_future_is_told() {
    let (cluster, _garbage) = with_garbage(1);
    let text = cluster.balance(&["once"]).ends_with(0).text();
    assert!(!text.contains("in the future"), "{text}");
    let odd =
        with_index(|text| format!("{} 9000000000000000000\n{text}", Block::new("odd").locator()));
    let liar = Between::start(cluster.url(0), odd);
    let text = cluster.balance(&["once", "--url", liar.url()]).ends_with(0).text();
    assert!(text.contains("1 replica with an mtime more than a day in the future"), "{text}");
}

/// A disk that hangs for hours: its worker may trash what it was told two lists ago.
#[test]
fn an_item_that_a_worker_still_holds_of_an_earlier_list_is_waited_for() {
    let cluster = Cluster::start(2, json!({"MaxTrashPercent": 100}));
    let (block, other) = (Block::new("block"), Block::new("other"));
    cluster.plant(0, &[block.clone(), other.clone()]);
    cluster.plant(1, std::slice::from_ref(&block));
    cluster.publish("a", &[block.clone(), other], Some(1));
    // The lock that a trash takes, as a stand-in for a disk that hangs.
    let locks: Vec<fs::File> =
        (0..2).map(|node| fs::File::open(cluster.file(node, &block)).unwrap()).collect();
    for lock in &locks {
        rustix::fs::flock(lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    }
    cluster.once();
    let busy = |key: &str| (0..2).any(|node| cluster.list_status(node, "trash")[key] == 1);
    wait_for("a worker at the lock", || busy("running"));
    cluster.once();
    assert!(busy("running_before"));
    let plan = cluster.arg("the.plan");
    let mut third = cluster.start_balance(&["plan", "-o", &plan]);
    wait_for("the clearing", || {
        // The first run cleared what nobody knew, and each of two sent a list: this is the fourth.
        (0..2).all(|node| cluster.list_status(node, "trash")["generation"] == 4)
    });
    assert!(third.try_wait().unwrap().is_none(), "it waits");
    drop(locks);
    assert_eq!(third.wait().unwrap().code(), Some(0));
    cluster.settle();
    assert_eq!(cluster.copies(&block), 1);
}
