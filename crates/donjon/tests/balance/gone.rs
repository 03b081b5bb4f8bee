//! Nodes that are not configured any more, disks that were replaced, lists that somebody else sent.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use serde_json::json;

use crate::between::Between;
use crate::cluster::{Block, Cluster, blocks, mount};

/// Two nodes see one volume. One of them is taken out of the configuration, and works on its trash list later.
#[test]
fn a_node_that_left_still_works_on_its_list() {
    leaves_and_works_later(|cluster, asked| {
        cluster.balance(&[&["once"], asked].concat()).ends_with(0);
    });
}

/// To release a plan is a word on that plan. What is known of the node stays known.
#[test]
fn a_node_that_left_still_works_on_its_list_though_a_plan_is_released() {
    leaves_and_works_later(|cluster, asked| {
        let plan = cluster.arg("the.plan");
        let made = cluster.balance(&[&["plan", "-o", &plan, "--json"], asked].concat());
        let made = made.ends_with(0).json();
        let digest = made["digest"].as_str().unwrap();
        let apply = ["apply", &plan, "--digest", digest, "--release-brakes"];
        cluster.balance(&[&apply, asked].concat()).ends_with(0);
    });
}

/// `run` is the first run without the node, which is given the addresses of the others.
#[track_caller]
fn leaves_and_works_later(run: impl Fn(&Cluster, &[&str])) {
    let mut cluster = Cluster::start(3, json!({"MaxTrashPercent": 100}));
    let all = blocks("wanted", 12);
    let (shared, own) = (mount(0), mount(2));
    let see = |cluster: &Cluster, read_only: bool| {
        let (first, second) = (cluster.url(0).to_owned(), cluster.url(1).to_owned());
        cluster.configure(|zzzzz| {
            let volumes = zzzzz["Volumes"].as_object_mut().unwrap();
            volumes.remove(&mount(1));
            volumes[&shared]["AccessViaHosts"] = json!({&first: {}, &second: {}});
            volumes[&own]["ReadOnly"] = json!(read_only);
        });
    };
    see(&cluster, true);
    for node in 0..3 {
        cluster.kill(node);
        cluster.begin(node);
    }
    cluster.plant(0, &all);
    cluster.plant(2, &all);
    cluster.publish("a", &all, Some(1));
    for node in [0, 1] {
        cluster.on(node, &["list", "pause", "trash"]).ends_with(0);
    }
    cluster.once();
    let waits = |node| cluster.list_status(node, "trash")["waiting"].as_u64().unwrap();
    let to_leave = usize::from(waits(0) == 0);
    assert!(waits(to_leave) > 0, "somebody has a list");

    // The volume that kept the copies may be trashed from now on, and one of the others is not asked any more.
    see(&cluster, false);
    cluster.kill(2);
    cluster.begin(2);
    let stays = cluster.url(1 - to_leave);
    let asked = ["--url", stays, "--url", cluster.url(2)];
    run(&cluster, &asked);
    cluster.on(1 - to_leave, &["list", "resume", "trash"]).ends_with(0);
    cluster.balance(&[&["once"][..], &asked].concat()).ends_with(0);
    cluster.on(to_leave, &["list", "resume", "trash"]).ends_with(0);
    cluster.settle();
    for block in &all {
        assert!(cluster.copies(block) > 0, "{block:?} is on no volume any more");
    }
    // It was stopped for good.
    let forget = ["forget", cluster.url(to_leave), "--json"];
    let said = cluster.balance(&forget).ends_with(0).json();
    assert_eq!(said["remembered"].as_array().unwrap().len(), 2, "{said}");
    let ran = cluster.balance(&forget).ends_with(3);
    assert!(ran.stderr.contains(cluster.url(2)), "{}", ran.stderr);
}

#[test]
fn a_node_that_left_with_a_list_that_nobody_knows_holds_every_run_until_it_is_released() {
    let cluster = Cluster::start(2, json!({"MaxTrashPercent": 100}));
    let (wanted, garbage) = (Block::new("wanted"), Block::new("garbage"));
    cluster.plant(0, &[wanted.clone(), garbage.clone()]);
    cluster.publish("a", &[wanted], Some(1));
    let asked = AtomicBool::new(false);
    let liar = Between::start(cluster.url(1), move |path, answer| {
        // The first is the one that clears. The answer to the other gets lost.
        (path != "/trash" || !asked.swap(true, Ordering::Relaxed)).then_some(answer)
    });
    let both = ["once", "--url", cluster.url(0), "--url", liar.url()];
    let ran = cluster.balance(&both).ends_with(1);
    assert!(ran.stderr.contains("did not take its trash list"), "{}", ran.stderr);
    cluster.settle();
    cluster.plant(0, std::slice::from_ref(&garbage));

    let one = ["once", "--json", "--url", cluster.url(0)];
    let held = cluster.balance(&one).ends_with(4).json();
    let why = held["held"][0].as_str().unwrap();
    let expected = format!("{}/ is not configured any more", liar.url());
    assert!(why.starts_with(&expected), "{held}");
    assert_eq!(cluster.copies(&garbage), 1);
    cluster.balance(&one).ends_with(4);

    let held = cluster.balance(&one).ends_with(4).json();
    let (path, digest) = (held["path"].as_str().unwrap(), held["digest"].as_str().unwrap());
    let apply = ["apply", path, "--digest", digest, "--url", cluster.url(0)];
    cluster.balance(&[&apply[..], &["--release-brakes"]].concat()).ends_with(0);
    cluster.settle();
    assert_eq!(cluster.copies(&garbage), 0);
    cluster.balance(&one).ends_with(0);
}

