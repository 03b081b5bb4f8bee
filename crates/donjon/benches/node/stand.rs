//! A node on fresh volumes.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use donjon_crash::process::{Node, Remembers, Settings, free_address};
use donjon_crash::random::Random;
use donjon_crash::wire::Client;
use tempfile::TempDir;

/// A place with a volume, and at most one node on it.
pub(crate) struct Stand {
    place: TempDir,
    settings: Settings,
    node: Option<Node>,
}

impl Stand {
    /// An empty volume, and no node yet.
    pub(crate) fn new() -> io::Result<Self> {
        let place = tempfile::tempdir()?;
        let volume = place.path().join("volume");
        std::fs::create_dir(&volume)?;
        // Nothing younger than an hour is trashed: what a benchmark writes stays.
        let settings = Settings::new(free_address()?, vec![volume]);
        Ok(Self { place, settings, node: None })
    }

    /// The same, for a node that remembers nothing over restarts.
    pub(crate) fn forgetful() -> io::Result<Self> {
        let mut stand = Self::new()?;
        stand.settings.memory = Remembers::Nothing;
        Ok(stand)
    }

    /// An empty volume and a node on it.
    pub(crate) fn started() -> io::Result<Self> {
        let mut stand = Self::new()?;
        stand.start()?;
        Ok(stand)
    }

    /// Starts the node; says how long it took until it answered.
    pub(crate) fn start(&mut self) -> io::Result<Duration> {
        let (config, log) = (self.place.path().join("config.yml"), self.place.path().join("log"));
        std::fs::write(&config, self.settings.to_yaml())?;
        let binary = Path::new(env!("CARGO_BIN_EXE_donjon"));
        let mut node = Node::spawn(binary, &config, self.settings.address, &log)?;
        let took = match node.wait_until_ready() {
            Ok(took) => took,
            Err(failure) => {
                return Err(io::Error::other(format!(
                    "{failure}; it said:\n{}",
                    std::fs::read_to_string(&log)?
                )));
            }
        };
        self.node = Some(node);
        Ok(took)
    }

    pub(crate) fn client(&self) -> Client {
        self.node().client()
    }

    /// Peak resident memory of the node so far, in KiB (`VmHWM`).
    pub(crate) fn peak_memory(&self) -> io::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.node().process_id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.ok_or_else(|| io::Error::other("no VmHWM in the status of the process"))
    }

    /// Bytes that the node keeps for itself: lists, progress, ledger.
    pub(crate) fn state_bytes(&self) -> io::Result<u64> {
        bytes_below(&self.volume().join(".donjon-node"))
    }

    pub(crate) fn volume(&self) -> &Path {
        &self.settings.volumes[0]
    }

    /// Puts `count` files under the names of blocks into the volume, two TTLs old, of `size` bytes each; their hashes.
    /// Their contents are not what the names say: only for what reads no contents.
    pub(crate) fn fill(&self, count: u64, size: usize) -> io::Result<Vec<String>> {
        let mut random = Random::new(1);
        let content = vec![b'x'; size];
        let old = SystemTime::now() - 2 * self.settings.ttl;
        for number in 0..4096 {
            std::fs::create_dir(self.volume().join(format!("{number:03x}")))?;
        }
        let mut hashes = Vec::new();
        for _ in 0..count {
            let hash = format!("{:016x}{:016x}", random.next_u64(), random.next_u64());
            let file = std::fs::File::create(self.path_of(&hash))?;
            io::Write::write_all(&mut &file, &content)?;
            file.set_modified(old)?;
            hashes.push(hash);
        }
        Ok(hashes)
    }

    /// Where a block lies.
    pub(crate) fn path_of(&self, hash: &str) -> PathBuf {
        self.volume().join(&hash[..3]).join(hash)
    }

    fn node(&self) -> &Node {
        self.node.as_ref().expect("the benchmark starts the node first")
    }
}

fn bytes_below(dir: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { bytes_below(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

/// Fails unless the answer is 200.
pub(crate) fn expect_ok(what: &str, status: u16, text: &str) -> io::Result<()> {
    if status == 200 {
        Ok(())
    } else {
        Err(io::Error::other(format!("{what} was answered with {status}: {text}")))
    }
}
