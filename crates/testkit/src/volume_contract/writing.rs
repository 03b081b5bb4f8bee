//! Promises about storing blocks.

use bytes::Bytes;
use keep_rules::{BLOCK_SIZE_MAX, BlockHash, Timestamp};
use keep_volume::{Direction, Error, Operation, Replica, Volume};

use super::{T0, T1, assert_absent, list};
use crate::blocks::{Block, drain, fetch};

/// What was committed is read back, byte for byte, whatever its size and the pieces it came in.
pub async fn a_committed_block_can_be_read(volume: &dyn Volume) {
    for (size, piece) in
        [(1, 1), (3, 2), (4096, 4096), (262_144, 65_536), (262_145, 100_000), (3_000_000, 65_537)]
    {
        let block = Block::sized(size, 1);
        let mut writer = volume.create(block.hash).await.expect("a writer");
        for start in (0..size).step_by(piece) {
            let end = size.min(start + piece);
            writer.write(block.data.slice(start..end)).await.expect("a piece is written");
        }
        writer.commit(T0).await.expect("a block is committed");
        let read = fetch(volume, block.hash).await.expect("a block is read");
        assert!(read == block.data, "{size} bytes in pieces of {piece} came back different");
        let replica = volume.stat(block.hash).await.expect("a block is looked at");
        assert_eq!(replica, Replica { size: block.size(), mtime: T0 });
    }
}

/// The empty block must really be stored to be found (spec section 1).
pub async fn the_empty_block_is_stored_like_any_other(volume: &dyn Volume) {
    assert_absent(volume.stat(BlockHash::EMPTY).await);
    let mut writer = volume.create(BlockHash::EMPTY).await.expect("a writer");
    writer.commit(T0).await.expect("an empty block is committed");
    assert_eq!(fetch(volume, BlockHash::EMPTY).await.expect("it is read"), b"");
    assert_eq!(volume.stat(BlockHash::EMPTY).await.expect("it is there").size, 0);
    assert_eq!(list(volume, "").await.len(), 1);
}

/// 64 MiB pass.
pub async fn the_largest_block_streams_in_and_out(volume: &dyn Volume) {
    let piece = Bytes::from(vec![b'x'; 1 << 20]);
    let mut writer = volume.create(BlockHash::EMPTY).await.expect("a writer");
    for _piece in 0..64 {
        writer.write(piece.clone()).await.expect("a piece is written");
    }
    writer.commit(T0).await.expect("the largest block is committed");
    let mut reader = volume.open(BlockHash::EMPTY).await.expect("it is opened");
    assert_eq!(reader.replica(), Replica { size: BLOCK_SIZE_MAX, mtime: T0 });
    let mut buffer = Vec::with_capacity(1 << 20);
    let mut read = 0;
    loop {
        buffer = reader.read(buffer).await.expect("it is read");
        if buffer.is_empty() {
            break;
        }
        read += buffer.len() as u64;
        assert!(buffer.iter().all(|byte| *byte == b'x'));
    }
    assert_eq!(read, BLOCK_SIZE_MAX);
}

/// A byte more than 64 MiB does not.
pub async fn a_block_longer_than_the_largest_is_refused(volume: &dyn Volume) {
    let mut writer = volume.create(BlockHash::EMPTY).await.expect("a writer");
    for _piece in 0..16 {
        writer.write(Bytes::from_static(&[0; 4 << 20])).await.expect("a piece is written");
    }
    let refused = writer.write(Bytes::from_static(b"x")).await;
    assert!(matches!(refused, Err(Error::TooLarge { .. })), "{refused:?}");
    drop(writer);
    assert_absent(volume.stat(BlockHash::EMPTY).await);
}

/// Nothing can be seen of a block before its commit.
pub async fn an_uncommitted_block_is_absent(volume: &dyn Volume) {
    let block = Block::sized(1_000_000, 2);
    let mut writer = volume.create(block.hash).await.expect("a writer");
    writer.write(block.data.slice(..600_000)).await.expect("a piece is written");
    assert_absent(volume.open(block.hash).await);
    writer.write(block.data.slice(600_000..)).await.expect("a piece is written");
    assert_absent(volume.stat(block.hash).await);
    writer.commit(T0).await.expect("a block is committed");
    assert_eq!(fetch(volume, block.hash).await.expect("it is read"), block.data);
}

