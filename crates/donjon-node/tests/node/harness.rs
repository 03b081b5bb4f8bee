//! A node on a free port of the loopback address, and a client of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use donjon_node::config::{Config, Environment, parse};
use donjon_node::{Clock, ConfigText, Mount, MountParts, Mounts, Node, NodeParts};
use keep_protocol::status::{ListName, ListStatus, Outcomes};
use keep_rules::{Access, BlockHash, ClassSet, Priority, Replication, Timestamp};
use keep_volume::{Memory, Replica, Volume};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use testkit::blocks::Block;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const ADMIN: &str = "rootrootrootrootrootrootrootroot";
pub(crate) const USER: &str =
    "v2/zzzzz-gj3su-077z32aux8dg2s1/3kg6k6lzmp9kj5cpkcoxie963cmvjahbt2fod9zru30k1jqdmi";
pub(crate) const MANAGER: &str = "managementmanagementmanagement00";
pub(crate) const TTL: Duration = Duration::from_secs(3600);
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
/// Older than the TTL.
pub(crate) const OLD: Timestamp = Timestamp::from_seconds(1_799_000_000);

const CONFIG: &str = "
Clusters:
  zzzzz:
    SystemRootToken: rootrootrootrootrootrootrootroot
    ManagementToken: managementmanagementmanagement00
    Collections:
      BlobSigningKey: keykeykeykeykeykeykeykeykeykeyke
      BlobSigningTTL: 1h
      BlobTrashLifetime: 1h
    Services:
      Keepstore:
        InternalURLs:
          \"http://127.0.0.1:25107\": {}
    Volumes:
      zzzzz-nyw5e-000000000000000:
        Driver: Directory
        DriverParameters: {Root: /unused}
";

/// The number of a mount in its UUID.
pub(crate) fn uuid(number: usize) -> String {
    format!("zzzzz-nyw5e-{number:015}")
}

pub(crate) fn memory() -> Memory {
    Memory::new(format!("memory-{}", next_number()).parse().unwrap())
}

/// Devices have names of their own.
fn next_number() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A writable mount of class `default`. The lower its number, the earlier it is asked, whatever the block.
pub(crate) fn mount(number: usize, volume: Arc<dyn Volume>) -> Mount {
    let hundred_less = 100 - i64::try_from(number).unwrap();
    Mount::new(MountParts {
        uuid: uuid(number).parse().unwrap(),
        access: Access::ReadWrite,
        replication: Replication::ONE,
        classes: ClassSet::from_header("default"),
        classes_off: ClassSet::none(),
        priority: Priority::highest([hundred_less]),
        volume,
    })
}

/// The same, which this node may only read.
pub(crate) fn read_only(number: usize, volume: Arc<dyn Volume>) -> Mount {
    let mut mount = mount(number, volume);
    mount.access = Access::ReadOnly;
    mount
}

pub(crate) struct TestNode {
    pub(crate) address: SocketAddr,
    pub(crate) clock: Clock,
    client: Client,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<()>,
}

impl TestNode {
    /// A node on these volumes, in this order.
    pub(crate) async fn on(volumes: impl IntoIterator<Item = Arc<dyn Volume>>) -> TestNode {
        TestNode::with(volumes, |_config| {}).await
    }

    /// The same, with a configuration that `change` has changed. Its state is in `config.lists.state_dir`, if that is set.
    pub(crate) async fn with(
        volumes: impl IntoIterator<Item = Arc<dyn Volume>>,
        change: impl FnOnce(&mut Config),
    ) -> TestNode {
        TestNode::at(NOW, volumes, change).await
    }

    /// The same, started at that time.
    pub(crate) async fn at(
        now: Timestamp,
        volumes: impl IntoIterator<Item = Arc<dyn Volume>>,
        change: impl FnOnce(&mut Config),
    ) -> TestNode {
        let mounts = volumes.into_iter().enumerate().map(|(number, volume)| mount(number, volume));
        TestNode::mounting(now, mounts, change).await
    }

