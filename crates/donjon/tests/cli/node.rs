//! A node to talk to: `donjon serve --data` in a directory of its own.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, SystemTime};

use tempfile::TempDir;

use crate::program::{Ran, command, donjon, donjon_with_input};

const START_MAX: Duration = Duration::from_secs(60);
const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

/// A running node. Killed when dropped.
pub(crate) struct Node {
    pub(crate) data: TempDir,
    pub(crate) url: String,
    child: Child,
}

impl Node {
    /// A node with an empty volume.
    pub(crate) fn start() -> Node {
        Node::start_in(tempfile::tempdir().unwrap())
    }

    /// A node in a data directory, new or not.
    pub(crate) fn start_in(data: TempDir) -> Node {
        let address = free_address();
        Node::serve(data, &address, &["--listen", &address])
    }

    /// A node that is expected to listen at `address`.
    pub(crate) fn serve(data: TempDir, address: &str, args: &[&str]) -> Node {
        let child = command(&[&["serve", "--data", data.path().to_str().unwrap()], args].concat())
            .stdin(Stdio::null())
            .stderr(File::create(data.path().with_extension("log")).unwrap())
            .spawn()
            .unwrap();
        // Killed from here on if something is wrong.
        let mut node = Node { data, url: format!("http://{address}/"), child };
        let begun = Instant::now();
        // Another program may listen there meanwhile: it does not know our token.
        while TcpStream::connect(address).is_err() || node.run(&["mounts"]).code != 0 {
            let log = || fs::read_to_string(node.data.path().with_extension("log")).unwrap();
            let ended = node.child.try_wait().unwrap();
            assert!(ended.is_none(), "the node ended at its start: {}", log());
            assert!(begun.elapsed() < START_MAX, "the node does not listen: {}", log());
            std::thread::sleep(Duration::from_millis(10));
        }
        node
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens, `HOST:PORT`.
    pub(crate) fn address(&self) -> String {
        self.url.trim_start_matches("http://").trim_end_matches('/').to_owned()
    }

    /// The arguments that name this node.
    pub(crate) fn args(&self) -> [&str; 4] {
        ["--data", self.data.path().to_str().unwrap(), "--url", &self.url]
    }

    /// Runs a command on this node.
    pub(crate) fn run(&self, command: &[&str]) -> Ran {
        donjon(&[command, &self.args()].concat())
    }

    /// Runs a command on this node with input.
    pub(crate) fn run_with_input(&self, command: &[&str], input: &[u8]) -> Ran {
        donjon_with_input(&[command, &self.args()].concat(), input)
    }

    /// Stores data; gives the signed locator.
    pub(crate) fn store(&self, data: &[u8]) -> String {
        self.run_with_input(&["block", "put"], data).ends_with(0).text().trim().to_owned()
    }

    /// The file of a block in the node's volume.
    pub(crate) fn file(&self, hash: &str) -> PathBuf {
        self.data.path().join("keep").join(&hash[..3]).join(hash)
    }

    /// Makes a block a month old, and says its mtime in nanoseconds.
    pub(crate) fn age(&self, hash: &str) -> i64 {
        let mtime = SystemTime::now() - MONTH;
        File::options().write(true).open(self.file(hash)).unwrap().set_modified(mtime).unwrap();
        let exact = fs::metadata(self.file(hash)).unwrap().modified().unwrap();
        exact.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos().try_into().unwrap()
    }

    /// Sends SIGTERM and waits; gives the exit status and the data directory.
    pub(crate) fn stop(mut self) -> (Option<i32>, TempDir) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let status = self.child.wait().unwrap();
        let data = std::mem::replace(&mut self.data, tempfile::tempdir().unwrap());
        (status.code(), data)
    }

    /// The UUID of its only mount.
    pub(crate) fn mount(&self) -> String {
        let mounts = self.run(&["mounts", "--json"]).ends_with(0).json();
        mounts[0]["uuid"].as_str().unwrap().to_owned()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Both fail if the node has stopped already, which is as well.
        drop(self.child.kill());
        drop(self.child.wait());
        drop(fs::remove_file(self.data.path().with_extension("log")));
    }
}

/// A loopback address whose port was free a moment ago. Where nobody is to listen, take [`crate::deaf::Deaf`].
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}
