//! The life of a store, with the commands that people type, while nodes, balancers and writers are killed at random moments:
//! put, replace, rm, undo, balance, untrash, explain. After each round every collection is restored and compared; in the end
//! every wanted block has its copies, and nothing else is left.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::cluster::{Cluster, wait_for};
use crate::program::{Ran, command, donjon};
use crate::random::{Random, rounds};
use crate::transfers::block_files;

const NODES: usize = 3;
const COPIES: usize = 2;
/// Trees of files, which come and go under different names.
const TREES: usize = 8;
/// Never removed: without any collection no balancer acts.
const ANCHOR: &str = "anchor";
/// Short, so that garbage goes while the story is told; nothing that is checked depends on how long it is.
const TTL: &str = "4s";
const ROUNDS: u64 = 8;
const SEED: u64 = 20_261_124;

/// A line of `ls --all`.
struct Listed {
    name: String,
    hash: String,
    tree: usize,
    standing: Standing,
}

/// How a collection stands, as `ls` says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Live,
    /// Removed or replaced, and its blocks are kept.
    Kept,
    Over,
}

struct Story {
    cluster: Cluster,
    random: Random,
    /// The tree of each portable data hash.
    trees: BTreeMap<String, usize>,
    /// What is there, as far as commands have said so: the tree of each name.
    live: BTreeMap<String, usize>,
}

impl Story {
    fn begin() -> Story {
        let limits = json!({"MaxTrashPercent": 100, "MaxDropPercent": 100});
        let mut cluster = Cluster::start(NODES, limits);
        cluster.configure_collections("BlobSigningTTL", json!(TTL));
        for node in 0..NODES {
            cluster.kill(node);
            cluster.begin(node);
        }
        let mut random = Random::new(SEED);
        for tree in 0..TREES {
            write_tree(&cluster.path(&format!("tree-{tree}")), tree, &mut random);
        }
        let mut story = Story { cluster, random, trees: BTreeMap::new(), live: BTreeMap::new() };
        for tree in 0..TREES {
            let put =
                story.run(&["put", &story.tree(tree), "--name", ANCHOR, "--replace", "--json"]);
            let hash = put.ends_with(0).json()["portable_data_hash"].as_str().unwrap().to_owned();
            story.trees.insert(hash, tree);
            story.live.insert(ANCHOR.to_owned(), tree);
        }
        story
    }

    fn tree(&self, tree: usize) -> String {
        self.cluster.arg(&format!("tree-{tree}"))
    }

    fn run(&self, args: &[&str]) -> Ran {
        donjon(&[args, &["--config", &self.cluster.arg("config.yml")]].concat())
    }

