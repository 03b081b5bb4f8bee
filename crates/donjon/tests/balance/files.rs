//! Files in and out: `donjon put`, `get`, `ls`, `rm`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::cluster::{Block, Cluster, mount, wait_for};
use crate::program::{Ran, command, donjon};
use crate::transfers::block_files;

/// Every file and directory below a path, with its content.
fn tree(root: &Path) -> BTreeMap<Vec<u8>, Option<Vec<u8>>> {
    let mut all = BTreeMap::new();
    let mut ahead = vec![root.to_owned()];
    while let Some(dir) = ahead.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec();
            if path.is_dir() {
                all.insert(name, None);
                ahead.push(path);
            } else {
                all.insert(name, Some(fs::read(path).unwrap()));
            }
        }
    }
    all
}

impl Cluster {
    /// Runs a command that knows all nodes.
    pub(crate) fn files(&self, command: &[&str]) -> Ran {
        let config = self.arg("config.yml");
        donjon(&[command, &["--config", &config]].concat())
    }

    /// Files of many kinds, in a directory of the cluster's.
    pub(crate) fn plant_files(&self) -> String {
        let root = self.path("files");
        fs::create_dir_all(root.join("sub dir/deep")).unwrap();
        fs::create_dir(root.join("empty dir")).unwrap();
        fs::write(root.join("empty"), "").unwrap();
        fs::write(root.join("a:b\\c"), "odd").unwrap();
        fs::write(root.join(OsStr::from_bytes(b"no utf-8 \xff")), "bytes").unwrap();
        fs::write(root.join("sub dir/deep/small"), "small").unwrap();
        let large: Vec<u8> = (0..1_250_000_u32).map(|number| number.to_le_bytes()[1]).collect();
        fs::write(root.join("large"), &large).unwrap();
        fs::write(root.join("sub dir/the same"), &large).unwrap();
        self.arg("files")
    }
}

/// A node that finds a block on a volume that it shares would keep that copy, and another node has it already.
#[test]
fn nodes_that_share_volumes_store_two_copies_on_two_of_them() {
    // What each of three volumes is seen by: the last is shared, and then all are.
    for seen_by in [[&[0][..], &[1], &[0, 1]], [&[0, 1], &[0, 1], &[0, 1]]] {
        let mut cluster = Cluster::start(3, json!({}));
        for node in 0..3 {
            cluster.kill(node);
        }
        cluster.configure(|zzzzz| {
            for (volume, nodes) in seen_by.iter().enumerate() {
                let hosts = nodes.iter().map(|node| (cluster.url(*node).to_owned(), json!({})));
                zzzzz["Volumes"][mount(volume)]["AccessViaHosts"] = Value::Object(hosts.collect());
            }
            let urls = zzzzz["Services"]["Keepstore"]["InternalURLs"].as_object_mut().unwrap();
            urls.remove(cluster.url(2));
        });
        for node in 0..2 {
            cluster.begin(node);
        }
        for number in 0..12 {
            let file = cluster.path(&format!("file {number}"));
            fs::write(&file, format!("content {number}")).unwrap();
            let put = cluster.files(&["put", "--replication", "2", file.to_str().unwrap()]);
            put.ends_with(0);
            let block = Block::new(&format!("content {number}"));
            assert_eq!(cluster.copies(&block), 2, "{number}: two volumes have it");
        }
    }
}

#[test]
fn a_tree_comes_back_as_it_was_also_when_a_node_is_gone() {
    let mut cluster = Cluster::start(3, json!({}));
    let files = cluster.plant_files();
    let put = cluster.files(&["put", &files, "--name", "all", "--json"]).ends_with(0).json();
    assert_eq!((&put["files"], &put["copies"]), (&json!(6), &json!(2)));
    let blocks = put["blocks"].as_u64().unwrap();
    assert!(blocks <= 3, "equal files are stored once, small ones share a block: {put}");

    let back = cluster.arg("back");
    cluster.files(&["get", "all", &back]).ends_with(0);
    assert_eq!(tree(Path::new(&back)), tree(Path::new(&files)));

    // Any one node gone: every block has a copy elsewhere.
    for node in 0..3 {
        cluster.kill(node);
        let back = cluster.arg(&format!("back-{node}"));
        cluster.files(&["get", "all", &back]).ends_with(0);
        assert_eq!(tree(Path::new(&back)), tree(Path::new(&files)));
        cluster.begin(node);
    }
}

