//! Dry runs, alarms, settings at run time.

use std::sync::Arc;
use std::time::Duration;

use donjon_node::config::{Config, OnTrashHit};
use keep_protocol::status::{ListName, ListState};
use keep_rules::trash::Fate;
use keep_volume::{Memory, Volume};
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::blocks::Block;
use testkit::faults::{Call, FailNth, Fault};

use crate::harness::{
    ADMIN, MANAGER, NOW, OLD, TTL, TestNode, USER, eventually, memory, mount, read_only, stored,
};

fn item(block: &Block) -> Value {
    json!({"locator": format!("{}+{}", block.hash, block.size()), "block_mtime": OLD.as_nanos()})
}

#[tokio::test]
async fn a_dry_run_decides_everything_and_touches_nothing() {
    let volume = Arc::new(memory());
    let (old, new) = (Block::of("old"), Block::of("new"));
    old.store(&*volume, OLD).await.unwrap();
    new.store(&*volume, NOW).await.unwrap();
    let node = TestNode::on([volume.clone() as Arc<dyn Volume>]).await;
    let list = json!([item(&old), item(&new), item(&Block::of("absent"))]);
    let answer = node.admin("PUT", "trash?dry_run=1").body(list.to_string()).send().await.unwrap();
    assert_eq!(answer.headers()["x-donjon-list-state"], "dry-run");
    let status = eventually(async || {
        let request = node.admin("GET", "donjon/v1/lists/trash/dry-run");
        let text = request.send().await.unwrap().text().await.unwrap();
        let status: Value = serde_json::from_str(&text).unwrap();
        (status["waiting"] == 0 && status["running"] == 0).then_some(status)
    })
    .await;
    assert_eq!(
        (&status["done"], &status["skipped"]),
        (&json!(1), &json!({"rewritten": 1, "absent": 1}))
    );
    assert!(stored(&*volume, old.hash).await.is_some());
    assert_eq!(node.list(ListName::Trash).await.generation, 0, "the real list is as it was");
    let bad = node.admin("PUT", "trash?dry_run=yes").body("[]").send().await.unwrap();
    assert_eq!(bad.status(), StatusCode::BAD_REQUEST, "a slip of the pen is not a real run");
    let real = node.work_off(ListName::Trash, &list).await;
    assert_eq!(
        (json!(real.done), json!(real.skipped)),
        (status["done"].clone(), status["skipped"].clone())
    );
}

#[tokio::test]
async fn asking_for_trash_is_an_alarm() {
    let volume = Arc::new(memory());
    let block = Block::of("foo");
    block.store(&*volume, OLD).await.unwrap();
    let node = TestNode::on([volume.clone() as Arc<dyn Volume>]).await;
    let locator = sign(&block).await;
    node.work_off(ListName::Trash, &json!([item(&block)])).await;
    assert_eq!(node.get(&locator).await.status(), StatusCode::NOT_FOUND);
    assert!(node.metrics().await.contains("\ndonjon_trash_hits_total 1\n"));
}

#[tokio::test]
async fn what_is_asked_for_is_untrashed_if_the_configuration_says_so() {
    let volume = Arc::new(memory());
    let block = Block::of("foo");
    block.store(&*volume, OLD).await.unwrap();
    let change =
        |config: &mut donjon_node::config::Config| config.lists.on_hit = OnTrashHit::Untrash;
    let node = TestNode::with([volume.clone() as Arc<dyn Volume>], change).await;
    let locator = sign(&block).await;
    node.work_off(ListName::Trash, &json!([item(&block)])).await;
    assert_eq!(node.get(&locator).await.bytes().await.unwrap(), block.data);
    assert_eq!(stored(&*volume, block.hash).await.unwrap().mtime, NOW);
}

