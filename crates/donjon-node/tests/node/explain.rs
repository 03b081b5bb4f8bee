//! What is told of one block.

use std::sync::Arc;

use keep_protocol::status::BlockExplained;
use keep_rules::BlockHash;
use keep_volume::Volume;
use testkit::blocks::Block;
use testkit::faults::{Call, FailNth, Fault};

use crate::harness::{TestNode, memory};

async fn explain(node: &TestNode, hash: BlockHash) -> BlockExplained {
    let request = node.admin("GET", &format!("donjon/v1/blocks/{hash}"));
    serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_mount_that_cannot_be_asked_is_not_taken_for_one_without_a_copy() {
    let failing = Arc::new(FailNth::from_then_on(memory(), Call::Stat, 1, Fault::Io));
    let block = Block::of("foo");
    let node = TestNode::on([failing as Arc<dyn Volume>, Arc::new(memory())]).await;
    let explained = explain(&node, block.hash).await;
    assert_eq!(explained.next[0], "No mount that could be asked has a copy; 1 could not be asked.");
    assert!(explained.next[1].starts_with("Mount zzzzz-nyw5e-000000000000000 cannot be asked: "));
}
