//! Lists, settings and the ledger over restarts: the same volume and state directory, another process's worth of memory.

use std::sync::Arc;
use std::time::Duration;

use donjon_node::config::Config;
use keep_protocol::status::{ListName, ListState, ListStatus};
use keep_rules::Timestamp;
use keep_volume::{Memory, Volume};
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::blocks::Block;

use crate::harness::{NOW, OLD, TestNode, eventually, memory, stored};

pub(crate) const BLOCKS: usize = 30;

pub(crate) struct Site {
    pub(crate) state: tempfile::TempDir,
    volume: Memory,
    blocks: Vec<Block>,
}

impl Site {
    pub(crate) async fn new() -> Site {
        let site = Site {
            state: tempfile::tempdir().unwrap(),
            volume: memory(),
            blocks: (0..BLOCKS).map(|number| Block::of(format!("block {number}"))).collect(),
        };
        for block in &site.blocks {
            block.store(&site.volume, OLD).await.unwrap();
        }
        site
    }

    pub(crate) async fn start(&self, change: impl FnOnce(&mut Config)) -> TestNode {
        self.start_at(NOW, change).await
    }

    pub(crate) async fn start_at(
        &self,
        now: Timestamp,
        change: impl FnOnce(&mut Config),
    ) -> TestNode {
        let volume = Arc::new(self.volume.clone()) as Arc<dyn Volume>;
        TestNode::at(now, [volume], |config| {
            config.lists.state_dir = Some(self.state.path().to_owned());
            change(config);
        })
        .await
    }

    pub(crate) fn list(&self) -> Value {
        let item = |block: &Block| json!({"locator": format!("{}+{}", block.hash, block.size()), "block_mtime": OLD.as_nanos()});
        self.blocks.iter().map(item).collect()
    }

    pub(crate) async fn left(&self) -> usize {
        let mut left = 0;
        for block in &self.blocks {
            left += usize::from(stored(&self.volume, block.hash).await.is_some());
        }
        left
    }
}

pub(crate) async fn stop(mut node: TestNode) {
    node.stop();
    node.stopped().await;
}

pub(crate) async fn send(node: &TestNode, list: &Value) -> reqwest::Response {
    let answer = node.admin("PUT", "trash").body(list.to_string()).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    answer
}

pub(crate) async fn post(node: &TestNode, path: &str) -> StatusCode {
    node.admin("POST", &format!("donjon/v1/lists/trash/{path}")).send().await.unwrap().status()
}

#[tokio::test]
async fn a_list_goes_on_where_it_stood() {
    let site = Site::new().await;
    let node = site.start(|_config| {}).await;
    assert_eq!(post(&node, "pause").await, StatusCode::OK);
    let answer = send(&node, &site.list()).await;
    assert_eq!(answer.headers()["x-donjon-list-durable"], "true");
    assert_eq!(answer.headers()["x-donjon-list-state"], "paused");
    stop(node).await;

    let node = site.start(|_config| {}).await;
    let status = node.list(ListName::Trash).await;
    assert_eq!(
        (status.state, status.waiting, status.generation),
        (ListState::Paused, BLOCKS as u64, 1)
    );
    assert_eq!(status.digest.unwrap(), answer.headers()["x-donjon-list-digest"].to_str().unwrap());
    assert_eq!(site.left().await, BLOCKS, "a pause survives the restart");
    assert_eq!(post(&node, "resume").await, StatusCode::OK);
    assert_eq!(node.idle(ListName::Trash).await.done, BLOCKS as u64);
    stop(node).await;

    let node = site.start(|_config| {}).await;
    let status = node.list(ListName::Trash).await;
    assert_eq!((status.done, status.waiting, status.received), (BLOCKS as u64, 0, BLOCKS as u64));
    assert_eq!(status.accounted_for(), status.received);
    assert_eq!(site.left().await, 0);
}