#[tokio::test]
async fn what_cannot_be_brought_back_from_the_trash_is_not_told_as_absent() {
    for (call, on_hit, status) in [
        (Call::Trashed, OnTrashHit::Untrash, StatusCode::INTERNAL_SERVER_ERROR),
        (Call::Untrash, OnTrashHit::Untrash, StatusCode::INTERNAL_SERVER_ERROR),
        (Call::Trashed, OnTrashHit::Report, StatusCode::NOT_FOUND),
    ] {
        let volume = Arc::new(FailNth::from_then_on(memory(), call, 1, Fault::Io));
        let block = Block::of("foo");
        block.store(&*volume, OLD).await.unwrap();
        let volumes = [volume.clone() as Arc<dyn Volume>];
        let node = TestNode::with(volumes, |config| config.lists.on_hit = on_hit).await;
        let locator = sign(&block).await;
        node.work_off(ListName::Trash, &json!([item(&block)])).await;
        assert_eq!(node.get(&locator).await.status(), status, "{call:?} {on_hit:?}");
    }
}

/// A volume that has the block in its trash.
async fn with_trash(block: &Block) -> Memory {
    let volume = memory();
    block.store(&volume, OLD).await.unwrap();
    volume.trash(block.hash, OLD, Fate::Until(NOW.after(TTL))).await.unwrap();
    volume
}

#[tokio::test]
async fn a_trash_that_cannot_be_read_is_no_absence_whatever_a_read_only_mount_has() {
    let block = Block::of("foo");
    // Whichever of the two is asked first.
    for (in_read_only, failing) in [(0, 1), (1, 0)] {
        for (call, status) in [
            (Call::Trashed, StatusCode::INTERNAL_SERVER_ERROR),
            (Call::Untrash, StatusCode::INTERNAL_SERVER_ERROR),
            (Call::Sweep, StatusCode::OK),
        ] {
            let volume = with_trash(&block).await;
            let writable = Arc::new(FailNth::from_then_on(volume, call, 1, Fault::Io));
            let readable = Arc::new(with_trash(&block).await);
            let mounts = [mount(failing, writable.clone()), read_only(in_read_only, readable)];
            let untrash = |config: &mut Config| config.lists.on_hit = OnTrashHit::Untrash;
            let node = TestNode::mounting(NOW, mounts, untrash).await;
            let answer = node.get(&sign(&block).await).await;
            assert_eq!(answer.status(), status, "{call:?} fails on mount {failing}");
            let is_back = stored(writable.inner(), block.hash).await.is_some();
            assert_eq!(is_back, status == StatusCode::OK);
            node.metric("donjon_trash_hits_total 1").await;
        }
    }
}

#[tokio::test]
async fn what_only_a_read_only_mount_has_in_its_trash_is_an_alarm_and_absent() {
    let block = Block::of("foo");
    let readable = Arc::new(with_trash(&block).await);
    let mounts = [mount(0, Arc::new(memory())), read_only(1, readable.clone())];
    let untrash = |config: &mut Config| config.lists.on_hit = OnTrashHit::Untrash;
    let node = TestNode::mounting(NOW, mounts, untrash).await;
    assert_eq!(node.get(&sign(&block).await).await.status(), StatusCode::NOT_FOUND);
    node.metric("donjon_trash_hits_total 1").await;
    assert_eq!(readable.trashed(block.hash).await.unwrap().len(), 1, "it is left alone");
}

