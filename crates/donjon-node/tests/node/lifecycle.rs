use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use keep_volume::Volume;
use reqwest::StatusCode;
use testkit::blocks::Block;
use testkit::faults::{Call, FailNth, Fault};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{MANAGER, TestNode, USER, eventually, memory, stored};

#[tokio::test]
async fn a_request_in_hand_is_finished_before_the_node_stops() {
    let volume = Arc::new(memory());
    let mut node = TestNode::on([volume.clone() as Arc<dyn Volume>]).await;
    let block = Block::of("foo");
    let mut upload = node.begin_upload(&block, 3, b"f").await;
    node.stalled(1).await;
    let address = node.address;
    node.stop();
    eventually(async || TcpStream::connect(address).await.is_err().then_some(())).await;
    upload.write_all(b"oo").await.unwrap();
    let mut answer = Vec::new();
    upload.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
    node.stopped().await;
    assert!(stored(&*volume, block.hash).await.is_some());
}

#[tokio::test]
async fn a_client_that_never_finishes_cannot_hold_the_node_up() {
    let volume = Arc::new(memory());
    let mut node = TestNode::with([volume.clone() as Arc<dyn Volume>], |config| {
        config.limits.shutdown_timeout = Duration::from_millis(100);
    })
    .await;
    let block = Block::of("foo");
    let _upload = node.begin_upload(&block, 3, b"f").await;
    node.stalled(1).await;
    node.stop();
    tokio::time::timeout(Duration::from_secs(20), node.stopped()).await.unwrap();
    assert_eq!(stored(&*volume, block.hash).await, None);
}

#[tokio::test]
async fn readiness_really_tries_the_volumes() {
    let failing = Arc::new(FailNth::once(memory(), Call::Check, 1, Fault::Io));
    let node = TestNode::on([failing as Arc<dyn Volume>, Arc::new(memory())]).await;
    let ready = async || node.request("GET", "readyz").send().await.unwrap();
    let sick = ready().await;
    assert_eq!(sick.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(sick.text().await.unwrap().contains("\"ok\":false"));
    assert_eq!(ready().await.status(), StatusCode::OK);
    assert_eq!(node.request("GET", "livez").send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn idle_connections_make_room_for_others() {
    let node = TestNode::with([Arc::new(memory()) as Arc<dyn Volume>], |config| {
        config.limits.max_connections = NonZeroUsize::MIN;
    })
    .await;
    let ask = async || {
        let answer = node.request("GET", "livez").header("connection", "close").send();
        tokio::time::timeout(Duration::from_secs(30), answer).await.expect("shut out").unwrap()
    };
    // It has said nothing yet.
    let fresh = TcpStream::connect(node.address).await.unwrap();
    assert_eq!(ask().await.status(), StatusCode::OK);
    // It has said something, and does not get to the end of it.
    let mut slow = TcpStream::connect(node.address).await.unwrap();
    slow.write_all(b"GET /livez HTTP/1.1\r\nHost:").await.unwrap();
    assert_eq!(ask().await.status(), StatusCode::OK);
    // It has been answered, and may ask again.
    let mut kept = TcpStream::connect(node.address).await.unwrap();
    kept.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert_ne!(kept.read(&mut [0; 64]).await.unwrap(), 0);
    assert_eq!(ask().await.status(), StatusCode::OK);
    drop((fresh, slow, kept));
}

#[tokio::test]
async fn a_request_in_hand_is_not_cut_to_make_room() {
    let node = TestNode::with([Arc::new(memory()) as Arc<dyn Volume>], |config| {
        config.limits.max_connections = NonZeroUsize::MIN;
    })
    .await;
    let block = Block::of("foo");
    let mut upload = TcpStream::connect(node.address).await.unwrap();
    let head = format!(
        "PUT /{} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nAuthorization: Bearer {USER}\r\nContent-Length: 3\r\n\r\n",
        block.hash
    );
    upload.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    upload.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    // Somebody else comes; the one place is taken by a request in hand.
    let other = tokio::spawn(node.request("GET", "livez").send());
    let mut answer = Vec::new();
    upload.write_all(b"foo").await.unwrap();
    upload.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(other.await.unwrap().unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn every_go_metric_is_there() {
    let node = TestNode::on([Arc::new(memory()) as Arc<dyn Volume>]).await;
    node.put(&Block::of("foo")).await;
    let text = node.metrics().await;
    for name in [
        "arvados_keepstore_bufferpool_allocated_bytes",
        "arvados_keepstore_bufferpool_max_buffers",
        "arvados_keepstore_bufferpool_inuse_buffers",
        "arvados_keepstore_pull_queue_pending_entries",
        "arvados_keepstore_pull_queue_inprogress_entries",
        "arvados_keepstore_trash_queue_pending_entries",
        "arvados_keepstore_trash_queue_inprogress_entries",
        "arvados_keepstore_volume_operations",
        "arvados_keepstore_volume_io_bytes",
        "request_duration_seconds",
        "time_to_status_seconds",
        "arvados_concurrent_requests",
        "arvados_max_concurrent_requests",
        "arvados_max_queued_requests",
        "arvados_queued_requests",
        "arvados_queue_delay_seconds",
        "arvados_max_active_request_age_seconds",
        "arvados_max_abandoned_request_age_seconds",
        "arvados_config_source_timestamp_seconds",
        "arvados_config_load_timestamp_seconds",
        "arvados_version_running",
    ] {
        assert!(text.contains(&format!("# TYPE {name} ")), "{name}");
    }
    let request = node.request("GET", "metrics.json").bearer_auth(MANAGER);
    let json = request.send().await.unwrap().text().await.unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(&json).unwrap().is_array());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_node_stops_at_once() {
    let mut node = TestNode::on([Arc::new(memory()) as Arc<dyn Volume>]).await;
    node.put(&Block::of("foo")).await;
    node.stop();
    tokio::time::timeout(Duration::from_secs(10), node.stopped()).await.unwrap();
}
