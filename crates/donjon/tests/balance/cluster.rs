//! Nodes with a volume each, a directory of manifests, and a balancer's state.

use std::fs::{self, File, FileTimes};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, SystemTime};

use keep_rules::{BlockHash, Timestamp};
use manifest_store::{Existing, Publication, Store, Wanted};
use md5::{Digest as _, Md5};
use serde_json::{Value, json};
use sha2::Sha256;
use tempfile::TempDir;

use crate::program::{Ran, command, donjon};

/// How long a node may take to start, or a list to be worked off, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often to look. A test waits for a state, never for a time.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long signatures are valid unless a test says otherwise.
const TTL: Duration = Duration::from_secs(14 * 24 * 3600);
const ADMIN: &str = "rootrootrootrootrootrootrootroot";

/// A block that a test has made.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) hash: String,
    text: String,
}

impl Block {
    pub(crate) fn new(text: &str) -> Block {
        let hash = BlockHash::from_bytes(Md5::digest(text).into()).to_string();
        Block { hash, text: text.to_owned() }
    }

    /// As manifests name it.
    pub(crate) fn locator(&self) -> String {
        format!("{}+{}", self.hash, self.text.len())
    }
}

/// So many blocks.
pub(crate) fn blocks(name: &str, count: usize) -> Vec<Block> {
    (0..count).map(|number| Block::new(&format!("{name} {number}"))).collect()
}

/// Nodes that know of each other, and what is around them. All of it goes when it is dropped.
pub(crate) struct Cluster {
    dir: TempDir,
    urls: Vec<String>,
    children: Vec<Option<Child>>,
    /// The section `PostgreSQL` of the configuration; null without a database.
    database: Value,
}

impl Cluster {
    /// So many nodes; the balancer has these keys of its own.
    pub(crate) fn start(nodes: usize, balance: Value) -> Cluster {
        Cluster::start_with(nodes, balance, Value::Null)
    }

    /// The same with this section `PostgreSQL`.
    pub(crate) fn start_with(nodes: usize, balance: Value, database: Value) -> Cluster {
        let dir = tempfile::tempdir().unwrap();
        let listeners: Vec<_> =
            (0..nodes).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let urls: Vec<String> = listeners
            .iter()
            .map(|listener| format!("http://{}", listener.local_addr().unwrap()))
            .collect();
        drop(listeners);
        let mut cluster = Cluster { dir, urls, children: Vec::new(), database };
        for name in ["manifests", "balance"] {
            fs::create_dir(cluster.path(name)).unwrap();
        }
        cluster.write_config(balance);
        for node in 0..nodes {
            fs::create_dir(cluster.root(node)).unwrap();
        }
        cluster.children = (0..nodes).map(|node| Some(cluster.serve(node))).collect();
        for node in 0..nodes {
            cluster.wait_until_it_answers(node);
        }
        // An empty directory is one of manifests from the first collection on.
        drop(cluster.manifests());
        cluster
    }

    /// Writes the configuration anew, with these keys of the balancer.
    pub(crate) fn write_config(&self, mut balance: Value) {
        balance["Manifests"] = json!(self.path("manifests"));
        balance["StateDir"] = json!(self.path("balance"));
        let volumes = (0..self.urls.len()).map(|node| {
            let volume = json!({
                "Driver": "Directory",
                "DriverParameters": {"Root": self.root(node)},
                "AccessViaHosts": {&self.urls[node]: {}},
            });
            (mount(node), volume)
        });
        let urls = self.urls.iter().map(|url| (url.clone(), json!({})));
        let mut config = json!({"Clusters": {"zzzzz": {
            "SystemRootToken": ADMIN,
            "ManagementToken": ADMIN,
            "Collections": {
                "BlobSigning": false,
                "DefaultReplication": 2,
                "BlobMissingReport": self.path("lost"),
            },
            "Donjon": {"Balance": balance, "TrashGuardPercent": 100},
            "Services": {"Keepstore": {"InternalURLs": Value::Object(urls.collect())}},
            "Volumes": Value::Object(volumes.collect()),
        }}});
        if !self.database.is_null() {
            config["Clusters"]["zzzzz"]["PostgreSQL"] = self.database.clone();
        }
        fs::write(self.path("config.yml"), config.to_string()).unwrap();
    }

    /// Sets a key of the section `Collections` for what is run from now on.
    pub(crate) fn configure_collections(&self, key: &str, value: Value) {
        self.configure(|cluster| cluster["Collections"][key] = value.clone());
    }

