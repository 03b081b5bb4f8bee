//! A node without a listener, and clients of it that leave when a test says so.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use keep_rules::{Access, ClassSet, Priority, Replication, Timestamp};
use keep_volume::Volume;
use keep_volume::directory::{Directory, DirectoryConfig, Durability, Identity, Serialize};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::config::{Config, Environment, parse};
use crate::http::handle;
use crate::mounts::{Mount, MountParts, Mounts};
use crate::node::{ConfigText, Node, NodeParts};

pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
/// Older than the TTL.
pub(crate) const OLD: Timestamp = Timestamp::from_seconds(1_799_000_000);

const ADMIN: &str = "rootrootrootrootrootrootrootroot";
const UUID: &str = "zzzzz-nyw5e-000000000000000";

const CONFIG: &str = "
Clusters:
  zzzzz:
    SystemRootToken: rootrootrootrootrootrootrootroot
    Collections: {BlobSigningKey: keykeykeykeykeykeykeykeykeykeyke, BlobSigningTTL: 1h, BlobTrashLifetime: 1h}
    Services: {Keepstore: {InternalURLs: {\"http://127.0.0.1:25107\": {}}}}
    Volumes: {zzzzz-nyw5e-000000000000000: {Driver: Directory, DriverParameters: {Root: /unused}}}
";

/// A node on one volume, that nobody has started yet.
pub(crate) fn node(
    volume: Arc<dyn Volume>,
    state_dir: Option<&Path>,
    change: impl FnOnce(&mut Config),
) -> Arc<Node> {
    let mut config = parse("test", CONFIG, &Environment::default()).unwrap().config;
    change(&mut config);
    Node::new(NodeParts {
        config,
        config_text: ConfigText { sha256: "0".repeat(64), modified: None },
        name: "test".to_owned(),
        state_dir: state_dir.map(Path::to_owned),
        doubt: None,
        mounts: Mounts::new([mount(volume)]),
        clock: Clock::manual(NOW),
    })
    .unwrap()
}

/// A writable mount.
pub(crate) fn mount(volume: Arc<dyn Volume>) -> Mount {
    Mount::new(MountParts {
        uuid: UUID.parse().unwrap(),
        access: Access::ReadWrite,
        replication: Replication::ONE,
        classes: ClassSet::from_header("default"),
        classes_off: ClassSet::none(),
        priority: Priority::highest([1]),
        volume,
    })
}

/// A volume in a directory.
pub(crate) fn directory(root: &Path) -> Directory {
    Directory::open(DirectoryConfig {
        root: root.to_owned(),
        uuid: UUID.parse().unwrap(),
        device_id: "disk".parse().unwrap(),
        durability: Durability::NoSync,
        serialize: Serialize::No,
        identity: Identity::Adopt,
    })
    .unwrap()
}

/// A disk that hangs: a pipe is in the place of a volume's marker file, and whoever reads it waits until somebody writes.
pub(crate) struct Hanging {
    marker: PathBuf,
    aside: PathBuf,
}

impl Hanging {
    pub(crate) fn begin(root: &Path) -> Hanging {
        let (marker, aside) = (root.join(".donjon-volume"), root.join("aside"));
        fs::rename(&marker, &aside).unwrap();
        mknodat(CWD, &marker, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        Hanging { marker, aside }
    }

    pub(crate) fn end(self) {
        let mut pipe = File::options().write(true).open(&self.marker).unwrap();
        fs::rename(&self.aside, &self.marker).unwrap();
        pipe.write_all(UUID.as_bytes()).unwrap();
    }
}

/// A client that has sent a request.
pub(crate) struct Client {
    connection: JoinHandle<()>,
    stream: DuplexStream,
}

impl Client {
    /// Sends a request of the administrator to the node.
    pub(crate) async fn send(node: &Arc<Node>, method_and_path: &str, body: &str) -> Client {
        let (mut stream, server) = duplex(1 << 20);
        let node = node.clone();
        let service = service_fn(move |request| {
            let answer = handle(node.clone(), SocketAddr::from(([127, 0, 0, 1], 1)), request);
            async move { Ok::<_, std::convert::Infallible>(answer.await) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(server), service);
        let connection = tokio::spawn(async move { drop(connection.await) });
        let head = format!(
            "{method_and_path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {ADMIN}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
        Client { connection, stream }
    }

    /// Goes away before there is an answer. When this returns, the server has dropped the request.
    pub(crate) async fn leave(self) {
        self.connection.abort();
        assert!(self.connection.await.unwrap_err().is_cancelled(), "it was answered before");
    }

    /// The answer, head and body.
    pub(crate) async fn answer(mut self) -> String {
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}
