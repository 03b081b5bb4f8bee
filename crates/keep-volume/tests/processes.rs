//! Two processes race on one directory. Only `flock` and renames keep them apart.
//!
//! A program of its own, because it starts itself: with `contend ROOT WORKER` it is one of the racers, which prints what
//! it did. With `--list` it lists its one test, as test runners expect.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::path::Path;
use std::process::{Command, Stdio};

use keep_volume::directory::{Directory, DirectoryConfig, Durability, Identity, Serialize};
use testkit::history::{self, Event};

const TEST: &str = "two_processes_survive_races";
const PROCESSES: u32 = 2;
const WORKERS_EACH: u32 = 3;
const STEPS: u32 = 1500;
const BLOCKS: u32 = 3;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["contend", root, first_worker] => contend(Path::new(root), first_worker.parse().unwrap()),
        _ if arguments.contains(&"--list") => println!("{TEST}: test"),
        _ => {
            two_processes_survive_races();
            println!("test {TEST} ... ok");
        }
    }
}

fn open(root: &Path) -> Directory {
    let config = DirectoryConfig {
        root: root.to_owned(),
        uuid: "zzzzz-nyw5e-000000000000000".parse().unwrap(),
        device_id: "device".parse().unwrap(),
        durability: Durability::NoSync,
        serialize: Serialize::No,
        identity: Identity::Adopt,
    };
    Directory::open(config).unwrap()
}

fn contend(root: &Path, first_worker: u32) {
    let volume = open(root);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for worker in first_worker..first_worker + WORKERS_EACH {
            let volume = volume.clone();
            let hashes = history::contested(BLOCKS);
            tasks.spawn(async move { history::contend(&volume, &hashes, worker, STEPS).await });
        }
        for event in tasks.join_all().await.into_iter().flatten() {
            println!("{event}");
        }
    });
}

fn two_processes_survive_races() {
    let root = tempfile::tempdir().unwrap();
    let start = |process: u32| {
        Command::new(std::env::current_exe().unwrap())
            .args(["contend", root.path().to_str().unwrap(), &(process * WORKERS_EACH).to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let children: Vec<_> = (0..PROCESSES).map(start).collect();
    let mut events: Vec<Event> = Vec::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "a racer failed; its message is above");
        let text = String::from_utf8(output.stdout).unwrap();
        events.extend(text.lines().map(|line| line.parse::<Event>().unwrap()));
    }
    assert!(
        events.len() > (PROCESSES * WORKERS_EACH * STEPS / 10) as usize,
        "hardly anything succeeded"
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(history::check(&open(root.path()), &history::contested(BLOCKS), &events));
}
