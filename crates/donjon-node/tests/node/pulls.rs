use std::sync::Arc;

use keep_protocol::status::ListName;
use keep_volume::Volume;
use serde_json::json;
use testkit::blocks::Block;

use crate::harness::{NOW, OLD, TestNode, content, damage, memory, stored, uuid};

const LARGE: usize = 3_000_000;

async fn node_with(block: &Block) -> TestNode {
    let volume = Arc::new(memory());
    block.store(&*volume, OLD).await.unwrap();
    TestNode::on([volume as Arc<dyn Volume>]).await
}

#[tokio::test]
async fn a_block_is_pulled_to_the_mount_that_is_named() {
    for size in [3, LARGE] {
        let block = Block::sized(size, 1);
        let source = node_with(&block).await;
        let volumes = [Arc::new(memory()), Arc::new(memory())];
        let node = TestNode::on(volumes.clone().map(|volume| volume as Arc<dyn Volume>)).await;
        let list = json!([{"locator": format!("{}+{size}", block.hash), "servers": [format!("{}/", source.url())], "mount_uuid": uuid(1)}]);
        let status = node.work_off(ListName::Pull, &list).await;
        assert_eq!(status.done, 1, "{status:?}");
        assert_eq!(stored(&*volumes[0], block.hash).await, None);
        assert_eq!(content(&*volumes[1], block.hash).await, block.data);
        assert_eq!(stored(&*volumes[1], block.hash).await.unwrap().mtime, NOW);
    }
}

#[tokio::test]
async fn another_server_is_tried() {
    let block = Block::of("foo");
    let source = node_with(&block).await;
    let empty = TestNode::on([Arc::new(memory()) as Arc<dyn Volume>]).await;
    let volume = Arc::new(memory());
    let node = TestNode::on([volume.clone() as Arc<dyn Volume>]).await;
    let servers = [empty.url(), "http://127.0.0.1:1".to_owned(), source.url()];
    let list = json!([{"locator": format!("{}+3", block.hash), "servers": servers}]);
    assert_eq!(node.work_off(ListName::Pull, &list).await.done, 1);
    assert_eq!(content(&*volume, block.hash).await, block.data);
}

#[tokio::test]
async fn what_is_not_the_block_is_not_stored() {
    for size in [3, LARGE] {
        let block = Block::sized(size, 2);
        let damaged = Arc::new(memory());
        let mut data = block.data.to_vec();
        data[size - 1] ^= 1;
        damage(&*damaged, block.hash, &data, OLD).await;
        let source = TestNode::on([damaged as Arc<dyn Volume>]).await;
        let volume = Arc::new(memory());
        let node = TestNode::on([volume.clone() as Arc<dyn Volume>]).await;
        let list =
            json!([{"locator": format!("{}+{size}", block.hash), "servers": [source.url()]}]);
        let status = node.work_off(ListName::Pull, &list).await;
        assert_eq!(status.failed.values().sum::<u64>(), 1, "{status:?}");
        assert_eq!(stored(&*volume, block.hash).await, None);
    }
}

#[tokio::test]
async fn each_pull_item_ends_for_a_reason() {
    let block = Block::of("foo");
    let source = node_with(&block).await;
    let node = TestNode::on([Arc::new(memory()) as Arc<dyn Volume>]).await;
    let foo = format!("{}+3", block.hash);
    let list = json!([
        {"locator": Block::of("absent").hash.to_string() + "+6", "servers": [source.url()]},
        {"locator": foo, "servers": []},
        {"locator": foo, "servers": [source.url()], "mount_uuid": "zzzzz-nyw5e-elsewhere000000"},
        {"locator": "bad", "servers": [source.url()]},
        {"locator": foo, "servers": ["http://127.0.0.1:1"]},
        {"locator": format!("{}+4", block.hash), "servers": [source.url()]},
    ]);
    let status = node.work_off(ListName::Pull, &list).await;
    assert_eq!(
        status.skipped,
        ["no_servers", "unknown_mount", "bad_locator"].map(|reason| (reason.to_owned(), 1)).into()
    );
    assert_eq!(status.failed["absent_at_source"], 1);
    assert_eq!(
        status.failed["source_unreachable"] + status.failed.get("source_damaged").unwrap_or(&0),
        2
    );
}

#[tokio::test]
async fn a_damaged_local_replica_is_healed_by_a_pull() {
    let block = Block::sized(LARGE, 3);
    let source = node_with(&block).await;
    let volume = Arc::new(memory());
    damage(&*volume, block.hash, b"damaged", OLD).await;
    let node = TestNode::on([volume.clone() as Arc<dyn Volume>]).await;
    let list = json!([{"locator": format!("{}+{LARGE}", block.hash), "servers": [source.url()]}]);
    assert_eq!(node.work_off(ListName::Pull, &list).await.done, 1);
    assert_eq!(content(&*volume, block.hash).await, block.data);
}
