//! A node as a child process: its configuration, its start, its death.

use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use crate::wire::Client;

/// The admin secret of every node started here. Test data, worth nothing elsewhere.
pub const ROOT_TOKEN: &str = "systemroottokensystemroottokensystemroot";
/// The secret for metrics and health of every node started here.
pub const MANAGEMENT_TOKEN: &str = "managementtokenmanagementtokenmanagement";
/// The key of blob signatures, the same in all nodes, so that one may pull from another.
const SIGNING_KEY: &str = "blobsigningkeyblobsigningkeyblobsigningkey";
/// A node that does not answer for so long has failed to start.
const START_PATIENCE: Duration = Duration::from_secs(30);

/// What a node's configuration file says. Blob signatures are off: the books of the crash campaign are about blocks,
/// not about access.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it listens.
    pub address: SocketAddr,
    /// The roots of its directory volumes.
    pub volumes: Vec<PathBuf>,
    /// `Collections.BlobSigningTTL`.
    pub ttl: Duration,
    /// `Collections.BlobTrashLifetime`.
    pub trash_lifetime: Duration,
    /// `Collections.BlobTrashCheckInterval`.
    pub trash_check_interval: Duration,
    /// `API.MaxConcurrentRequests`.
    pub requests_max: u32,
    /// Whether it has a place for lists, settings and a ledger.
    pub memory: Remembers,
}

/// What a node remembers over restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remembers {
    /// Its lists, settings and ledger, on its first volume.
    Everything,
    /// Nothing: its volumes are for trashing only, so it has no place to write. To measure what remembering costs.
    Nothing,
}

impl Settings {
    /// A node as it is without further words: it remembers everything, and trashes nothing that is younger than an hour.
    /// Change the fields for another one.
    pub fn new(address: SocketAddr, volumes: Vec<PathBuf>) -> Self {
        const HOUR: Duration = Duration::from_secs(3600);
        Settings {
            address,
            volumes,
            ttl: HOUR,
            trash_lifetime: HOUR,
            trash_check_interval: HOUR,
            requests_max: 64,
            memory: Remembers::Everything,
        }
    }

    /// The file, in the form of an Arvados `config.yml` (spec section 8). The guard is off: the lists of a campaign and of a
    /// benchmark name much of a volume, on purpose.
    pub fn to_yaml(&self) -> String {
        let seconds = |time: Duration| format!("{}ms", time.as_millis());
        let mut yaml = format!(
            "Clusters:\n  zzzzz:\n    SystemRootToken: {ROOT_TOKEN}\n    ManagementToken: {MANAGEMENT_TOKEN}\n    \
             API: {{MaxConcurrentRequests: {requests}, MaxQueuedRequests: 256}}\n    \
             SystemLogs: {{LogLevel: error, Format: text}}\n    \
             Collections:\n      BlobSigning: false\n      BlobSigningKey: {SIGNING_KEY}\n      \
             BlobSigningTTL: {ttl}\n      BlobTrash: true\n      BlobTrashLifetime: {lifetime}\n      \
             BlobTrashCheckInterval: {interval}\n    \
             Donjon: {{TrashGuardPercent: 100}}\n    \
             Services:\n      Keepstore:\n        InternalURLs:\n          \"http://{address}\": {{}}\n    Volumes:\n",
            requests = self.requests_max,
            ttl = seconds(self.ttl),
            lifetime = seconds(self.trash_lifetime),
            interval = seconds(self.trash_check_interval),
            address = self.address,
        );
        for (index, root) in self.volumes.iter().enumerate() {
            writeln!(
                yaml,
                "      {}:\n        Driver: Directory\n        DriverParameters: {{Root: \"{}\"}}\n        Replication: 1",
                mount_uuid(self.address.port(), index),
                root.display(),
            )
            .expect("writing to a string cannot fail");
            if self.memory == Remembers::Nothing {
                yaml.push_str("        ReadOnly: true\n        AllowTrashWhenReadOnly: true\n");
            }
        }
        yaml
    }
}

/// The UUID of the mount with this index on the node with this port.
pub fn mount_uuid(port: u16, index: usize) -> String {
    format!("zzzzz-nyw5e-{port:05}{index:010}")
}

/// How a node ended before it was ready.
#[derive(Debug)]
pub enum StartFailure {
    /// The operating system could not start it.
    Io(io::Error),
    /// It ended by itself.
    Exited(String),
    /// It did not answer in time.
    Silent,
}

