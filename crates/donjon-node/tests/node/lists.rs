use std::sync::Arc;
use std::time::Duration;

use keep_protocol::status::{ListName, OutcomeKind};
use keep_volume::Volume;
use reqwest::StatusCode;
use serde_json::json;
use testkit::blocks::Block;
use testkit::faults::{Call, FailNth, Fault};

use crate::harness::{NOW, OLD, TestNode, memory, stored, uuid};

#[tokio::test]
async fn each_item_is_trashed_or_kept_for_a_reason() {
    let volume = Arc::new(memory());
    let (old, new, rewritten) = (Block::of("old"), Block::of("new"), Block::of("rewritten"));
    old.store(&*volume, OLD).await.unwrap();
    new.store(&*volume, NOW).await.unwrap();
    rewritten.store(&*volume, OLD.after(Duration::from_nanos(1))).await.unwrap();
    let node = TestNode::on([volume.clone() as Arc<dyn Volume>]).await;
    let item = |block: &Block, mtime: i64, mount: &str| json!({"locator": format!("{}+{}", block.hash, block.size()), "block_mtime": mtime, "mount_uuid": mount});
    let old_mtime = OLD.as_nanos();
    let status = node
        .work_off(
            ListName::Trash,
            &json!([
                item(&old, old_mtime, &uuid(0)),
                item(&new, NOW.as_nanos(), &uuid(0)),
                item(&rewritten, old_mtime, &uuid(0)),
                item(&Block::of("absent"), old_mtime, &uuid(0)),
                item(&old, old_mtime, "zzzzz-nyw5e-elsewhere000000"),
                {"locator": "no locator", "block_mtime": old_mtime},
            ]),
        )
        .await;
    assert_eq!(status.received, 6);
    assert_eq!(status.done, 1);
    let reasons = ["listed_too_new", "rewritten", "absent", "unknown_mount", "bad_locator"];
    assert_eq!(status.skipped, reasons.map(|reason| (reason.to_owned(), 1)).into());
    assert_eq!(stored(&*volume, old.hash).await, None);
    assert!(stored(&*volume, new.hash).await.is_some());
    assert!(stored(&*volume, rewritten.hash).await.is_some());
    let done: Vec<_> = node
        .outcomes(ListName::Trash)
        .await
        .outcomes
        .into_iter()
        .filter(|row| row.outcome == OutcomeKind::Done)
        .collect();
    assert_eq!(
        (done.len(), &done[0].locator, &done[0].mount_uuid),
        (1, &format!("{}+3", old.hash), &uuid(0))
    );
}

#[tokio::test]
async fn an_item_without_a_mount_is_for_every_mount() {
    let volumes = [Arc::new(memory()), Arc::new(memory())];
    let block = Block::of("foo");
    for volume in &volumes {
        block.store(&**volume, OLD).await.unwrap();
    }
    let node = TestNode::on(volumes.clone().map(|volume| volume as Arc<dyn Volume>)).await;
    let list = json!([{"locator": block.hash.to_string(), "block_mtime": OLD.as_nanos()}]);
    assert_eq!(node.work_off(ListName::Trash, &list).await.done, 1);
    for volume in &volumes {
        assert_eq!(stored(&**volume, block.hash).await, None);
    }
}

#[tokio::test]
async fn a_device_error_fails_the_item_and_keeps_the_replica() {
    let volume = Arc::new(FailNth::once(memory(), Call::Stat, 1, Fault::Io));
    let block = Block::of("foo");
    block.store(&*volume, OLD).await.unwrap();
    let node = TestNode::on([volume.clone() as Arc<dyn Volume>]).await;
    let list = json!([{"locator": block.hash.to_string(), "block_mtime": OLD.as_nanos()}]);
    let status = node.work_off(ListName::Trash, &list).await;
    assert_eq!(status.failed, [("volume_error".to_owned(), 1)].into());
    assert!(stored(&*volume, block.hash).await.is_some());
}

