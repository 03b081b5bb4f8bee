use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use keep_volume::Volume;
use reqwest::StatusCode;
use testkit::blocks::Block;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{ADMIN, MANAGER, TestNode, USER, eventually, memory};

async fn begin_upload(node: &TestNode) -> TcpStream {
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    let hash = Block::of("foo").hash;
    let head = format!(
        "PUT /{hash} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {USER}\r\nContent-Length: 67108864\r\n\r\nabc"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

async fn answer_of(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer))
        .await
        .unwrap()
        .unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn stalled_uploads_do_not_stop_other_requests() {
    let node = TestNode::with([Arc::new(memory()) as Arc<dyn Volume>], |config| {
        config.api.max_concurrent_requests = NonZeroUsize::new(8);
    })
    .await;
    let locator = node.put(&Block::of("foo")).await;
    let mut stalled = Vec::new();
    for _ in 0..64 {
        stalled.push(begin_upload(&node).await);
    }
    for _ in 0..20 {
        assert_eq!(node.get(&locator).await.status(), StatusCode::OK);
    }
    drop(stalled);
}

#[tokio::test]
async fn a_stalled_upload_is_given_up() {
    let node = TestNode::with([Arc::new(memory()) as Arc<dyn Volume>], |config| {
        config.limits.body_stall_timeout = Duration::from_millis(200);
    })
    .await;
    let answer = answer_of(begin_upload(&node).await).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn a_broken_upload_gives_its_buffers_back() {
    let node = TestNode::on([Arc::new(memory()) as Arc<dyn Volume>]).await;
    let in_use = async |buffers: usize| {
        let wanted = format!("\narvados_keepstore_bufferpool_inuse_buffers {buffers}\n");
        eventually(async || {
            let request = node.request("GET", "metrics").bearer_auth(MANAGER);
            let metrics = request.send().await.unwrap().text().await.unwrap();
            metrics.contains(&wanted).then_some(())
        })
        .await;
    };
    let uploads = [begin_upload(&node).await, begin_upload(&node).await];
    in_use(2).await;
    drop(uploads);
    in_use(0).await;
}

#[tokio::test]
async fn a_request_past_its_deadline_is_503() {
    let node = TestNode::with([Arc::new(memory()) as Arc<dyn Volume>], |config| {
        config.api.request_timeout = Some(Duration::from_millis(200));
    })
    .await;
    let answer = answer_of(begin_upload(&node).await).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("access-control-allow-origin"), "{answer}");
}

#[tokio::test]
async fn metrics_are_served_while_the_queue_overflows() {
    // Nothing waits for a client here: a slow volume would be needed to fill the places for long. The upload that has
    // lent its place is counted as stalled.
    let node = TestNode::on([Arc::new(memory()) as Arc<dyn Volume>]).await;
    let _stalled = begin_upload(&node).await;
    let metric = async || {
        let text = node
            .request("GET", "metrics")
            .bearer_auth(MANAGER)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        text.contains("donjon_stalled_requests{queue=\"api\"} 1").then_some(())
    };
    eventually(metric).await;
}

#[tokio::test]
async fn requests_in_hand_are_shown_without_secrets() {
    let node = TestNode::on([Arc::new(memory()) as Arc<dyn Volume>]).await;
    let _stalled = begin_upload(&node).await;
    let rows = eventually(async || {
        let answer = node
            .request("GET", "_inspect/requests?api_token=secretsecret")
            .bearer_auth(MANAGER)
            .send()
            .await
            .unwrap();
        let rows: serde_json::Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        rows.as_array().unwrap().iter().any(|row| row["Method"] == "PUT").then_some(rows)
    })
    .await;
    let text = rows.to_string();
    assert!(
        !text.contains(USER)
            && !text.contains(MANAGER)
            && !text.contains(ADMIN)
            && !text.contains("secretsecret")
    );
}
