//! Nodes and balancers are killed at random moments, while collections come, change and go. All the while a watcher looks:
//! no block that a collection wants is ever without a readable replica. In the end all garbage is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::cluster::{Block, Cluster};
use crate::random::{Random, rounds};

const NODES: usize = 3;
/// Enough that every kind of kill happens several times.
const ROUNDS: u64 = 12;
const SEED: u64 = 20_261_123;

/// The files of each wanted block, one for each node.
type Watched = Arc<Mutex<BTreeMap<String, Vec<PathBuf>>>>;

/// Looks again and again, in a thread of its own, until dropped.
struct Watcher {
    watched: Watched,
    stop: Arc<AtomicBool>,
    looks: Arc<AtomicU64>,
    thread: Option<std::thread::JoinHandle<Vec<String>>>,
}

impl Watcher {
    fn start() -> Watcher {
        let watched = Watched::default();
        let (stop, looks) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let thread = std::thread::spawn({
            let (watched, stop, looks) = (watched.clone(), stop.clone(), looks.clone());
            move || {
                let mut missing = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    // Held for the whole look: what is wanted does not change meanwhile.
                    let watched = watched.lock().unwrap();
                    for (hash, files) in watched.iter() {
                        if !files.iter().any(|file| std::fs::read(file).is_ok()) {
                            missing.push(hash.clone());
                        }
                        looks.fetch_add(1, Ordering::Relaxed);
                    }
                    drop(watched);
                    std::thread::yield_now();
                }
                missing
            }
        });
        Watcher { watched, stop, looks, thread: Some(thread) }
    }

    /// Ends it; gives the blocks that were ever missing, and how often it looked.
    fn finish(mut self) -> (Vec<String>, u64) {
        self.stop.store(true, Ordering::Relaxed);
        let missing = self.thread.take().unwrap().join().unwrap();
        (missing, self.looks.load(Ordering::Relaxed))
    }
}

/// The cluster, and what should be in it.
struct Story {
    cluster: Cluster,
    random: Random,
    collections: BTreeMap<String, Vec<Block>>,
    blocks: Vec<Block>,
    down: BTreeSet<usize>,
    watcher: Watcher,
}

impl Story {
    /// A new collection of old and new blocks, each on one node at least; or another content for one that is there.
    fn publish(&mut self) {
        let name = format!("c{}", self.random.next(6));
        let mut content = Vec::new();
        for _ in 0..4 {
            let again = self.random.next(3) == 0 && !self.collections.is_empty();
            let block = if again {
                // One that a collection wants now: of any other it is not known whether it still exists.
                let wanted: Vec<&Block> = self.collections.values().flatten().collect();
                (*self.random.one_of(&wanted).unwrap()).clone()
            } else {
                let block = Block::new(&format!("block {}", self.blocks.len()));
                let node = self.random.index(NODES);
                self.cluster.plant(node, std::slice::from_ref(&block));
                self.blocks.push(block.clone());
                block
            };
            content.push(block);
        }
        let copies = u32::try_from(1 + self.random.next(3)).unwrap();
        self.cluster.publish(&name, &content, Some(copies));
        self.collections.insert(name, content);
        self.watch();
    }

    fn remove(&mut self) {
        let Some(name) = self.collections.keys().next().cloned() else { return };
        if self.collections.len() < 2 {
            return; // without any collection no balancer acts
        }
        self.collections.remove(&name);
        self.watch();
        self.cluster.remove_long_ago(&name);
    }

    /// Tells the watcher what is wanted now.
    fn watch(&self) {
        let files = |block: &Block| (0..NODES).map(|node| self.cluster.file(node, block)).collect();
        let wanted = self.collections.values().flatten();
        *self.watcher.watched.lock().unwrap() =
            wanted.map(|block| (block.hash.clone(), files(block))).collect();
    }

    /// A run during which something is killed, or nothing.
    fn run_with_a_kill(&mut self) {
        let mut balancer = self.cluster.start_balance(&["once"]);
        self.random.pause(400);
        match self.random.next(4) {
            0 => {
                balancer.kill().unwrap();
            }
            1 | 2 => {
                let node = self.random.index(NODES);
                if self.down.insert(node) {
                    self.cluster.kill(node);
                }
            }
            _ => {}
        }
        balancer.wait().unwrap();
        for node in std::mem::take(&mut self.down) {
            self.cluster.begin(node);
        }
    }
}

#[test]
fn no_wanted_block_is_ever_unreadable_under_random_kills_and_garbage_goes_in_the_end() {
    let cluster = Cluster::start(NODES, json!({"MaxTrashPercent": 100, "MaxDropPercent": 100}));
    let mut story = Story {
        cluster,
        random: Random::new(SEED),
        collections: BTreeMap::new(),
        blocks: Vec::new(),
        down: BTreeSet::new(),
        watcher: Watcher::start(),
    };
    story.publish();
    for _ in 0..rounds(ROUNDS) {
        for _ in 0..=story.random.next(3) {
            story.publish();
        }
        if story.random.next(2) == 0 {
            story.remove();
        }
        story.run_with_a_kill();
    }
    let Story { cluster, collections, blocks, watcher, .. } = story;
    // What was replaced lately is a reference still, and what was pulled lately is new: their time is up now.
    cluster.settle();
    cluster.expire_removed();
    cluster.age(&blocks);
    for _ in 0..12 {
        cluster.once();
        cluster.settle();
    }
    let (missing, looks) = watcher.finish();
    assert_eq!(missing, Vec::<String>::new(), "in {looks} looks");
    assert!(looks > 0);
    let wanted: BTreeSet<&str> =
        collections.values().flatten().map(|block| block.hash.as_str()).collect();
    for block in &blocks {
        let copies = cluster.copies(block);
        if wanted.contains(block.hash.as_str()) {
            assert!(copies >= 1, "{block:?} is lost");
        } else {
            assert_eq!(copies, 0, "{block:?} is garbage");
        }
    }
}