#[tokio::test]
async fn after_so_many_hits_the_rest_of_the_list_is_held() {
    let state = tempfile::tempdir().unwrap();
    let volume = Arc::new(memory());
    let blocks: Vec<Block> = (0..3).map(|number| Block::of(format!("block {number}"))).collect();
    for block in &blocks {
        block.store(&*volume, OLD).await.unwrap();
    }
    let node = TestNode::with([volume.clone() as Arc<dyn Volume>], |config| {
        config.lists.state_dir = Some(state.path().to_owned());
        config.lists.hold_after_hits = 1;
    })
    .await;
    let locator = sign(&blocks[0]).await;
    // One item a second: the first is trashed at once, the others wait.
    let settings = node
        .admin("PUT", "donjon/v1/lists/trash/settings")
        .body(r#"{"items_per_second":1,"workers":1}"#);
    assert_eq!(settings.send().await.unwrap().status(), StatusCode::OK);
    let list: Value = blocks.iter().map(item).collect();
    node.admin("PUT", "trash").body(list.to_string()).send().await.unwrap();
    // Once it has ended, it is on record which list has trashed it.
    eventually(async || (node.list(ListName::Trash).await.done >= 1).then_some(())).await;
    assert_eq!(node.get(&locator).await.status(), StatusCode::NOT_FOUND);
    let held = eventually(async || {
        let status = node.list(ListName::Trash).await;
        (status.state == ListState::Held && status.running == 0).then_some(status)
    })
    .await;
    assert!(held.idle_because.unwrap().contains("1 blocks that this list has trashed"));
    assert_eq!(held.done + held.waiting, 3);
    assert!(stored(&*volume, blocks[2].hash).await.is_some());
    // Only the hold is in the way now.
    node.clock.advance(Duration::from_secs(60));
    let release = format!("donjon/v1/lists/trash/1/release?digest={}", held.digest.unwrap());
    assert_eq!(node.admin("POST", &release).send().await.unwrap().status(), StatusCode::OK);
    eventually(async || {
        node.clock.advance(Duration::from_secs(1));
        (node.list(ListName::Trash).await.done == 3).then_some(())
    })
    .await;
}

#[tokio::test]
async fn settings_are_checked_and_shown_with_where_they_come_from() {
    let node = TestNode::on([Arc::new(memory()) as Arc<dyn Volume>]).await;
    let put = async |body: &str| {
        let request = node.admin("PUT", "donjon/v1/lists/pull/settings").body(body.to_owned());
        let answer = request.send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    };
    let (status, text) = put(r#"{"workers":2}"#).await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.contains(r#""workers":{"value":2,"origin":"runtime"}"#), "{text}");
    assert_eq!(node.list(ListName::Pull).await.workers, 2);
    let (status, text) = put(r#"{"workers":1001}"#).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(text.starts_with("workers: 1001"), "{text}");
    assert_eq!(put(r#"{"wrokers":1}"#).await.0, StatusCode::BAD_REQUEST);
    let (_, text) = put(r#"{"workers":null}"#).await;
    assert!(text.contains(r#""workers":{"value":4,"origin":"config"}"#), "{text}");
}

#[tokio::test]
async fn what_steers_needs_the_administrator() {
    let node = TestNode::on([Arc::new(memory()) as Arc<dyn Volume>]).await;
    let hash = Block::of("foo").hash;
    for (method, path) in [
        ("PUT", "donjon/v1/freeze".to_owned()),
        ("DELETE", "donjon/v1/freeze".to_owned()),
        ("POST", "donjon/v1/lists/trash/pause".to_owned()),
        ("POST", "donjon/v1/lists/trash/1/release".to_owned()),
        ("PUT", "donjon/v1/lists/trash/settings".to_owned()),
        ("DELETE", format!("donjon/v1/lists/trash/items/{hash}")),
        ("GET", "donjon/v1/ledger".to_owned()),
        ("GET", format!("donjon/v1/blocks/{hash}")),
        ("POST", format!("donjon/v1/blocks/{hash}/untrash")),
    ] {
        for (token, status) in [(USER, StatusCode::FORBIDDEN), (MANAGER, StatusCode::FORBIDDEN)] {
            let answer = node.request(method, &path).bearer_auth(token).send().await.unwrap();
            assert_eq!(answer.status(), status, "{method} {path}");
        }
        let nobody = node.request(method, &path).send().await.unwrap();
        assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
        assert_ne!(
            node.request(method, &path).bearer_auth(ADMIN).send().await.unwrap().status(),
            StatusCode::FORBIDDEN
        );
    }
}

async fn sign(block: &Block) -> String {
    TestNode::on([Arc::new(memory()) as Arc<dyn Volume>]).await.put(block).await
}
