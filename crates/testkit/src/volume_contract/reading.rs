//! Promises about reading, and about touching.

use keep_rules::trash::Fate;
use keep_volume::{TryWrite, Volume};

use super::{LATER, T0, T1, T2, assert_absent};
use crate::blocks::{Block, drain, fetch};

/// Whatever is done to an absent block, the answer is that it is not found.
pub async fn an_absent_block_is_not_found(volume: &dyn Volume) {
    let (absent, present) = (Block::of("foo"), Block::of("bar"));
    present.store(volume, T0).await.expect("another block is stored");
    assert_absent(volume.stat(absent.hash).await);
    assert_absent(volume.open(absent.hash).await);
    assert_absent(volume.touch(absent.hash, T0).await);
    assert_absent(volume.trash(absent.hash, T0, Fate::Until(LATER)).await);
    assert_absent(volume.trash(absent.hash, T0, Fate::Delete).await);
    assert_absent(volume.untrash(absent.hash, T0).await);
    // A live block that is not in the trash cannot be untrashed either.
    assert_absent(volume.untrash(present.hash, T1).await);
    assert_eq!(volume.stat(present.hash).await.expect("it is there").mtime, T0);
}

/// A buffer comes back with the next bytes as its whole content, never with more capacity used than it had.
pub async fn a_reader_fills_the_buffer_that_it_is_given(volume: &dyn Volume) {
    let block = Block::sized(300_000, 5);
    block.store(volume, T0).await.expect("a block is stored");
    let mut reader = volume.open(block.hash).await.expect("it opens");
    let unusable = reader.read(Vec::new()).await.expect("a buffer without capacity is given back");
    assert!(unusable.is_empty());
    let mut read = Vec::new();
    for capacity in [1, 7, 4096, 262_144, 5].into_iter().cycle() {
        let mut buffer = Vec::with_capacity(capacity);
        buffer.push(b'?');
        let capacity = buffer.capacity();
        let buffer = reader.read(buffer).await.expect("it is read");
        assert!(buffer.len() <= capacity, "{} > {capacity}", buffer.len());
        assert_eq!(buffer.capacity(), capacity);
        if buffer.is_empty() {
            break;
        }
        read.extend_from_slice(&buffer);
    }
    assert!(read == block.data);
    assert!(reader.read(Vec::with_capacity(5)).await.expect("the end stays the end").is_empty());
}

/// Whoever opened a copy reads that copy to its end, though it be replaced, trashed or deleted meanwhile.
pub async fn an_open_reader_sees_the_copy_that_was_there(volume: &dyn Volume) {
    let old = Block::sized(700_000, 6);
    let new = Block { hash: old.hash, data: Block::sized(800_000, 7).data };
    for fate in [Fate::Until(LATER), Fate::Delete] {
        old.store(volume, T0).await.expect("a copy is stored");
        let mut replaced = volume.open(old.hash).await.expect("it opens");
        new.store(volume, T1).await.expect("another copy is stored");
        let mut trashed = volume.open(old.hash).await.expect("it opens");
        volume.trash(old.hash, T1, fate).await.expect("it is trashed");
        assert!(drain(replaced.as_mut()).await.expect("it is read") == old.data);
        assert!(drain(trashed.as_mut()).await.expect("it is read") == new.data);
    }
}

/// A touch gives the mtime that it was told, later or earlier, and changes nothing else.
pub async fn a_touch_sets_the_mtime(volume: &dyn Volume) {
    let block = Block::of("foo");
    block.store(volume, T1).await.expect("a block is stored");
    for now in [T2, T0] {
        volume.touch(block.hash, now).await.expect("it is touched");
        let replica = volume.stat(block.hash).await.expect("it is there");
        assert_eq!((replica.mtime, replica.size), (now, 3));
    }
    assert_eq!(fetch(volume, block.hash).await.expect("it is read"), block.data);
}

/// A volume that works says so.
pub async fn a_healthy_volume_passes_its_check(volume: &dyn Volume) {
    for write in [TryWrite::No, TryWrite::Yes] {
        volume.check(write).await.expect("a healthy volume passes");
    }
    assert!(!volume.is_full().await);
    assert!(super::list(volume, "").await.is_empty(), "a check leaves nothing behind");
}