impl std::fmt::Display for StartFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the node could not be started: {error}"),
            Self::Exited(how) => write!(f, "the node ended while it started: {how}"),
            Self::Silent => {
                write!(f, "the node did not answer within {} s", START_PATIENCE.as_secs())
            }
        }
    }
}

impl std::error::Error for StartFailure {}

impl From<io::Error> for StartFailure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A running node. Killed with `SIGKILL` when dropped.
#[derive(Debug)]
pub struct Node {
    child: Child,
    address: SocketAddr,
}

impl Node {
    /// Starts `binary serve` with this configuration file and does not wait for it. What it logs goes to `log`.
    ///
    /// # Errors
    /// The program could not be started, or its address stays taken.
    pub fn spawn(
        binary: &Path,
        config: &Path,
        address: SocketAddr,
        log: &Path,
    ) -> io::Result<Self> {
        wait_until_free(address)?;
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
        let child = Command::new(binary)
            .arg("serve")
            .arg("--config")
            .arg(config)
            .env("ARVADOS_SERVICE_INTERNAL_URL", format!("http://{address}"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        Ok(Self { child, address })
    }

    /// Waits until it answers its health check; says how long that took.
    ///
    /// # Errors
    /// It ended by itself, or it did not answer in time.
    pub fn wait_until_ready(&mut self) -> Result<Duration, StartFailure> {
        let began = Instant::now();
        let mut client = Client::new(self.address, MANAGEMENT_TOKEN);
        while began.elapsed() < START_PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                return Err(StartFailure::Exited(status.to_string()));
            }
            if client.request("GET", "/_health/ping", b"").is_ok_and(|answer| answer.status == 200)
            {
                return Ok(began.elapsed());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Err(StartFailure::Silent)
    }

    /// A client with the admin secret.
    pub fn client(&self) -> Client {
        Client::new(self.address, ROOT_TOKEN)
    }

    /// The process, to look it up under `/proc`.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it with `SIGKILL` and waits for its end. Says so if it had ended before by itself.
    ///
    /// # Errors
    /// The operating system refused, or the node had ended before.
    pub fn kill(&mut self) -> io::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            return Err(io::Error::other(format!("the node had ended by itself: {status}")));
        }
        self.child.kill()?;
        self.child.wait().map(drop)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have been killed before. Nobody is left to tell of another failure.
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

/// An address on the loopback interface where nothing listens now. Outside the range from which the kernel takes ports
/// for outgoing connections, so that a node can be started there again and again.
///
/// # Errors
/// Every port tried is taken.
pub fn free_address() -> io::Result<SocketAddr> {
    const FIRST: u16 = 10_000;
    const COUNT: u16 = 20_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Processes that run at the same time have neighbouring ids and must not look at the same ports.
    let offset = u16::try_from(std::process::id().wrapping_mul(131) % u32::from(COUNT))
        .expect("less than COUNT");
    for _ in 0..1000 {
        let port = FIRST + (offset + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, "a thousand ports were tried and all are taken"))
}

/// A node that was killed while it started a program to look at its disks leaves a child that holds its listener for a
/// moment, between fork and exec.
fn wait_until_free(address: SocketAddr) -> io::Result<()> {
    let began = Instant::now();
    loop {
        match TcpListener::bind(address) {
            Ok(_free) => return Ok(()),
            Err(error) if began.elapsed() > START_PATIENCE => return Err(error),
            Err(_taken) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}

/// The `donjon` program to test: what `DONJON_BINARY` names, or the debug build of this workspace, built first so that
/// it is never an old one.
///
/// # Errors
/// It could not be built.
pub fn binary() -> io::Result<PathBuf> {
    if let Some(path) = std::env::var_os("DONJON_BINARY") {
        return Ok(PathBuf::from(path));
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--package", "donjon"])
        .current_dir(workspace_root())
        .status()?;
    if !status.success() {
        return Err(io::Error::other(format!("`cargo build --package donjon` failed: {status}")));
    }
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace_root().join("target"), PathBuf::from);
    Ok(target.join("debug/donjon"))
}

fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_uuid_has_27_characters() {
        assert_eq!(mount_uuid(10_000, 1).len(), 27);
    }

    #[test]
    fn free_addresses_differ() {
        let (first, second) = (free_address().unwrap(), free_address().unwrap());
        assert_ne!(first, second);
    }
}