    /// The same, with these mounts.
    pub(crate) async fn mounting(
        now: Timestamp,
        mounts: impl IntoIterator<Item = Mount>,
        change: impl FnOnce(&mut Config),
    ) -> TestNode {
        let mut config = parse("test", CONFIG, &Environment::default()).unwrap().config;
        change(&mut config);
        if let Some(dir) = &config.lists.state_dir {
            free(dir).await;
        }
        let clock = Clock::manual(now);
        let node = Node::new(NodeParts {
            config_text: ConfigText { sha256: "0".repeat(64), modified: None },
            name: "test".to_owned(),
            state_dir: config.lists.state_dir.clone(),
            config,
            doubt: None,
            mounts: Mounts::new(mounts),
            clock: clock.clone(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let node = node.unwrap();
        donjon_node::resume(&node).await;
        let running = tokio::spawn(donjon_node::run(node, listener, async {
            drop(stopped.await);
        }));
        let client = Client::builder().no_proxy().build().unwrap();
        TestNode { address, clock, client, stop: Some(stop), running }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A request with the user's token.
    pub(crate) fn user(&self, method: &str, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(USER)
    }

    /// A request with the administrator's token.
    pub(crate) fn admin(&self, method: &str, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(ADMIN)
    }

    /// A request without a token.
    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method: Method = method.parse().unwrap();
        self.client.request(method, format!("{}/{path}", self.url()))
    }

    /// Stores a block, and gives its signed locator.
    pub(crate) async fn put(&self, block: &Block) -> String {
        let request = self.user("PUT", &block.hash.to_string()).body(block.data.clone());
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        answer.text().await.unwrap().trim_end().to_owned()
    }

    pub(crate) async fn get(&self, locator: &str) -> Response {
        self.user("GET", locator).send().await.unwrap()
    }

    /// Sends a list and waits until it has been worked off.
    pub(crate) async fn work_off(&self, list: ListName, items: &serde_json::Value) -> ListStatus {
        let answer = self.admin("PUT", list.as_str()).body(items.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{}", answer.text().await.unwrap());
        self.idle(list).await
    }

    /// Waits until nothing waits or runs.
    pub(crate) async fn idle(&self, list: ListName) -> ListStatus {
        eventually(async || {
            let status = self.list(list).await;
            (status.waiting + status.running == 0).then_some(status)
        })
        .await
    }

    pub(crate) async fn list(&self, list: ListName) -> ListStatus {
        let path = format!("donjon/v1/lists/{list}");
        let answer = self.admin("GET", &path).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    pub(crate) async fn outcomes(&self, list: ListName) -> Outcomes {
        let path = format!("donjon/v1/lists/{list}/outcomes");
        let answer = self.admin("GET", &path).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    /// Its metrics, as text.
    pub(crate) async fn metrics(&self) -> String {
        let answer = self.request("GET", "metrics").bearer_auth(MANAGER).send().await.unwrap();
        answer.text().await.unwrap()
    }

    /// Waits until its metrics hold this line.
    pub(crate) async fn metric(&self, line: &str) {
        let line = format!("\n{line}\n");
        eventually(async || self.metrics().await.contains(&line).then_some(())).await;
    }

    /// Sends the head of an upload, and `sent` of its body of `length` bytes.
    pub(crate) async fn begin_upload(&self, block: &Block, length: u64, sent: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = format!(
            "PUT /{} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {USER}\r\nContent-Length: {length}\r\n\r\n",
            block.hash
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(sent).await.unwrap();
        stream
    }

    /// Waits until so many requests wait for their clients.
    pub(crate) async fn stalled(&self, requests: usize) {
        self.metric(&format!("donjon_stalled_requests{{queue=\"api\"}} {requests}")).await;
    }

    /// Tells the node to stop.
    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// Waits until it has stopped.
    pub(crate) async fn stopped(self) {
        self.running.await.unwrap();
    }
}

/// Asks until there is an answer. Gives up after half a minute: a hang must fail, not hang.
pub(crate) async fn eventually<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asking).await.expect("it did not happen")
}

pub(crate) async fn stored(volume: &dyn Volume, hash: BlockHash) -> Option<Replica> {
    volume.stat(hash).await.ok()
}

/// What a volume holds under this hash, whatever it is.
pub(crate) async fn content(volume: &dyn Volume, hash: BlockHash) -> Vec<u8> {
    let mut reader = volume.open(hash).await.unwrap();
    let mut content = Vec::new();
    loop {
        let piece = reader.read(Vec::with_capacity(1 << 16)).await.unwrap();
        if piece.is_empty() {
            return content;
        }
        content.extend(piece);
    }
}

/// Stores something else under the name of a block.
pub(crate) async fn damage(volume: &dyn Volume, hash: BlockHash, data: &[u8], mtime: Timestamp) {
    let mut writer = volume.create(hash).await.unwrap();
    writer.write(data.to_vec().into()).await.unwrap();
    writer.commit(mtime).await.unwrap();
}

/// Waits until no node uses the state directory: the tasks of one that has stopped end one after the other.
async fn free(dir: &std::path::Path) {
    for name in ["trash.lock", "pull.lock", "ledger/lock"] {
        let Ok(file) = std::fs::File::open(dir.join(name)) else { continue };
        eventually(async || file.try_lock().is_ok().then_some(())).await;
    }
}