#[tokio::test]
async fn a_list_that_is_too_old_is_dropped() {
    const MAX_AGE: Duration = Duration::from_secs(3600);
    let site = Site::new().await;
    let without_workers = |config: &mut Config| {
        config.lists.max_age = MAX_AGE;
        config.trash.workers = 0;
    };
    let node = site.start(without_workers).await;
    send(&node, &site.list()).await;
    stop(node).await;
    let node = site.start_at(NOW.after(MAX_AGE), without_workers).await;
    assert_eq!(node.list(ListName::Trash).await.waiting, BLOCKS as u64, "it is just young enough");
    stop(node).await;
    let too_late = NOW.after(MAX_AGE + Duration::from_nanos(1));
    let node = site.start_at(too_late, |config| config.lists.max_age = MAX_AGE).await;
    assert_eq!(node.idle(ListName::Trash).await.received, 0);
    assert_eq!(site.left().await, BLOCKS);
    // Ids go on behind it, and a list that is in time is worked off.
    let answer = send(&node, &site.list()).await;
    assert_eq!(answer.headers()["x-donjon-list-id"], "2");
    assert_eq!(node.idle(ListName::Trash).await.done, BLOCKS as u64);
}

#[tokio::test]
async fn ids_and_epochs_go_on_after_a_restart() {
    let site = Site::new().await;
    let put = async |node: &TestNode, epoch: &str| {
        let request = node.admin("PUT", "pull").header("x-donjon-epoch", epoch).body("[]");
        request.send().await.unwrap()
    };
    let node = site.start(|_config| {}).await;
    assert_eq!(put(&node, "7").await.headers()["x-donjon-list-id"], "1");
    assert_eq!(put(&node, "6").await.status(), StatusCode::CONFLICT);
    assert_eq!(put(&node, "seven").await.status(), StatusCode::BAD_REQUEST);
    stop(node).await;
    let node = site.start(|_config| {}).await;
    assert_eq!(put(&node, "6").await.status(), StatusCode::CONFLICT);
    assert_eq!(put(&node, "7").await.headers()["x-donjon-list-id"], "2");
}

#[tokio::test]
async fn a_held_list_stays_held_until_its_release() {
    let site = Site::new().await;
    let node = site.start(|config| config.lists.guard.floor = 10).await;
    let answer = send(&node, &site.list()).await;
    assert_eq!(answer.headers()["x-donjon-list-state"], "checking");
    let held = async |node: &TestNode| -> ListStatus {
        eventually(async || {
            let status = node.list(ListName::Trash).await;
            (status.state == ListState::Held).then_some(status)
        })
        .await
    };
    let status = held(&node).await;
    assert!(status.idle_because.unwrap().contains("more than"));
    stop(node).await;

    let node = site.start(|config| config.lists.guard.floor = 10).await;
    let status = held(&node).await;
    assert_eq!(site.left().await, BLOCKS);
    assert_eq!(post(&node, "1/release?digest=00").await, StatusCode::CONFLICT);
    let digest = status.digest.unwrap();
    assert_eq!(post(&node, &format!("1/release?digest={digest}")).await, StatusCode::OK);
    assert_eq!(node.idle(ListName::Trash).await.done, BLOCKS as u64);
    assert_eq!(
        post(&node, &format!("1/release?digest={digest}")).await,
        StatusCode::CONFLICT,
        "once"
    );
}