#[test]
fn a_restore_goes_on_where_it_stood_and_overwrites_nothing_unasked() {
    let cluster = Cluster::start(1, json!({}));
    let files = cluster.plant_files();
    cluster.files(&["put", &files, "--name", "all", "--replication", "1"]).ends_with(0);
    let back = cluster.arg("back");
    cluster.files(&["get", "all", &back]).ends_with(0);
    fs::remove_file(cluster.path("back/large")).unwrap();
    let again = cluster.files(&["get", "all", &back, "--json"]).ends_with(0).json();
    assert_eq!((&again["written"], &again["kept"]), (&json!(1), &json!(5)));

    fs::write(cluster.path("back/empty"), "mine").unwrap();
    let ran = cluster.files(&["get", "all", &back]).ends_with(1);
    assert!(ran.stderr.contains("--overwrite"), "{}", ran.stderr);
    assert_eq!(fs::read(cluster.path("back/empty")).unwrap(), b"mine");
    cluster.files(&["get", "all", &back, "--overwrite"]).ends_with(0);
    assert_eq!(tree(Path::new(&back)), tree(Path::new(&files)));
}

#[test]
fn nothing_is_restored_through_a_link() {
    let cluster = Cluster::start(1, json!({}));
    let files = cluster.plant_files();
    cluster.files(&["put", &files, "--name", "all", "--replication", "1"]).ends_with(0);
    let back = cluster.path("back");
    fs::create_dir(&back).unwrap();
    fs::create_dir(cluster.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(cluster.path("elsewhere"), back.join("sub dir")).unwrap();
    cluster.files(&["get", "all", back.to_str().unwrap()]).ends_with(1);
    assert_eq!(fs::read_dir(cluster.path("elsewhere")).unwrap().count(), 0);
}

#[test]
fn many_small_files_share_few_blocks() {
    let cluster = Cluster::start(1, json!({}));
    let root = cluster.path("many");
    for dir in 0..20 {
        fs::create_dir_all(root.join(format!("d{dir}"))).unwrap();
        for file in 0..250 {
            fs::write(root.join(format!("d{dir}/f{file}")), format!("{dir} {file}")).unwrap();
        }
    }
    let many = cluster.arg("many");
    let put = cluster.files(&["put", &many, "--replication", "1", "--json"]).ends_with(0).json();
    assert_eq!((&put["files"], &put["blocks"]), (&json!(5000), &json!(1)));
    let back = cluster.arg("back");
    cluster.files(&["get", "many", &back]).ends_with(0);
    assert_eq!(tree(Path::new(&back)), tree(Path::new(&many)));
}

#[test]
fn nothing_is_published_unless_every_copy_is_there() {
    let mut cluster = Cluster::start(2, json!({}));
    let files = cluster.plant_files();
    cluster.kill(1);
    let ran = cluster.files(&["put", &files, "--name", "all"]).ends_with(1);
    assert!(ran.stderr.contains("has 1 of 2 copies"), "{}", ran.stderr);
    assert!(ran.stderr.contains(cluster.url(1)), "{}", ran.stderr);
    let listed = cluster.files(&["ls", "--json"]).ends_with(0).text();
    assert_eq!(listed, "", "nothing is published");
    cluster.begin(1);
    cluster.files(&["put", &files, "--name", "all"]).ends_with(0);
}

#[test]
fn names_are_not_taken_twice_and_links_are_not_followed() {
    let cluster = Cluster::start(1, json!({}));
    let files = cluster.plant_files();
    let put = |extra: &[&str]| {
        cluster.files(&[&["put", &files, "--name", "all", "--replication", "1"], extra].concat())
    };
    put(&[]).ends_with(0);
    put(&[]).ends_with(0);
    fs::write(cluster.path("files/new"), "new").unwrap();
    let ran = put(&[]).ends_with(1);
    assert!(ran.stderr.contains("choose another name, or replace it"), "{}", ran.stderr);
    put(&["--replace"]).ends_with(0);
    std::os::unix::fs::symlink("/etc/passwd", cluster.path("files/link")).unwrap();
    let ran = put(&["--replace"]).ends_with(1);
    assert!(
        ran.stderr.contains("files/link") && ran.stderr.contains("--skip-special"),
        "{}",
        ran.stderr
    );
    put(&["--replace", "--skip-special"]).ends_with(0);
}

#[test]
fn putting_the_same_again_changes_nothing_but_makes_its_blocks_young() {
    let cluster = Cluster::start(1, json!({}));
    let files = cluster.plant_files();
    let put = |extra: &[&str]| {
        let all = ["put", &files, "--name", "all", "--replication", "1", "--json"];
        cluster.files(&[&all, extra].concat()).ends_with(0).json()
    };
    let first = put(&[]);
    assert_eq!(first["result"], "added");
    let blocks = block_files(&cluster, 0);
    let long_ago = SystemTime::now() - Duration::from_secs(30 * 24 * 3600);
    for block in &blocks {
        File::options().write(true).open(block).unwrap().set_modified(long_ago).unwrap();
    }
    let catalog = fs::read(cluster.path("manifests/catalog")).unwrap();
    let again = put(&[]);
    assert_eq!(
        (&again["result"], &again["generation"]),
        (&json!("unchanged"), &first["generation"])
    );
    assert_eq!(fs::read(cluster.path("manifests/catalog")).unwrap(), catalog);
    for block in blocks {
        assert!(fs::metadata(block).unwrap().modified().unwrap() > long_ago, "it is young again");
    }
    let ran = cluster.files(&["put", &files, "--name", "all", "--replication", "1"]).ends_with(0);
    assert!(ran.text().starts_with("all: already stored, nothing is changed"), "{}", ran.text());
    assert_eq!(put(&["--classes", "default"])["result"], "rewished");
    let all = cluster.files(&["ls", "--all", "--json"]).ends_with(0).json_lines();
    assert_eq!(all.len(), 1, "nothing counts as removed: {all:?}");
}

#[test]
fn classes_that_no_node_has_are_named_before_anything_is_sent() {
    let cluster = Cluster::start(1, json!({}));
    let files = cluster.plant_files();
    let put = |classes: &str| cluster.files(&["put", &files, "--classes", classes]).ends_with(2);
    put("fast").complains(
        "no node has a writable volume of the storage class \"fast\"; there are: default",
    );
    put("default,").complains("--classes has an empty name");
    assert_eq!(block_files(&cluster, 0), Vec::<PathBuf>::new());
}

#[test]
fn what_was_removed_long_ago_is_erased_by_the_next_command() {
    let cluster = Cluster::start(1, json!({}));
    for name in ["a", "b", "c"] {
        cluster.publish(name, &[Block::new(name)], None);
    }
    cluster.remove_long_ago("a");
    cluster.files(&["rm", "b"]).ends_with(0);
    let manifests = || fs::read_dir(cluster.path("manifests/manifests")).unwrap().count();
    assert_eq!(manifests(), 2, "a is forgotten, b is kept for the TTL");
    cluster.expire_removed();
    let files = cluster.plant_files();
    let put = cluster.files(&["put", &files, "--replication", "1", "--json"]).ends_with(0).json();
    assert_eq!((put["forgotten_collections"].as_u64(), manifests()), (Some(1), 2));
}

#[test]
fn an_interrupted_put_publishes_nothing_and_says_what_to_do() {
    let cluster = Cluster::start(1, json!({}));
    let files = cluster.plant_files();
    // A node that takes everything and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let config = cluster.arg("config.yml");
    let child = command(&["put", &files, "--replication", "1", "--url", &url, "--config", &config])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _connection = silent.accept().unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap()).ends_with(1);
    ran.complains("interrupted: nothing was published. The same command again goes on");
    assert_eq!(cluster.files(&["ls", "--json"]).ends_with(0).text(), "");
}