/// A writer that is dropped has no effect, neither on an absent block nor on one that is there.
pub async fn a_dropped_writer_leaves_nothing_behind(volume: &dyn Volume) {
    let (block, other) = (Block::of("foo"), Block::sized(1_000_000, 3));
    block.store(volume, T0).await.expect("a block is stored");
    for hash in [block.hash, other.hash] {
        let mut writer = volume.create(hash).await.expect("a writer");
        writer.write(other.data.clone()).await.expect("a piece is written");
        writer.write(other.data.clone()).await.expect("a piece is written");
        drop(writer);
    }
    assert_absent(volume.stat(other.hash).await);
    assert_eq!(fetch(volume, block.hash).await.expect("it is read"), b"foo".as_slice());
    assert_eq!(volume.stat(block.hash).await.expect("it is there").mtime, T0);
    assert_eq!(list(volume, "").await.len(), 1);
}

/// The mtime is the one that was given, exactly: trash compares it to the nanosecond (spec section 5.2).
pub async fn a_commit_sets_the_mtime_to_the_nanosecond(volume: &dyn Volume) {
    let block = Block::of("foo");
    for nanos in [1, 999_999_999, 1_700_000_000_000_000_001, 1_700_000_000_123_456_789] {
        let mtime = Timestamp::from_nanos(nanos);
        block.store(volume, mtime).await.expect("a block is stored");
        assert_eq!(volume.stat(block.hash).await.expect("it is there").mtime, mtime);
        assert_eq!(volume.open(block.hash).await.expect("it opens").replica().mtime, mtime);
    }
}

/// The later copy is the one that stays, whatever was there: a damaged copy is healed by this.
pub async fn a_commit_replaces_the_copy_that_was_there(volume: &dyn Volume) {
    let block = Block::of("foo");
    let damaged = Block { hash: block.hash, data: Bytes::from_static(b"damaged") };
    damaged.store(volume, T1).await.expect("a copy is stored");
    block.store(volume, T0).await.expect("another copy is stored");
    assert_eq!(fetch(volume, block.hash).await.expect("it is read"), block.data);
    assert_eq!(volume.stat(block.hash).await.expect("it is there").mtime, T0);
    assert_eq!(list(volume, "").await.len(), 1);
}

/// What was written is read back from the writer, at any size, and writing goes on afterwards.
pub async fn a_writer_reads_back_what_was_written(volume: &dyn Volume) {
    for size in [0, 10, 300_000, 2_000_000] {
        let block = Block::sized(size, 4);
        let mut writer = volume.create(block.hash).await.expect("a writer");
        let mut rest = block.data.clone();
        while !rest.is_empty() {
            let piece = rest.split_to(rest.len().min(70_000));
            writer.write(piece).await.expect("a piece is written");
        }
        let mut reader = writer.read_back().await.expect("it is opened");
        assert_eq!(reader.replica().size, block.size());
        assert!(drain(reader.as_mut()).await.expect("it is read") == block.data, "{size}");
        writer.commit(T0).await.expect("a block is committed");
        assert!(fetch(volume, block.hash).await.expect("it is read") == block.data, "{size}");
    }
}

/// A writer stores one block. To commit it twice is a mistake of the program.
pub async fn a_second_commit_panics(volume: &dyn Volume) {
    let mut writer = volume.create(BlockHash::EMPTY).await.expect("a writer");
    writer.commit(T0).await.expect("a block is committed");
    let second = tokio::spawn(async move { writer.commit(T1).await.is_ok() }).await;
    assert!(second.is_err_and(|error| error.is_panic()));
    assert_eq!(volume.stat(BlockHash::EMPTY).await.expect("it is there").mtime, T0);
}

/// The counts that metrics show grow with use.
pub async fn calls_and_bytes_are_counted(volume: &dyn Volume) {
    let block = Block::of("foo");
    block.store(volume, T0).await.expect("a block is stored");
    assert_eq!(volume.stats().bytes(Direction::Out), 3);
    fetch(volume, block.hash).await.expect("it is read");
    assert_eq!(volume.stats().bytes(Direction::In), 3);
    let renamed = volume.stats().operations(Operation::Rename);
    block.store(volume, T1).await.expect("a block is stored");
    assert_eq!(volume.stats().operations(Operation::Rename), renamed + 1);
    assert!(volume.stats().errors().is_empty());
}