#[tokio::test]
async fn a_freeze_stops_trashing_at_once_and_over_restarts() {
    let site = Site::new().await;
    let node = site.start(|_config| {}).await;
    let freeze = node
        .admin("PUT", "donjon/v1/freeze")
        .body(r#"{"reason":"wrong delete"}"#)
        .send()
        .await
        .unwrap();
    assert_eq!(freeze.status(), StatusCode::OK);
    let answer = send(&node, &site.list()).await;
    assert_eq!(answer.headers()["x-donjon-list-state"], "frozen");
    let delete = node.admin("DELETE", &site.blocks[0].hash.to_string()).send().await.unwrap();
    assert_eq!(delete.status(), StatusCode::SERVICE_UNAVAILABLE);
    stop(node).await;

    let node = site.start(|_config| {}).await;
    assert_eq!(node.list(ListName::Trash).await.state, ListState::Frozen);
    let ready = node.request("GET", "readyz").send().await.unwrap().text().await.unwrap();
    assert!(ready.contains("\"frozen\":true"), "{ready}");
    assert_eq!(site.left().await, BLOCKS);
    node.admin("DELETE", "donjon/v1/freeze").send().await.unwrap();
    assert_eq!(node.idle(ListName::Trash).await.done, BLOCKS as u64);
}

#[tokio::test]
async fn what_was_removed_or_cancelled_does_not_come_back() {
    let site = Site::new().await;
    let node = site.start(|_config| {}).await;
    post(&node, "pause").await;
    send(&node, &site.list()).await;
    let first = site.blocks[0].hash;
    let removed =
        node.admin("DELETE", &format!("donjon/v1/lists/trash/items/{first}")).send().await.unwrap();
    assert_eq!(removed.text().await.unwrap().trim(), r#"{"removed":1}"#);
    stop(node).await;
    let node = site.start(|_config| {}).await;
    let status = node.list(ListName::Trash).await;
    assert_eq!((status.waiting, status.removed), (BLOCKS as u64 - 1, 1));
    assert_eq!(post(&node, "cancel").await, StatusCode::OK);
    stop(node).await;
    let node = site.start(|_config| {}).await;
    post(&node, "resume").await;
    let status = node.idle(ListName::Trash).await;
    assert_eq!((status.waiting, status.removed, status.done), (0, BLOCKS as u64, 0));
    assert_eq!(site.left().await, BLOCKS);
}

#[tokio::test]
async fn a_cancel_is_in_force_though_the_disk_refuses_it() {
    let site = Site::new().await;
    let node = site.start(|_config| {}).await;
    post(&node, "pause").await;
    send(&node, &site.list()).await;
    // A directory is in the place of the list's next state.
    let in_the_way = site.state.path().join("trash.state.new");
    std::fs::create_dir(&in_the_way).unwrap();
    let cancel = async || {
        let answer = node.admin("POST", "donjon/v1/lists/trash/cancel").send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    };
    let (status, text) = cancel().await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(text.starts_with("cancelled now, but a restart forgets it: "), "{text}");
    let cancelled = node.list(ListName::Trash).await;
    assert_eq!((cancelled.waiting, cancelled.removed), (0, BLOCKS as u64));
    std::fs::remove_dir(&in_the_way).unwrap();
    assert_eq!(cancel().await.0, StatusCode::OK, "it can be repeated");
    stop(node).await;
    let node = site.start(|_config| {}).await;
    post(&node, "resume").await;
    assert_eq!(node.idle(ListName::Trash).await.removed, BLOCKS as u64);
    assert_eq!(site.left().await, BLOCKS);
}

#[tokio::test]
async fn the_ledger_goes_on_and_verifies() {
    let site = Site::new().await;
    for _ in 0..2 {
        let node = site.start(|_config| {}).await;
        send(&node, &site.list()).await;
        node.idle(ListName::Trash).await;
        for block in &site.blocks {
            let path = format!("donjon/v1/blocks/{}/untrash", block.hash);
            let answer = node.admin("POST", &path).send().await.unwrap().text().await.unwrap();
            assert!(answer.contains("restored") || answer.contains("not_in_trash"), "{answer}");
        }
        stop(node).await;
    }
    let node = site.start(|_config| {}).await;
    let text = |path: &str| {
        let request = node.admin("GET", path);
        async { request.send().await.unwrap().text().await.unwrap() }
    };
    let lines = text("donjon/v1/ledger?operation=trash&list=1").await;
    assert_eq!(lines.lines().count(), BLOCKS);
    assert!(lines.lines().all(|line| line.contains("\"outcome\":\"done\"")));
    let report: Value = serde_json::from_str(&text("donjon/v1/ledger/verify").await).unwrap();
    // The second list named the old mtimes, which the untrash had renewed: those items were skipped before any act.
    assert_eq!(report["records"], 2 * BLOCKS);
    assert_eq!(report["problems"], json!([]));
    let explained: Value =
        serde_json::from_str(&text(&format!("donjon/v1/blocks/{}", site.blocks[0].hash)).await)
            .unwrap();
    assert_eq!(explained["history"].as_array().unwrap().len(), 2);
    assert_eq!(explained["mounts"][0]["size"], site.blocks[0].size());
}