#[test]
fn collections_are_listed_removed_and_brought_back() {
    let cluster = Cluster::start(1, json!({"MaxTrashPercent": 100}));
    let files = cluster.plant_files();
    cluster.files(&["put", &files, "--name", "all", "--replication", "1"]).ends_with(0);
    let listed = cluster.files(&["ls", "--json"]).ends_with(0).json();
    assert_eq!((&listed["name"], &listed["files"]), (&json!("all"), &json!(6)));
    let within = cluster.files(&["ls", "all", "--json"]).ends_with(0).json_lines();
    assert_eq!(within.len(), 6);
    // By its hash too, without `+` and the size.
    let pdh = listed["portable_data_hash"].as_str().unwrap().split('+').next().unwrap().to_owned();
    cluster.files(&["get", &pdh, &cluster.arg("by-hash")]).ends_with(0);
    cluster.files(&["rm", "all"]).ends_with(0);
    assert_eq!(cluster.files(&["ls", "--json"]).ends_with(0).text(), "");
    cluster.files(&["get", "all", &cluster.arg("back")]).ends_with(3);
    let gone = "donjon: all: there is no such collection";
    cluster.files(&["rm", "all"]).ends_with(3).complains(gone);
    let said = cluster.files(&["rm", "all", "--json"]).ends_with(3).json();
    assert_eq!(said["result"], "no_such_name");
    // `rm` and `ls` mean the same, and people are told how long `--undo` works.
    let listed = cluster.files(&["ls", "--all", "--json"]).ends_with(0).json();
    for until in ["undo_until_ns", "kept_until_ns"] {
        assert_eq!(said[until], listed[until]);
    }
    assert!(listed["undo_until_ns"].as_i64() < listed["kept_until_ns"].as_i64(), "{listed}");
    let shown = cluster.files(&["ls", "--all"]).ends_with(0).text();
    assert!(shown.contains("removed, --undo until 20"), "{shown}");
    // The blocks are still there: it comes back whole.
    cluster.once();
    cluster.settle();
    cluster.files(&["rm", "--undo", "all"]).ends_with(0);
    let back = cluster.arg("back");
    cluster.files(&["get", "all", &back]).ends_with(0);
    assert_eq!(tree(Path::new(&back)), tree(Path::new(&files)));
}

#[test]
fn what_was_removed_too_long_ago_is_found_by_its_hash() {
    let cluster = Cluster::start(1, json!({}));
    let files = cluster.plant_files();
    cluster.files(&["put", &files, "--name", "all", "--replication", "1"]).ends_with(0);
    cluster.configure_collections("BlobSigningTTL", json!("1s"));
    cluster.files(&["rm", "all"]).ends_with(0);
    let listed = || cluster.files(&["ls", "--all", "--json"]).ends_with(0).json();
    wait_for("the end of its time", || listed()["kept_until_ns"].is_null());
    let hash = listed()["portable_data_hash"].as_str().unwrap().to_owned();
    assert!(listed()["undo_until_ns"].is_null());
    assert!(cluster.files(&["ls", "--all"]).ends_with(0).text().contains(&hash));
    let late = cluster.files(&["rm", "--undo", "all"]).ends_with(3);
    let said = format!("{}{}", late.text(), late.stderr);
    assert!(said.contains("removed too long ago") && said.contains(&hash), "{said}");
    cluster.files(&["get", &hash, &cluster.arg("back")]).ends_with(0);
    assert_eq!(tree(&cluster.path("back")), tree(Path::new(&files)));
}
