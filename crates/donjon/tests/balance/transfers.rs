//! `donjon put` and `get` when things go wrong on the way.

use std::fs;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::json;

use crate::cluster::{Cluster, wait_for};
use crate::program::{Ran, command, donjon};

const MIB: usize = 1 << 20;

fn files(cluster: &Cluster, command: &[&str]) -> Ran {
    let config = cluster.arg("config.yml");
    donjon(&[command, &["--config", &config]].concat())
}

/// Bytes that no two blocks have in common.
fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 24).to_le_bytes()
    };
    std::iter::repeat_with(next)
        .flat_map(|word| [word[0], word[1], word[2], word[3]])
        .take(length)
        .collect()
}

/// Every block file of a node.
pub(crate) fn block_files(cluster: &Cluster, node: usize) -> Vec<PathBuf> {
    let root = cluster.path(&format!("keep-{node}"));
    let directories = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = directories
        .filter(|path| path.is_dir())
        .flat_map(|path| fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()))
        .filter(|path| path.file_name().is_some_and(|name| name.len() == 32))
        .collect();
    found.sort();
    found
}

#[test]
fn a_get_that_is_killed_goes_on() {
    let cluster = Cluster::start(1, json!({}));
    let from = cluster.path("from");
    fs::create_dir(&from).unwrap();
    let long = bytes(1, 70 * MIB);
    fs::write(from.join("long"), &long).unwrap();
    for number in 0..8 {
        fs::write(from.join(format!("{number}")), bytes(10 + number, 5 * MIB)).unwrap();
    }
    files(&cluster, &["put", &cluster.arg("from"), "--name", "all", "--replication", "1"])
        .ends_with(0);

    let (back, config) = (cluster.arg("back"), cluster.arg("config.yml"));
    let mut child = command(&["get", "all", &back, "--jobs", "1", "--config", &config])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // As soon as it has begun, or has ended already on a very fast machine.
    let unfinished = Path::new(&back).join(".donjon-get");
    wait_for("a file that is begun", || {
        fs::read_dir(&unfinished).is_ok_and(|mut files| files.next().is_some())
            || child.try_wait().unwrap().is_some()
    });
    drop(child.kill());
    child.wait().unwrap();
    files(&cluster, &["get", "all", &back]).ends_with(0);
    assert!(!unfinished.exists(), "nothing is left over");
    assert_eq!(fs::read_dir(&back).unwrap().count(), 9);
    assert!(fs::read(Path::new(&back).join("long")).unwrap() == long, "the long file is the same");
    for number in 0..8 {
        let read = fs::read(Path::new(&back).join(format!("{number}"))).unwrap();
        assert!(read == bytes(10 + number, 5 * MIB), "file {number} is the same");
    }
}

#[test]
fn what_is_put_again_takes_no_room_and_twenty_thousand_files_are_few_blocks() {
    let cluster = Cluster::start(1, json!({}));
    let root = cluster.path("many");
    for directory in 0..20 {
        let directory = root.join(format!("{directory:02}"));
        fs::create_dir_all(&directory).unwrap();
        for file in 0..1_000_u64 {
            fs::write(directory.join(format!("{file:04}")), bytes(file, 1_500)).unwrap();
        }
    }
    let put = |name| {
        files(
            &cluster,
            &["put", &cluster.arg("many"), "--name", name, "--replication", "1", "--json"],
        )
        .ends_with(0)
        .json()
    };
    let first = put("one");
    assert_eq!((&first["files"], &first["bytes"]), (&json!(20_000), &json!(30_000_000)));
    assert!(first["blocks"].as_u64().unwrap() <= 4, "{first}");
    let stored = block_files(&cluster, 0);
    let again = put("two");
    assert_eq!(again["portable_data_hash"], first["portable_data_hash"]);
    assert_eq!(block_files(&cluster, 0), stored);
    let got = files(&cluster, &["get", "two", &cluster.arg("back"), "--json"]).ends_with(0).json();
    assert_eq!((&got["written"], &got["bytes"]), (&json!(20_000), &json!(30_000_000)));
}

