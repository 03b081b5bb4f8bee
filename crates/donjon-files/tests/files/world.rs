//! A tree on the disk, nodes around it, and a place to restore into.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::num::NonZeroU32;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use donjon_files::{
    Existing, GetError, GetOptions, Got, Nodes, Packing, Put, PutError, PutOptions, Server,
    Special, Wish, get, put, scan,
};
use keep_manifest::Tree;
use keep_rules::Timestamp;
use tempfile::TempDir;

use crate::memory_node::MemoryNode;

/// Blocks in tests are this long: boundaries come quickly. A file of 16 bytes has its own.
pub(crate) const BLOCK_MAX: u32 = 256;

pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) servers: Vec<MemoryNode>,
}

impl World {
    pub(crate) fn new(nodes: usize) -> World {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("in")).unwrap();
        World { dir, servers: (0..nodes).map(|_| MemoryNode::default()).collect() }
    }

    pub(crate) fn input(&self) -> PathBuf {
        self.dir.path().join("in")
    }

    pub(crate) fn output(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    /// Writes a file of the input, and the directories that it is in.
    pub(crate) fn write(&self, path: impl AsRef<[u8]>, data: impl AsRef<[u8]>) {
        let path = self.input().join(OsStr::from_bytes(path.as_ref()));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, data).unwrap();
    }

    pub(crate) fn nodes(&self) -> Nodes<MemoryNode> {
        let server = |(number, node): (usize, &MemoryNode)| Server {
            uuid: format!("zzzzz-bi6l4-{number:015}"),
            name: format!("http://node-{number}/"),
            node: node.clone(),
            devices: node.devices(),
        };
        Nodes::new(self.servers.iter().enumerate().map(server).collect())
    }

    pub(crate) fn options(&self, replication: u32) -> PutOptions {
        let replication = NonZeroU32::new(replication).unwrap();
        PutOptions {
            wish: Wish { replication, classes: Vec::new() },
            jobs: 3,
            packing: Packing::new(BLOCK_MAX),
            on_progress: Arc::new(|_| {}),
        }
    }

    pub(crate) async fn put(&self, replication: u32, classes: &[&str]) -> Result<Put, PutError> {
        let mut options = self.options(replication);
        options.wish.classes = classes.iter().map(|class| (*class).to_owned()).collect();
        let scan = scan(&[self.input().join(".")], Special::Refuse).unwrap();
        put(scan, &self.nodes(), &options, || Timestamp::from_seconds(1_000)).await
    }

    pub(crate) async fn get(&self, tree: &Tree, existing: Existing) -> Result<Got, GetError> {
        let options = GetOptions {
            jobs: 3,
            existing,
            locate: Arc::new(|block| block.to_string().parse().unwrap()),
            on_progress: Arc::new(|_| {}),
        };
        get(tree, &self.output(), &self.nodes(), &options).await
    }
}

/// Every file with its bytes and every directory, by path.
pub(crate) fn contents(dir: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut pending = vec![dir.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let data = if path.is_dir() { None } else { Some(fs::read(&path).unwrap()) };
            if data.is_none() {
                pending.push(path.clone());
            }
            found.insert(path.strip_prefix(dir).unwrap().to_owned(), data);
        }
    }
    found
}
