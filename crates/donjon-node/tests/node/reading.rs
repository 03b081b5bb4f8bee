use std::sync::Arc;

use keep_volume::Volume;
use reqwest::StatusCode;
use testkit::blocks::Block;
use testkit::faults::{Call, FailNth, Fault};

use crate::harness::{NOW, OLD, TestNode, damage, memory};

/// Sizes around the pieces in which blocks are moved.
const SIZES: [usize; 8] = [0, 1, 3, 131_072, 131_073, 262_144, 262_145, 3_000_000];

#[tokio::test]
async fn what_was_put_can_be_read() {
    let node = TestNode::on([Arc::new(memory()) as Arc<dyn Volume>]).await;
    for size in SIZES {
        let block = Block::sized(size, 7);
        let locator = node.put(&block).await;
        let answer = node.get(&locator).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-length"], size.to_string());
        assert_eq!(answer.bytes().await.unwrap(), block.data);
        let head = node.user("HEAD", &locator).send().await.unwrap();
        assert_eq!(
            (head.status(), &head.headers()["content-length"]),
            (StatusCode::OK, &size.to_string().parse().unwrap())
        );
    }
}

#[tokio::test]
async fn a_damaged_replica_is_skipped_while_nothing_was_sent() {
    for size in [3, 200_000, 262_144] {
        let (bad, good) = (Arc::new(memory()), Arc::new(memory()));
        let block = Block::sized(size, 1);
        damage(&*bad, block.hash, &vec![b'x'; size], OLD).await;
        block.store(&*good, OLD).await.unwrap();
        let node = TestNode::on([bad as Arc<dyn Volume>, good]).await;
        let locator = sign(&node, &block).await;
        let answer = node.get(&locator).await;
        assert_eq!(answer.status(), StatusCode::OK, "{size} bytes");
        assert_eq!(answer.bytes().await.unwrap(), block.data);
        let head = node.user("HEAD", &locator).send().await.unwrap();
        assert_eq!(head.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn a_replica_of_another_length_is_skipped() {
    let (bad, good) = (Arc::new(memory()), Arc::new(memory()));
    let block = Block::sized(1_000_000, 2);
    damage(&*bad, block.hash, &block.data[..999_999], OLD).await;
    block.store(&*good, OLD).await.unwrap();
    let node = TestNode::on([bad as Arc<dyn Volume>, good]).await;
    let locator = sign(&node, &block).await;
    assert_eq!(node.get(&locator).await.bytes().await.unwrap(), block.data);
}

#[tokio::test]
async fn damage_without_another_replica_is_a_bad_gateway() {
    let volume = Arc::new(memory());
    let block = Block::of("foo");
    damage(&*volume, block.hash, b"bar", OLD).await;
    let node = TestNode::on([volume as Arc<dyn Volume>]).await;
    let locator = sign(&node, &block).await;
    let answer = node.get(&locator).await;
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(answer.text().await.unwrap(), "checksum mismatch in stored data\n");
}

#[tokio::test]
async fn a_long_damaged_block_never_arrives_whole() {
    let volume = Arc::new(memory());
    let block = Block::sized(3_000_000, 3);
    let mut data = block.data.to_vec();
    data[0] ^= 1;
    damage(&*volume, block.hash, &data, OLD).await;
    let node = TestNode::on([volume as Arc<dyn Volume>]).await;
    let locator = sign(&node, &block).await;
    let answer = node.get(&locator).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.bytes().await.is_err(), "the connection breaks before the last piece");
}

#[tokio::test]
async fn a_failing_volume_is_not_an_absent_block() {
    let block = Block::of("foo");
    let failing = Arc::new(FailNth::from_then_on(memory(), Call::Open, 1, Fault::Io));
    let node = TestNode::on([failing as Arc<dyn Volume>, Arc::new(memory())]).await;
    let locator = sign(&node, &block).await;
    assert_eq!(node.get(&locator).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let other = sign(&node, &Block::of("bar")).await;
    assert_eq!(
        node.user("HEAD", &other).send().await.unwrap().status(),
        StatusCode::INTERNAL_SERVER_ERROR
    );
}

#[tokio::test]
async fn a_read_error_in_the_first_pieces_turns_to_another_mount() {
    let block = Block::sized(3_000_000, 4);
    let failing = FailNth::once(memory(), Call::Read, 2, Fault::Io);
    block.store(failing.inner(), OLD).await.unwrap();
    let good = Arc::new(memory());
    block.store(&*good, OLD).await.unwrap();
    let node = TestNode::on([Arc::new(failing) as Arc<dyn Volume>, good]).await;
    let locator = sign(&node, &block).await;
    assert_eq!(node.get(&locator).await.bytes().await.unwrap(), block.data);
}

#[tokio::test]
async fn a_signature_is_for_one_token_and_one_time() {
    let node = TestNode::on([Arc::new(memory()) as Arc<dyn Volume>]).await;
    let locator = node.put(&Block::of("foo")).await;
    let other = node.request("GET", &locator).bearer_auth("other").send().await.unwrap();
    assert_eq!(other.status(), StatusCode::BAD_REQUEST);
    node.clock.advance(crate::harness::TTL);
    assert_eq!(node.get(&locator).await.status(), StatusCode::OK, "valid to the second");
    node.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(node.get(&locator).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_index_is_sorted_and_ends_with_an_empty_line() {
    let volume = Arc::new(memory());
    for text in ["foo", "bar", "baz"] {
        Block::of(text).store(&*volume, NOW).await.unwrap();
    }
    let node = TestNode::on([volume as Arc<dyn Volume>]).await;
    let text = node.admin("GET", "index").send().await.unwrap().text().await.unwrap();
    let expected = "37b51d194a7513e45b56f6524f2d51f2+3 1800000000000000000\n\
                    73feffa4b7f6bb68e44cf984c85f6e88+3 1800000000000000000\n\
                    acbd18db4cc2f85cedef654fccc4a4d8+3 1800000000000000000\n\n";
    assert_eq!(text, expected);
}

#[tokio::test]
async fn an_index_that_breaks_off_has_no_end() {
    let failing = FailNth::once(memory(), Call::Next, 2, Fault::Io);
    Block::of("foo").store(failing.inner(), NOW).await.unwrap();
    let node = TestNode::on([Arc::new(failing) as Arc<dyn Volume>]).await;
    let answer = node.admin("GET", "index").send().await.unwrap();
    let complete = answer.status() == StatusCode::OK
        && answer.text().await.is_ok_and(|text| text.ends_with("\n\n"));
    assert!(!complete);
}

/// A locator that the node itself has signed: the block is put and forgotten on a node with the same key.
async fn sign(_node: &TestNode, block: &Block) -> String {
    let signer = TestNode::on([Arc::new(memory()) as Arc<dyn Volume>]).await;
    signer.put(block).await
}