#[test]
fn damaged_copies_are_passed_over_and_lost_ones_named() {
    let cluster = Cluster::start(2, json!({}));
    let from = cluster.path("from");
    fs::create_dir(&from).unwrap();
    fs::write(from.join("long"), bytes(1, 5 * MIB)).unwrap();
    fs::write(from.join("short"), "short").unwrap();
    files(&cluster, &["put", &cluster.arg("from"), "--name", "all"]).ends_with(0);
    for block in block_files(&cluster, 0) {
        let mut data = fs::read(&block).unwrap();
        data[0] ^= 1;
        fs::write(&block, data).unwrap();
    }
    files(&cluster, &["get", "all", &cluster.arg("back")]).ends_with(0);
    assert!(fs::read(cluster.path("back/long")).unwrap() == bytes(1, 5 * MIB));

    // A long block that is damaged at its end: the node can only hang up, and is asked why.
    let longest = |node| {
        let files = block_files(&cluster, node).into_iter();
        files.max_by_key(|path| path.metadata().unwrap().len()).unwrap()
    };
    let (long, whole) = (longest(1), fs::read(longest(1)).unwrap());
    fs::write(&long, [&whole[..whole.len() - 1], b"?"].concat()).unwrap();
    let ran = files(&cluster, &["get", "all", &cluster.arg("none")]).ends_with(4);
    for node in 0..2 {
        let expected = format!("{}/: block {} is damaged", cluster.url(node), hash_of(&long));
        assert!(ran.stderr.contains(&expected), "{expected}: {}", ran.stderr);
    }

    fs::remove_file(long).unwrap();
    let ran = files(&cluster, &["get", "all", &cluster.arg("rest"), "--json"]).ends_with(4);
    assert!(ran.stderr.contains("long: not restored: block "), "{}", ran.stderr);
    let got = ran.json();
    assert_eq!((&got["written"], &got["unrestored"][0]["path"]), (&json!(1), &json!("long")));
    assert_eq!(got["unrestored"][0]["reason"], json!("no_block"));
    assert_eq!(fs::read(cluster.path("rest/short")).unwrap(), b"short");
}

#[test]
fn holes_take_no_room_and_come_back_as_holes() {
    let cluster = Cluster::start(1, json!({}));
    fs::create_dir(cluster.path("from")).unwrap();
    let file = fs::File::create(cluster.path("from/disk")).unwrap();
    file.write_all_at(b"begin", 0).unwrap();
    file.write_all_at(b"end", 300 * MIB as u64).unwrap();
    let from = cluster.arg("from");
    let put = files(&cluster, &["put", &from, "--replication", "1", "--json"]).ends_with(0).json();
    assert_eq!((&put["blocks"], &put["repeated_blocks"]), (&json!(3), &json!(2)));
    files(&cluster, &["get", "from", &cluster.arg("back")]).ends_with(0);
    let back = fs::File::open(cluster.path("back/disk")).unwrap();
    let (was, is) = (file.metadata().unwrap(), back.metadata().unwrap());
    assert_eq!(was.len(), is.len());
    assert!(is.blocks() * 512 < 200 * MIB as u64, "{} bytes on the disk", is.blocks() * 512);
    let mut ends = [0; 8];
    back.read_exact_at(&mut ends[..5], 0).unwrap();
    back.read_exact_at(&mut ends[5..], 300 * MIB as u64).unwrap();
    assert_eq!(&ends, b"beginend");
}

fn hash_of(block: &Path) -> &str {
    block.file_name().unwrap().to_str().unwrap()
}

#[test]
fn a_directory_of_manifests_that_is_not_there_is_not_made_up() {
    let cluster = Cluster::start(1, json!({}));
    fs::write(cluster.path("file"), "data").unwrap();
    let (file, gone) = (cluster.arg("file"), cluster.arg("gone"));
    let ran =
        files(&cluster, &["put", &file, "--replication", "1", "--manifests", &gone]).ends_with(2);
    assert!(ran.stderr.contains("is the file system mounted?"), "{}", ran.stderr);
    assert!(!cluster.path("gone").exists());
    assert_eq!(block_files(&cluster, 0), Vec::<PathBuf>::new(), "nothing was sent");
}