    /// Changes the cluster's part of the configuration for what is run from now on.
    pub(crate) fn configure(&self, change: impl Fn(&mut Value)) {
        let mut config: Value = serde_json::from_str(&text(&self.path("config.yml"))).unwrap();
        change(&mut config["Clusters"]["zzzzz"]);
        fs::write(self.path("config.yml"), config.to_string()).unwrap();
    }

    fn serve(&self, node: usize) -> Child {
        let log = File::options().create(true).append(true).open(self.path(&format!("log-{node}")));
        command(&["serve", "--config", self.path("config.yml").to_str().unwrap()])
            .env("ARVADOS_SERVICE_INTERNAL_URL", &self.urls[node])
            .stdin(Stdio::null())
            .stderr(log.unwrap())
            .spawn()
            .unwrap()
    }

    fn wait_until_it_answers(&self, node: usize) {
        wait_for("an answer", || {
            donjon(&["mounts", "--url", &self.urls[node], "--token", ADMIN]).code == 0
        });
    }

    /// Ends a node as a crash does.
    pub(crate) fn kill(&mut self, node: usize) {
        let mut child = self.children[node].take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Starts a node again.
    pub(crate) fn begin(&mut self, node: usize) {
        self.children[node] = Some(self.serve(node));
        self.wait_until_it_answers(node);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A path as an argument.
    pub(crate) fn arg(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn url(&self, node: usize) -> &str {
        &self.urls[node]
    }

    pub(crate) fn root(&self, node: usize) -> PathBuf {
        self.path(&format!("keep-{node}"))
    }

    /// The file of a live block on a node.
    pub(crate) fn file(&self, node: usize, block: &Block) -> PathBuf {
        self.root(node).join(&block.hash[..3]).join(&block.hash)
    }

    /// Puts blocks on the disk of a node, as old as a month and `node` seconds: every replica has an mtime of its own.
    pub(crate) fn plant(&self, node: usize, blocks: &[Block]) {
        let mtime = SystemTime::now() - MONTH + Duration::from_secs(node as u64);
        for block in blocks {
            self.plant_at(node, block, mtime);
        }
    }

    /// Puts a block on the disk of a node that was written just now.
    pub(crate) fn plant_new(&self, node: usize, block: &Block) {
        self.plant_at(node, block, SystemTime::now());
    }

    fn plant_at(&self, node: usize, block: &Block, mtime: SystemTime) {
        let file = self.file(node, block);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &block.text).unwrap();
        let times = FileTimes::new().set_modified(mtime);
        File::options().write(true).open(&file).unwrap().set_times(times).unwrap();
    }

    /// Takes the names that a block may have in the trash of a node, for as long as a test may take: it cannot be trashed then.
    pub(crate) fn take_trash_names(&self, node: usize, block: &Block) -> Vec<PathBuf> {
        /// BlobTrashLifetime.
        const LIFETIME: u64 = 14 * 24 * 3600;
        /// So many seconds a node puts the deadline off, for an hour of tests.
        const NAMES: u64 = 1000 + 3600;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let names = (0..NAMES).map(|second| {
            let deadline = now + LIFETIME + second;
            self.file(node, block).with_file_name(format!("{}.trash.{deadline}", block.hash))
        });
        let names: Vec<PathBuf> = names.collect();
        for name in &names {
            File::create_new(name).unwrap();
        }
        names
    }

    /// How many nodes have the block.
    pub(crate) fn copies(&self, block: &Block) -> usize {
        (0..self.urls.len()).filter(|node| self.file(*node, block).exists()).count()
    }

    fn manifests(&self) -> Store {
        Store::open(&self.path("manifests"), SystemTime::now().into()).unwrap()
    }

    /// Publishes a collection that names these blocks.
    pub(crate) fn publish(&self, name: &str, blocks: &[Block], copies: Option<u32>) {
        let locators: Vec<String> = blocks.iter().map(Block::locator).collect();
        let bytes: usize = blocks.iter().map(|block| block.text.len()).sum();
        let manifest = format!(". {} 0:{bytes}:file\n", locators.join(" "));
        let publication = Publication {
            name: name.parse().unwrap(),
            wanted: Wanted { replication: copies, classes: Vec::new() },
            files: 1,
            data_bytes: bytes as u64,
            at: SystemTime::now().into(),
            ttl: TTL,
            existing: Existing::Replace,
        };
        self.manifests().publish(publication, manifest.as_bytes()).unwrap();
    }

    /// Removes a collection, a month ago.
    pub(crate) fn remove_long_ago(&self, name: &str) {
        self.manifests().remove(&name.parse().unwrap(), SystemTime::now().into(), TTL).unwrap();
        self.edit_catalog(|entry| {
            if entry["name"] == name && !entry["removed_at"].is_null() {
                Self::expire(entry);
            }
        });
    }

    /// As if an entry of the catalog had been removed a month ago, with the TTL of this moment.
    fn expire(entry: &mut Value) {
        let removed_at = Timestamp::from(SystemTime::now() - MONTH);
        let protected_until = removed_at.after(TTL).after(Duration::from_secs(3600));
        entry["removed_at"] = json!(removed_at.as_nanos());
        entry["protected_until"] = json!(protected_until.as_nanos());
    }

    /// Changes the catalog as no program would: no program dates anything back.
    pub(crate) fn edit_catalog(&self, edit: impl Fn(&mut Value)) {
        let path = self.path("manifests/catalog");
        let old = text(&path);
        let lines: Vec<&str> = old.lines().collect();
        let mut new = String::new();
        for line in &lines[..lines.len() - 1] {
            let mut line: Value = serde_json::from_str(line).unwrap();
            edit(&mut line);
            // Whoever writes a catalog counts.
            if let Some(generation) = line["generation"].as_u64() {
                line["generation"] = json!(generation + 1);
            }
            new.push_str(&format!("{line}\n"));
        }
        let sum: String = Sha256::digest(&new).iter().map(|byte| format!("{byte:02x}")).collect();
        new.push_str(&format!("{}\n", json!({ "sha256": sum })));
        fs::write(self.path("catalog.new"), new).unwrap();
        fs::rename(self.path("catalog.new"), path).unwrap();
    }

    /// Removes a collection, now.
    pub(crate) fn remove(&self, name: &str) {
        self.manifests().remove(&name.parse().unwrap(), SystemTime::now().into(), TTL).unwrap();
    }

    /// Copies the directory of manifests, as a backup does.
    pub(crate) fn back_up_manifests(&self) {
        copy(&self.path("manifests"), &self.path("backup"));
    }

    /// Puts that copy in the place of the directory.
    pub(crate) fn restore_manifests(&self) {
        fs::remove_dir_all(self.path("manifests")).unwrap();
        fs::rename(self.path("backup"), self.path("manifests")).unwrap();
    }

    /// Runs a command of the balancer.
    pub(crate) fn balance(&self, command: &[&str]) -> Ran {
        let config = self.arg("config.yml");
        donjon(&[&["balance"], command, &["--config", &config]].concat())
    }

    /// Starts a command of the balancer, to be killed or waited for.
    pub(crate) fn start_balance(&self, args: &[&str]) -> Child {
        let config = self.arg("config.yml");
        command(&[&["balance"], args, &["--config", &config]].concat())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Makes every replica old, as if a month had passed since it was pulled.
    pub(crate) fn age(&self, blocks: &[Block]) {
        for node in 0..self.urls.len() {
            let there: Vec<Block> =
                blocks.iter().filter(|block| self.file(node, block).exists()).cloned().collect();
            self.plant(node, &there);
        }
    }

    /// Makes all that was removed or replaced as old as if its time were up.
    pub(crate) fn expire_removed(&self) {
        self.edit_catalog(|entry| {
            if !entry["removed_at"].is_null() {
                Self::expire(entry);
            }
        });
    }

    /// One run that must succeed; gives what it says. If blocks are lost, its exit status says so.
    #[track_caller]
    pub(crate) fn once(&self) -> Value {
        let ran = self.balance(&["once", "--json"]);
        let said: Value = serde_json::from_slice(&ran.stdout).unwrap_or_default();
        ran.ends_with(if said["lost"].as_u64() > Some(0) { 4 } else { 0 });
        said
    }

    /// Waits until no node has anything to do.
    #[track_caller]
    pub(crate) fn settle(&self) {
        for node in (0..self.urls.len()).filter(|node| self.children[*node].is_some()) {
            for list in ["trash", "pull"] {
                wait_for("an idle node", || {
                    let books = self.list_status(node, list);
                    books["waiting"] == 0 && books["running"] == 0
                });
            }
        }
    }

    /// The books of a node's list.
    pub(crate) fn list_status(&self, node: usize, list: &str) -> Value {
        let url = self.url(node);
        donjon(&["list", "status", list, "--json", "--url", url, "--token", ADMIN])
            .ends_with(0)
            .json()
    }

    /// Runs a command on one node.
    pub(crate) fn on(&self, node: usize, command: &[&str]) -> Ran {
        donjon(&[command, &["--url", self.url(node), "--token", ADMIN]].concat())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for child in self.children.iter_mut().flatten() {
            // Both fail if the node has ended already, which is as well.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// The mount of a node.
pub(crate) fn mount(node: usize) -> String {
    format!("zzzzz-nyw5e-{node:015}")
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "not seen in time: {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Copies a directory with all that is in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The text of a file.
#[track_caller]
pub(crate) fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}