#[tokio::test]
async fn a_malformed_list_changes_nothing() {
    // Without workers, the first list stays where it is.
    let node =
        TestNode::with([Arc::new(memory()) as Arc<dyn Volume>], |config| config.trash.workers = 0)
            .await;
    let good = json!([{"locator": Block::of("foo").hash.to_string(), "block_mtime": 1}]);
    let put = |body: String| node.admin("PUT", "trash").body(body).send();
    assert_eq!(put(good.to_string()).await.unwrap().status(), StatusCode::OK);
    let bad = r#"[{"locator":"acbd18db4cc2f85cedef654fccc4a4d8+3","block_mtime":1},{"locator":7}]"#;
    let answer = put(bad.to_owned()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let text = answer.text().await.unwrap();
    assert!(text.contains("byte") && text.contains("item"), "{text}");
    let status = node.list(ListName::Trash).await;
    assert_eq!((status.generation, status.waiting), (1, 1));
    assert!(status.idle_because.unwrap().contains("BlobTrashConcurrency"));
    assert_eq!(put("[]".to_owned()).await.unwrap().status(), StatusCode::OK);
    let status = node.list(ListName::Trash).await;
    assert_eq!((status.generation, status.waiting, status.received), (2, 0, 0));
}

#[tokio::test]
async fn the_age_of_a_list_that_never_came_grows_from_the_start() {
    let node = TestNode::on([Arc::new(memory()) as Arc<dyn Volume>]).await;
    node.clock.advance(Duration::from_secs(3 * 24 * 3600));
    node.work_off(ListName::Pull, &json!([])).await;
    node.clock.advance(Duration::from_secs(5));
    let metrics = node.metrics().await;
    let age = |list: &str, seconds: u64| {
        metrics.contains(&format!("\ndonjon_list_age_seconds{{list=\"{list}\"}} {seconds}\n"))
    };
    assert!(age("trash", 259_205) && age("pull", 5), "{metrics}");
}

#[tokio::test]
async fn waiting_items_are_shown_page_by_page() {
    let node =
        TestNode::with([Arc::new(memory()) as Arc<dyn Volume>], |config| config.trash.workers = 0)
            .await;
    let items: Vec<_> = (0..3)
        .map(|n| json!({"locator": format!("{n:032x}+{n}"), "block_mtime": n, "mount_uuid": "m"}))
        .collect();
    node.admin("PUT", "trash").body(json!(items).to_string()).send().await.unwrap();
    let page = async |query: &str| -> serde_json::Value {
        let answer = node
            .admin("GET", &format!("donjon/v1/lists/trash/items?{query}"))
            .send()
            .await
            .unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    };
    let first = page("limit=2").await;
    assert_eq!((first["items"].as_array().unwrap().len(), &first["next_offset"]), (2, &json!(2)));
    let last = page("limit=2&offset=2").await;
    assert_eq!(
        last["items"][0],
        json!({"locator": format!("{:032x}+2", 2), "block_mtime": 2, "mount_uuid": "m"})
    );
    assert_eq!(last["next_offset"], json!(null));
}

#[tokio::test]
async fn lists_need_the_administrator() {
    let node = TestNode::on([Arc::new(memory()) as Arc<dyn Volume>]).await;
    for list in ListName::ALL {
        let path = list.as_str();
        let status = async |request: reqwest::RequestBuilder| {
            request.body("[]").send().await.unwrap().status()
        };
        assert_eq!(status(node.request("PUT", path)).await, StatusCode::UNAUTHORIZED);
        assert_eq!(status(node.user("PUT", path)).await, StatusCode::FORBIDDEN);
        assert_eq!(node.list(list).await.generation, 0, "a refused list is no list");
        assert_eq!(status(node.admin("PUT", path)).await, StatusCode::OK);
        assert_eq!(node.list(list).await.generation, 1);
    }
}

#[tokio::test]
async fn a_touch_between_list_and_worker_saves_the_block() {
    let volume = Arc::new(memory());
    let block = Block::of("foo");
    block.store(&*volume, OLD).await.unwrap();
    let node = TestNode::on([volume.clone() as Arc<dyn Volume>]).await;
    let touched = node.admin("TOUCH", &block.hash.to_string()).send().await.unwrap();
    assert_eq!(touched.status(), StatusCode::OK);
    let list = json!([{"locator": block.hash.to_string(), "block_mtime": OLD.as_nanos()}]);
    assert_eq!(node.work_off(ListName::Trash, &list).await.skipped["rewritten"], 1);
    assert!(stored(&*volume, block.hash).await.is_some());
}

#[tokio::test]
async fn untrash_renews_the_mtime() {
    let volume = Arc::new(memory());
    let block = Block::of("foo");
    block.store(&*volume, OLD).await.unwrap();
    let node = TestNode::on([volume.clone() as Arc<dyn Volume>]).await;
    let path = block.hash.to_string();
    assert_eq!(node.admin("DELETE", &path).send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(stored(&*volume, block.hash).await, None);
    let untrash =
        async || node.admin("PUT", &format!("untrash/{path}")).send().await.unwrap().status();
    assert_eq!(untrash().await, StatusCode::OK);
    assert_eq!(stored(&*volume, block.hash).await.unwrap().mtime, NOW);
    assert_eq!(untrash().await, StatusCode::NOT_FOUND);
}
