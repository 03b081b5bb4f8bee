//! A node to talk to: `donjon serve --config` in a directory of its own, which can be stopped, killed and started again.

use std::fs::{self, File, FileTimes};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use keep_rules::BlockHash;
use md5::{Digest, Md5};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{Ran, command, donjon, donjon_with_input};

/// How long a node may take to start, or a list to be worked off, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often to look. A test waits for a state, never for a time.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

const ADMIN: &str = "rootrootrootrootrootrootrootroot";

/// The only mount of the node.
pub(crate) const MOUNT: &str = "zzzzz-nyw5e-000000000000000";

/// A node. Killed when dropped.
pub(crate) struct Node {
    dir: TempDir,
    url: String,
    child: Child,
}

/// A block that lies on the node's disk and is old enough to be trashed.
#[derive(Clone, Debug)]
pub(crate) struct Old {
    pub(crate) hash: String,
    pub(crate) mtime: i64,
}

impl Old {
    /// The item of a trash list that names it.
    pub(crate) fn item(&self) -> Value {
        json!({ "locator": format!("{}+{SIZE}", self.hash), "block_mtime": self.mtime, "mount_uuid": MOUNT })
    }
}

/// The size of every block that [`Node::plant`] makes.
const SIZE: usize = 12;

/// The trash list that names these blocks.
pub(crate) fn trash_list(blocks: &[Old]) -> Vec<u8> {
    Value::Array(blocks.iter().map(Old::item).collect()).to_string().into_bytes()
}

impl Node {
    /// A node with these of Donjon's own keys.
    pub(crate) fn start(own: Value) -> Node {
        Node::with_collections(own, json!({}))
    }

    /// A node with these of Donjon's own keys, and these of `Collections`.
    pub(crate) fn with_collections(mut own: Value, mut collections: Value) -> Node {
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        let root = dir.path().join("keep");
        fs::create_dir(&root).unwrap();
        collections["BlobSigning"] = false.into();
        if own.get("StateDir").is_none() {
            own["StateDir"] = json!(dir.path().join("state"));
        }
        let config = json!({"Clusters": {"zzzzz": {
            "SystemRootToken": ADMIN,
            "Collections": collections,
            "Donjon": own,
            "Services": {"Keepstore": {"InternalURLs": {&url: {}}}},
            "Volumes": {MOUNT: {"Driver": "Directory", "DriverParameters": {"Root": root}}},
        }}});
        fs::write(dir.path().join("config.yml"), config.to_string()).unwrap();
        let child = serve(&dir);
        let node = Node { dir, url, child };
        node.wait_until_it_answers();
        node
    }

    fn wait_until_it_answers(&self) {
        self.wait_for("an answer", || self.run(&["mounts"]).code == 0);
    }

    /// Ends the node as a crash does, and starts it again.
    pub(crate) fn crash(&mut self) {
        self.end(Signal::KILL);
        self.begin();
    }

    /// Stops the node in good order, and starts it again.
    pub(crate) fn restart(&mut self) {
        self.end(Signal::TERM);
        self.begin();
    }

    /// Sends a signal and waits for the end.
    pub(crate) fn end(&mut self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        self.child.wait().unwrap();
    }

    /// Starts the node after [`Node::end`].
    pub(crate) fn begin(&mut self) {
        self.child = serve(&self.dir);
        self.wait_until_it_answers();
    }

    /// Runs a command on this node.
    pub(crate) fn run(&self, command: &[&str]) -> Ran {
        donjon(&[command, &["--config", self.config().to_str().unwrap()]].concat())
    }