/// Its contents are others, though its UUID is the same: what the plan keeps may have been there.
#[test]
fn a_disk_that_was_replaced_since_the_plan_was_made() {
    let mut cluster = Cluster::start(2, json!({"MaxTrashPercent": 100}));
    let (wanted, garbage) = (Block::new("wanted"), Block::new("garbage"));
    for node in 0..2 {
        cluster.plant(node, &[wanted.clone(), garbage.clone()]);
    }
    cluster.publish("a", &[wanted], Some(1));
    let plan = cluster.arg("one.plan");
    let made = cluster.balance(&["plan", "-o", &plan, "--json"]).ends_with(0).json();
    let digest = made["digest"].as_str().unwrap();
    cluster.kill(1);
    fs::remove_dir_all(cluster.root(1)).unwrap();
    fs::create_dir(cluster.root(1)).unwrap();
    fs::write(cluster.root(1).join(".donjon-volume"), format!("{}\n", mount(1))).unwrap();
    cluster.begin(1);
    let ran = cluster.balance(&["apply", &plan, "--digest", digest]).ends_with(1);
    assert!(ran.stderr.contains("mounts changed since the plan was made"), "{}", ran.stderr);
    cluster.settle();
    assert_eq!(cluster.copies(&garbage), 1);
}

/// It comes after the nodes were looked at, and before trash lists are sent.
#[test]
fn a_list_that_somebody_else_sent_meanwhile() {
    let cluster = Cluster::start(1, json!({"MaxTrashPercent": 100}));
    let (wanted, garbage) = (Block::new("wanted"), Block::new("garbage"));
    cluster.plant(0, &[wanted.clone(), garbage.clone()]);
    cluster.publish("a", &[wanted], Some(1));
    let list = cluster.arg("list.json");
    fs::write(&list, "[]").unwrap();
    let node = cluster.url(0).to_owned();
    let interfere = move |path: &str, answer| {
        if path == "/pull" {
            let token = ["--token", "rootrootrootrootrootrootrootroot"];
            let put = ["list", "put", "trash", &list, "--url", &node];
            crate::program::donjon(&[&put[..], &token[..]].concat()).ends_with(0);
        }
        Some(answer)
    };
    let liar = Between::start(cluster.url(0), interfere);
    let once = ["once", "--url", liar.url()];
    // The first run knows nothing of this address, and clears. Each later one does so, as theirs is there.
    for _ in 0..2 {
        let ran = cluster.balance(&once).ends_with(1);
        assert!(ran.stderr.contains("clearing the trash lists"), "{}", ran.stderr);
        let expected = "has another trash list than we sent, so that no trash list was sent";
        assert!(ran.stderr.contains(expected), "{}", ran.stderr);
        assert_eq!(cluster.copies(&garbage), 1);
    }
}

/// It is worked off before anybody looks: nothing waits, and what was read before is not so any more.
#[test]
fn a_list_that_somebody_else_sent_and_that_has_ended() {
    let cluster = Cluster::start(2, json!({"MaxTrashPercent": 100}));
    let wanted = Block::new("wanted");
    cluster.plant(0, std::slice::from_ref(&wanted));
    cluster.plant(1, std::slice::from_ref(&wanted));
    cluster.publish("a", std::slice::from_ref(&wanted), Some(1));
    let plan = cluster.arg("first.plan");
    let made = cluster.balance(&["plan", "-o", &plan, "--json"]).ends_with(0).json();
    let explained = crate::program::donjon(&["balance", "plan", "explain", &plan, &wanted.hash]);
    let explained = explained.ends_with(0).text();
    // Whichever node keeps its copy, somebody has it trashed there.
    let list = cluster.arg("list.json");
    let on_node = |node: usize| {
        let file = fs::metadata(cluster.file(node, &wanted)).unwrap();
        let mtime = file.modified().unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let mtime = u64::try_from(mtime.as_nanos()).unwrap();
        let item =
            json!([{"locator": wanted.locator(), "block_mtime": mtime, "mount_uuid": mount(node)}]);
        fs::write(&list, item.to_string()).unwrap();
        cluster.on(node, &["list", "put", "trash", &list, "--wait"]).ends_with(0);
    };
    let is_kept = |node: usize| {
        let of_mount = |line: &&str| line.contains(&mount(node));
        explained.lines().find(of_mount).is_some_and(|line| line.contains("keep"))
    };
    on_node((0..2).find(|node| is_kept(*node)).expect(&explained));
    assert_eq!(cluster.copies(&wanted), 1);
    let digest = made["digest"].as_str().unwrap();
    let ran = cluster.balance(&["apply", &plan, "--digest", digest]).ends_with(1);
    assert!(ran.stderr.contains("has another trash list than we sent"), "{}", ran.stderr);
    cluster.settle();
    assert_eq!(cluster.copies(&wanted), 1);
}
