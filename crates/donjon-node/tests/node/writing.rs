use std::sync::Arc;
use std::time::Duration;

use keep_volume::{Memory, Volume};
use reqwest::StatusCode;
use testkit::blocks::Block;
use testkit::faults::{Call, FailNth, Fault};

use crate::harness::{NOW, OLD, TestNode, content, damage, memory, stored};

const LARGE: usize = 3_000_000;

async fn put(node: &TestNode, block: &Block) -> StatusCode {
    let request = node.user("PUT", &block.hash.to_string()).body(block.data.clone());
    request.send().await.unwrap().status()
}

#[tokio::test]
async fn a_block_that_is_there_is_touched_and_not_written() {
    for size in [3, LARGE] {
        let volume = Arc::new(FailNth::from_then_on(memory(), Call::Create, 2, Fault::Io));
        let block = Block::sized(size, 1);
        block.store(&*volume, OLD).await.unwrap();
        let node = TestNode::on([volume.clone() as Arc<dyn Volume>]).await;
        assert_eq!(put(&node, &block).await, StatusCode::OK);
        assert_eq!(stored(&*volume, block.hash).await.unwrap().mtime, NOW);
    }
}

#[tokio::test]
async fn a_damaged_replica_is_healed() {
    for size in [3, LARGE] {
        let block = Block::sized(size, 2);
        let mut late = block.data.to_vec();
        *late.last_mut().unwrap() ^= 1;
        let mut longer = block.data.to_vec();
        longer.push(0);
        for stored_instead in [&b""[..], &block.data[..size - 1], &late, &longer] {
            let volume = Arc::new(memory());
            damage(&*volume, block.hash, stored_instead, OLD).await;
            let node = TestNode::on([volume.clone() as Arc<dyn Volume>]).await;
            assert_eq!(put(&node, &block).await, StatusCode::OK);
            assert_eq!(content(&*volume, block.hash).await, block.data);
            assert_eq!(stored(&*volume, block.hash).await.unwrap().mtime, NOW);
        }
    }
}

/// Somebody was told that the block stays until one TTL after the mtime that it had.
#[tokio::test]
async fn a_clock_that_was_set_back_makes_no_mtime_earlier() {
    let later = NOW.after(Duration::from_secs(3600));
    for size in [3, LARGE] {
        let block = Block::sized(size, 5);
        let volume = Arc::new(memory());
        let node = TestNode::on([volume.clone() as Arc<dyn Volume>]).await;
        let mtime = async || stored(&*volume, block.hash).await.unwrap().mtime;
        block.store(&*volume, later).await.unwrap();
        assert_eq!(put(&node, &block).await, StatusCode::OK);
        assert_eq!(mtime().await, later, "it was there");
        let touched = node.admin("TOUCH", &block.hash.to_string()).send().await.unwrap();
        assert_eq!((touched.status(), mtime().await), (StatusCode::OK, later));
        damage(&*volume, block.hash, b"damaged", later).await;
        assert_eq!(put(&node, &block).await, StatusCode::OK);
        assert_eq!(content(&*volume, block.hash).await, block.data);
        assert_eq!(mtime().await, later, "it was damaged");
    }
}

#[tokio::test]
async fn wrong_data_heals_nothing() {
    let block = Block::sized(LARGE, 3);
    let mut wrong = block.data.to_vec();
    wrong[LARGE - 1] ^= 1;
    let volume = Arc::new(memory());
    damage(&*volume, block.hash, b"damaged", OLD).await;
    let node = TestNode::on([volume.clone() as Arc<dyn Volume>]).await;
    let answer = node.user("PUT", &block.hash.to_string()).body(wrong).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert_eq!(content(&*volume, block.hash).await, b"damaged");
    assert_eq!(stored(&*volume, block.hash).await.unwrap().mtime, OLD);
}

/// Two blocks with one MD5 (Wang and Yu, 2004).
const COLLISION: [&str; 2] = [
    "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f89\
     55ad340609f4b30283e488832571415a085125e8f7cdc99fd91dbdf280373c5b\
     d8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0\
     e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70",
    "d131dd02c5e6eec4693d9a0698aff95c2fcab50712467eab4004583eb8fb7f89\
     55ad340609f4b30283e4888325f1415a085125e8f7cdc99fd91dbd7280373c5b\
     d8823e3156348f5bae6dacd436c919c6dd53e23487da03fd02396306d248cda0\
     e99f33420f577ee8ce54b67080280d1ec69821bcb6a8839396f965ab6ff72a70",
];

fn colliding() -> [Block; 2] {
    let bytes = |hex: &str| -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    };
    COLLISION.map(|hex| Block::of(bytes(hex)))
}

#[tokio::test]
async fn a_true_collision_is_refused_and_changes_nothing() {
    let [first, second] = colliding();
    assert_eq!(first.hash, second.hash);
    assert_ne!(first.data, second.data);
    let volume = Arc::new(memory());
    first.store(&*volume, OLD).await.unwrap();
    let node = TestNode::on([volume.clone() as Arc<dyn Volume>]).await;
    let answer =
        node.user("PUT", &second.hash.to_string()).body(second.data.clone()).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.text().await.unwrap(), "hash collision\n");
    assert_eq!(content(&*volume, first.hash).await, first.data);
    assert_eq!(stored(&*volume, first.hash).await.unwrap().mtime, OLD);
}

