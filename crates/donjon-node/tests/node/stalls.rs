use std::fs::File;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use donjon_node::config::Config;
use keep_volume::Volume;
use keep_volume::directory::{Directory, DirectoryConfig, Durability, Identity, Serialize};
use reqwest::StatusCode;
use testkit::blocks::Block;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{ADMIN, MANAGER, OLD, TestNode, USER, eventually, memory, uuid};

/// Longer than any test: whatever would end by itself then has not helped.
const NEVER: Duration = Duration::from_secs(24 * 3600);

const PATIENCE: Duration = Duration::from_secs(30);

async fn node(change: impl FnOnce(&mut Config)) -> TestNode {
    TestNode::with([Arc::new(memory()) as Arc<dyn Volume>], change).await
}

/// An upload that stops after three bytes.
async fn stalled_upload(node: &TestNode) -> TcpStream {
    node.begin_upload(&Block::of("foo"), 64 << 20, b"abc").await
}

async fn answer_of(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn stalled_uploads_do_not_stop_other_requests() {
    let node = node(|config| {
        config.api.max_concurrent_requests = NonZeroUsize::new(8);
        config.api.request_timeout = None;
        config.limits.body_stall_timeout = NEVER;
    })
    .await;
    let locator = node.put(&Block::of("foo")).await;
    let mut stalled = Vec::new();
    for _ in 0..64 {
        stalled.push(stalled_upload(&node).await);
    }
    node.stalled(64).await;
    for _ in 0..20 {
        let answer = timeout(PATIENCE, node.get(&locator)).await.expect("it got a place");
        assert_eq!(answer.status(), StatusCode::OK);
    }
    node.stalled(64).await;
    drop(stalled);
}

#[tokio::test]
async fn a_stalled_upload_is_given_up() {
    let node = node(|config| config.limits.body_stall_timeout = Duration::from_millis(200)).await;
    let answer = answer_of(stalled_upload(&node).await).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

/// Each byte comes in time, and all of them would take for ever.
#[tokio::test]
async fn a_refused_body_that_drips_is_cut() {
    let node = node(|config| config.limits.body_stall_timeout = Duration::from_millis(200)).await;
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    let head = "PUT /trash HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 401");
    eventually(async || stream.write_all(b"x").await.is_err().then_some(())).await;
}

#[tokio::test]
async fn a_broken_upload_gives_its_buffers_back() {
    let node = node(|_config| {}).await;
    let in_use = async |buffers: usize| {
        node.metric(&format!("arvados_keepstore_bufferpool_inuse_buffers {buffers}")).await;
    };
    let uploads = [stalled_upload(&node).await, stalled_upload(&node).await];
    in_use(2).await;
    drop(uploads);
    in_use(0).await;
}

#[tokio::test]
async fn a_request_past_its_deadline_is_503() {
    let node = node(|config| config.api.request_timeout = Some(Duration::from_millis(200))).await;
    let answer = answer_of(stalled_upload(&node).await).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("access-control-allow-origin"), "{answer}");
}

/// The only place is taken by a request that waits for its volume, which nobody lends to others.
#[tokio::test]
async fn metrics_are_served_while_the_queue_overflows() {
    let root = tempfile::tempdir().unwrap();
    let volume = Directory::open(DirectoryConfig {
        root: root.path().to_owned(),
        uuid: uuid(0).parse().unwrap(),
        device_id: "disk".parse().unwrap(),
        durability: Durability::NoSync,
        serialize: Serialize::No,
        identity: Identity::Adopt,
    })
    .unwrap();
    let block = Block::of("foo");
    block.store(&volume, OLD).await.unwrap();
    let hash = block.hash.to_string();
    // The volume waits for this lock before it trashes the block.
    let file = File::open(root.path().join(&hash[..3]).join(&hash)).unwrap();
    file.lock().unwrap();
    let node = TestNode::with([Arc::new(volume) as Arc<dyn Volume>], |config| {
        config.api.max_concurrent_requests = NonZeroUsize::new(1);
        config.api.max_queued_requests = 0;
        config.api.request_timeout = None;
    })
    .await;
    let slow = tokio::spawn(node.admin("DELETE", &hash).send());
    node.metric("arvados_concurrent_requests{queue=\"api\"} 1").await;
    let turned_away = node.admin("GET", "mounts").send().await.unwrap();
    assert_eq!(turned_away.status(), StatusCode::SERVICE_UNAVAILABLE);
    for path in ["metrics", "livez", "readyz", "_inspect/requests"] {
        let asked = node.request("GET", path).bearer_auth(MANAGER).send();
        let answer = timeout(PATIENCE, asked).await.expect("it needs no place").unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
    }
    file.unlock().unwrap();
    assert_eq!(slow.await.unwrap().unwrap().status(), StatusCode::OK);
    assert_eq!(node.admin("GET", "mounts").send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn requests_in_hand_are_shown_without_secrets() {
    let node = node(|_config| {}).await;
    let _stalled = stalled_upload(&node).await;
    let rows = eventually(async || {
        let request = node.request("GET", "_inspect/requests?api_token=secretsecret");
        let text = request.bearer_auth(MANAGER).send().await.unwrap().text().await.unwrap();
        text.contains("PUT").then_some(text)
    })
    .await;
    assert!(rows.contains("api_token=[removed]"), "its own request is among them: {rows}");
    for secret in [USER, MANAGER, ADMIN, "secretsecret"] {
        assert!(!rows.contains(secret), "{rows}");
    }
}