    /// A command on this node, not yet begun.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        command(&[args, &["--config", self.config().to_str().unwrap()]].concat())
    }

    /// Runs a command on this node with input.
    pub(crate) fn run_with_input(&self, command: &[&str], input: &[u8]) -> Ran {
        let config = self.config();
        donjon_with_input(&[command, &["--config", config.to_str().unwrap()]].concat(), input)
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("config.yml")
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A path in the node's directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Everything that the node has logged, over all its starts.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    /// What explains a failure.
    fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        format!("the log ends so:\n{}", lines[lines.len().saturating_sub(8)..].join("\n"))
    }

    /// What `curl` gets with the admin token: the answer's head and body.
    pub(crate) fn curl(&self, args: &[&str], path: &str) -> String {
        self.curl_as(Some(ADMIN), args, path)
    }

    /// What `curl` gets with this token, or with none.
    pub(crate) fn curl_as(&self, token: Option<&str>, args: &[&str], path: &str) -> String {
        let authorization = token.map(|token| format!("Authorization: Bearer {token}"));
        let shown = authorization.iter().flat_map(|header| ["-H", header]);
        let output = std::process::Command::new("curl")
            .args(["-s", "-i"])
            .args(shown)
            .args(args)
            .arg(format!("{}{path}", self.url))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// The value of a metric, without or with its labels: `donjon_frozen`, `donjon_list_held{list="trash"}`.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let metrics = self.curl(&[], "/metrics");
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {name} in {metrics}")).trim().parse().unwrap()
    }

    /// Puts so many old blocks on the disk, behind the node's back, as another keepstore may have left them.
    pub(crate) fn plant(&self, count: usize) -> Vec<Old> {
        (0..count).map(|number| self.plant_one(&format!("block {number:06}"))).collect()
    }

    /// Puts one old block on the disk.
    pub(crate) fn plant_one(&self, text: &str) -> Old {
        assert_eq!(text.len(), SIZE, "every planted block is of one size");
        let hash = BlockHash::from_bytes(Md5::digest(text).into()).to_string();
        let file = self.file(&hash);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        let mtime = SystemTime::now() - MONTH;
        let times = FileTimes::new().set_modified(mtime);
        File::options().write(true).open(&file).unwrap().set_times(times).unwrap();
        let exact = fs::metadata(&file).unwrap().modified().unwrap();
        let mtime = exact.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
        Old { hash, mtime: mtime.try_into().unwrap() }
    }

    /// The file of a live block.
    pub(crate) fn file(&self, hash: &str) -> PathBuf {
        self.path("keep").join(&hash[..3]).join(hash)
    }

    /// Whether a block is live.
    pub(crate) fn is_live(&self, hash: &str) -> bool {
        self.file(hash).exists()
    }

    /// How many of these blocks are live.
    pub(crate) fn live(&self, blocks: &[Old]) -> usize {
        blocks.iter().filter(|block| self.is_live(&block.hash)).count()
    }

    /// Sends a trash list; gives its receipt.
    pub(crate) fn send(&self, blocks: &[Old]) -> Value {
        let list = trash_list(blocks);
        self.run_with_input(&["list", "put", "trash", "-", "--json"], &list).ends_with(0).json()
    }

    /// Sends a trash list and waits until it is worked off; gives its books.
    pub(crate) fn work_off(&self, blocks: &[Old]) -> Value {
        let id = self.send(blocks)["id"].clone();
        self.wait_for("the list worked off", || {
            let books = self.books();
            books["generation"] == id && books["waiting"] == 0 && books["running"] == 0
        });
        self.books()
    }

    /// The books of the current trash list. They balance.
    pub(crate) fn books(&self) -> Value {
        let books = self.run(&["list", "status", "trash", "--json"]).ends_with(0).json();
        assert_balance(&books);
        books
    }

    /// Waits until the current trash list is in this state.
    pub(crate) fn wait_for_state(&self, state: &str) {
        self.wait_for(state, || self.books()["state"] == state);
    }

    /// Waits until the log holds a text.
    pub(crate) fn wait_for_log(&self, text: &str) {
        self.wait_for(text, || self.log().contains(text));
    }

    /// Waits until something is so.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < PATIENCE, "not seen in time: {what}; {}", self.log_end());
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

/// received = waiting + running + done + skipped + failed + superseded + removed.
#[track_caller]
pub(crate) fn assert_balance(books: &Value) {
    let of = |key: &str| books[key].as_u64().unwrap_or_else(|| panic!("no {key} in {books}"));
    let reasons = |key: &str| -> u64 {
        books[key].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum()
    };
    let sum = ["waiting", "running", "done", "superseded", "removed"].map(of).iter().sum::<u64>()
        + reasons("skipped")
        + reasons("failed");
    assert_eq!(of("received"), sum, "the books do not balance: {books}");
}

fn serve(dir: &TempDir) -> Child {
    let log = File::options().create(true).append(true).open(dir.path().join("log")).unwrap();
    let config = dir.path().join("config.yml");
    command(&["serve", "--config", config.to_str().unwrap()])
        .stdin(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

impl Drop for Node {
    fn drop(&mut self) {
        // Both fail if the node has ended already, which is as well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