#[tokio::test]
async fn a_long_true_collision_is_refused_too() {
    // MD5 works in blocks of 64 bytes: the same tail keeps a collision.
    let [first, second] = colliding().map(|block| {
        let tail = Block::sized(LARGE, 9).data;
        Block::of([&block.data[..], &tail[..]].concat())
    });
    assert_eq!(first.hash, second.hash);
    let volume = Arc::new(memory());
    first.store(&*volume, OLD).await.unwrap();
    let node = TestNode::on([volume.clone() as Arc<dyn Volume>]).await;
    assert_eq!(put(&node, &second).await, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(content(&*volume, first.hash).await, first.data);
}

/// The first mount fails in `call`; the block must arrive on the second, whole.
async fn check_other_mount_takes_over(call: Call, nth: u64, fault: Fault, size: usize) {
    let failing = Arc::new(FailNth::from_then_on(memory(), call, nth, fault));
    let other = Arc::new(memory());
    let block = Block::sized(size, 5);
    let node = TestNode::on([failing.clone() as Arc<dyn Volume>, other.clone()]).await;
    assert_eq!(put(&node, &block).await, StatusCode::OK, "{call:?} {nth} {fault:?} {size}");
    assert_eq!(content(&*other, block.hash).await, block.data);
    assert_eq!(stored(failing.inner(), block.hash).await, None);
}

#[tokio::test]
async fn another_mount_takes_over_at_every_step() {
    for size in [3, LARGE] {
        for fault in [Fault::Io, Fault::NoSpace] {
            check_other_mount_takes_over(Call::Create, 1, fault, size).await;
            check_other_mount_takes_over(Call::Write, 1, fault, size).await;
            check_other_mount_takes_over(Call::Commit, 1, fault, size).await;
        }
    }
    for nth in [2, 3, 7, 20] {
        check_other_mount_takes_over(Call::Write, nth, Fault::NoSpace, LARGE).await;
    }
}

#[tokio::test]
async fn full_everywhere_and_broken_somewhere_are_told_apart() {
    let block = Block::of("foo");
    let full = || Arc::new(Memory::with_capacity("full".parse().unwrap(), 0)) as Arc<dyn Volume>;
    let broken = Arc::new(FailNth::from_then_on(memory(), Call::Create, 1, Fault::Io));
    let node = TestNode::on([full(), full()]).await;
    assert_eq!(put(&node, &block).await, StatusCode::INSUFFICIENT_STORAGE);
    let node = TestNode::on([full(), broken]).await;
    assert_eq!(put(&node, &block).await, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_full_node_still_takes_what_it_has() {
    let volume = Arc::new(FailNth::from_then_on(memory(), Call::Create, 2, Fault::NoSpace));
    let block = Block::sized(LARGE, 6);
    block.store(&*volume, OLD).await.unwrap();
    let node = TestNode::on([volume as Arc<dyn Volume>]).await;
    assert_eq!(put(&node, &block).await, StatusCode::OK);
}

#[tokio::test]
async fn too_large_is_refused_before_and_while_it_comes() {
    let node = TestNode::on([Arc::new(memory()) as Arc<dyn Volume>]).await;
    let hash = Block::of("foo").hash.to_string();
    for excess in [1, 2] {
        let data = vec![0; (64 << 20) + excess];
        let declared = node.user("PUT", &hash).body(data.clone()).send().await.unwrap();
        assert_eq!(declared.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let pieces = data
            .chunks(1 << 20)
            .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()))
            .collect::<Vec<_>>();
        let chunked = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
        let answer = node.user("PUT", &hash).body(chunked).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}

#[tokio::test]
async fn writing_needs_a_token_unless_the_configuration_says_otherwise() {
    use donjon_node::config::WriteAuth;
    let block = Block::of("foo");
    let node = TestNode::on([Arc::new(memory()) as Arc<dyn Volume>]).await;
    let put = |node: &TestNode| node.request("PUT", &block.hash.to_string()).body("foo").send();
    assert_eq!(put(&node).await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let change =
        |config: &mut donjon_node::config::Config| config.write_auth = WriteAuth::AllowAnonymous;
    let node = TestNode::with([Arc::new(memory()) as Arc<dyn Volume>], change).await;
    let answer = put(&node).await.unwrap();
    assert_eq!(answer.text().await.unwrap(), format!("{}+3\n", block.hash));
}

/// A replica that a trash list takes while the same block is being put again: the put must not fail, and the block must
/// be there.
#[tokio::test]
async fn a_replica_that_is_trashed_under_an_upload_is_no_loss() {
    use keep_rules::trash::Fate;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let volume = Arc::new(memory());
    let block = Block::sized(LARGE, 8);
    block.store(&*volume, OLD).await.unwrap();
    let node = TestNode::on([volume.clone() as Arc<dyn Volume>]).await;
    let mut stream = tokio::net::TcpStream::connect(node.address).await.unwrap();
    let head = format!(
        "PUT /{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer t\r\nContent-Length: {LARGE}\r\n\r\n",
        block.hash
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&block.data[..LARGE / 2]).await.unwrap();
    // The comparison has begun once the volume has been read.
    crate::harness::eventually(async || {
        (volume.stats().bytes(keep_volume::Direction::In) > 600_000).then_some(())
    })
    .await;
    let until = Fate::Until(NOW.after(std::time::Duration::from_secs(3600)));
    volume.trash(block.hash, OLD, until).await.unwrap();
    stream.write_all(&block.data[LARGE / 2..]).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(content(&*volume, block.hash).await, block.data);
    assert_eq!(stored(&*volume, block.hash).await.unwrap().mtime, NOW);
}