    fn start(&self, args: &[&str]) -> Child {
        let config = self.cluster.arg("config.yml");
        command(&[args, &["--config", &config]].concat())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// What `ls --all` shows.
    fn listed(&self) -> Vec<Listed> {
        let shown = self.run(&["ls", "--all", "--json"]).ends_with(0).json_lines();
        let listed = |entry: &Value| {
            let of = |key: &str| entry[key].as_str().unwrap().to_owned();
            let hash = of("portable_data_hash");
            let standing = match (&entry["removed_at_ns"], &entry["kept_until_ns"]) {
                (Value::Null, _) => Standing::Live,
                (_, Value::Null) => Standing::Over,
                _ => Standing::Kept,
            };
            Listed { name: of("name"), tree: self.trees[&hash], hash, standing }
        };
        shown.iter().map(listed).collect()
    }

    /// The tree of the collection of this name.
    fn listed_live(&self, name: &str) -> Option<usize> {
        let is = |entry: &Listed| entry.standing == Standing::Live && entry.name == name;
        self.listed().into_iter().find(is).map(|entry| entry.tree)
    }

    /// A put of a random tree under a random name. It may be killed: then it was done or not, and nothing between.
    fn put(&mut self) {
        let name = format!("c{}", self.random.next(5));
        let tree = self.random.index(TREES);
        let path = self.tree(tree);
        let args = ["put", &path, "--name", &name, "--replace"];
        if self.random.next(3) > 0 {
            self.run(&args).ends_with(0);
            self.live.insert(name, tree);
            return;
        }
        let mut put = self.start(&args);
        self.random.pause(60);
        put.kill().unwrap();
        put.wait().unwrap();
        let now = self.listed_live(&name);
        assert!(now == Some(tree) || now == self.live.get(&name).copied(), "{name} is another");
        if let Some(now) = now {
            self.live.insert(name, now);
        }
    }

    fn remove(&mut self) {
        let names: Vec<String> = self.live.keys().filter(|name| *name != ANCHOR).cloned().collect();
        let Some(name) = self.random.one_of(&names) else { return };
        self.run(&["rm", name]).ends_with(0);
        self.live.remove(name);
    }

    /// What can be brought back is whole: `check` restores it.
    fn undo(&mut self) {
        let removed: Vec<Listed> =
            self.listed().into_iter().filter(|entry| entry.standing != Standing::Live).collect();
        let Some(Listed { name, .. }) = self.random.one_of(&removed) else { return };
        // Too late, or another has the name: then it stays as it is.
        let ran = self.run(&["rm", "--undo", name]);
        // All clocks are one clock, and all nodes are up.
        assert!(!ran.stderr.contains("NOT whole"), "{}", ran.stderr);
        if ran.code == 0 {
            let back = self.listed_live(name).expect("it is there again");
            self.live.insert(name.clone(), back);
        }
    }

    /// A run during which the balancer, a node, or nothing is killed.
    fn balance(&mut self) {
        let mut balancer = self.start(&["balance", "once"]);
        self.random.pause(300);
        let victim = self.random.index(2 * NODES);
        if victim < NODES {
            self.cluster.kill(victim);
        } else if victim == NODES {
            balancer.kill().unwrap();
        }
        balancer.wait().unwrap();
        if victim < NODES {
            self.cluster.begin(victim);
        }
    }

    /// Brings back what lists trashed lately, needed or not.
    fn untrash(&mut self) {
        let node = self.random.index(NODES);
        self.cluster.on(node, &["untrash", "--since", "3s ago"]);
    }

    /// Every collection is restored and compared: what is there, and what was removed and is kept still. If it is kept now, it
    /// was kept whenever a balancer looked.
    fn check(&self) {
        let (mut live, mut kept) = (BTreeMap::new(), BTreeMap::new());
        for Listed { name, tree, hash, standing } in self.listed() {
            match standing {
                Standing::Live => drop(live.insert(name, tree)),
                Standing::Kept => drop(kept.insert(hash, tree)),
                Standing::Over => {}
            }
        }
        assert_eq!(live, self.live, "an acknowledged change is not there");
        for (named, tree) in live.iter().chain(&kept) {
            let to = self.cluster.path("restored");
            self.run(&["get", named, to.to_str().unwrap()]).ends_with(0);
            let put = self.cluster.path(&format!("tree-{tree}"));
            assert_eq!(content(&to), content(&put), "{named}");
            fs::remove_dir_all(to).unwrap();
        }
        if let Some(file) = block_files(&self.cluster, 0).first() {
            self.cluster.on(0, &["block", "explain", &name_of(file)]).ends_with(0);
        }
    }

    /// The blocks of what is there.
    fn wanted(&self) -> BTreeSet<String> {
        let hash_of = |tree: &usize| self.trees.iter().find(|(_, of)| *of == tree).unwrap().0;
        self.live.values().flat_map(|tree| blocks_of(&self.cluster, hash_of(tree))).collect()
    }

    /// How many nodes have each block.
    fn copies(&self) -> BTreeMap<String, usize> {
        let mut copies = BTreeMap::new();
        for node in 0..NODES {
            for file in block_files(&self.cluster, node) {
                *copies.entry(name_of(&file)).or_default() += 1;
            }
        }
        copies
    }
}

/// The blocks of a manifest, read from the directory of manifests.
fn blocks_of(cluster: &Cluster, hash: &str) -> BTreeSet<String> {
    let scan = manifest_store::Scan::open(&cluster.path("manifests")).unwrap();
    let entry = scan.entries().iter().find(|entry| entry.pdh.to_string() == hash).unwrap();
    let tree = keep_manifest::Tree::read(scan.manifest(entry).unwrap(), 1 << 20).unwrap();
    let segments = tree.files().flat_map(|(_path, file)| file.segments());
    segments.map(|segment| segment.block().hash().to_string()).collect()
}

fn name_of(file: &Path) -> String {
    file.file_name().unwrap().to_str().unwrap().to_owned()
}

/// A few files, which no other tree has.
fn write_tree(root: &Path, tree: usize, random: &mut Random) {
    fs::create_dir_all(root.join("sub")).unwrap();
    for file in 0..3 {
        let text = format!("tree {tree}, file {file}, {}\n", random.next(u64::MAX)).repeat(40);
        fs::write(root.join(if file == 0 { "sub/0".to_owned() } else { file.to_string() }), text)
            .unwrap();
    }
}

fn content(root: &Path) -> BTreeMap<&'static str, Vec<u8>> {
    ["sub/0", "1", "2"].into_iter().map(|name| (name, fs::read(root.join(name)).unwrap())).collect()
}

#[test]
fn collections_stay_whole_and_garbage_goes_whatever_is_killed() {
    let mut story = Story::begin();
    for _ in 0..rounds(ROUNDS) {
        for _ in 0..4 {
            match story.random.next(6) {
                0..=2 => story.put(),
                3 => story.remove(),
                4 => story.undo(),
                _ => story.untrash(),
            }
        }
        story.balance();
        story.check();
    }
    // What was removed is wanted until signatures end, and what is young stays: so it takes some runs.
    let wanted: BTreeMap<String, usize> =
        story.wanted().into_iter().map(|hash| (hash, COPIES)).collect();
    wait_for("a store with what is wanted and nothing else", || {
        story.cluster.once();
        story.cluster.settle();
        story.copies() == wanted
    });
    story.check();
}
