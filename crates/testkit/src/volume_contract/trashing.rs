//! Promises about trash and untrash.

use bytes::Bytes;
use keep_rules::Timestamp;
use keep_rules::trash::Fate;
use keep_volume::{Emptied, Error, TrashedCopy, Untrashed, Volume};

use super::{LATER, T0, T1, T2, assert_absent, list, nanos_after};
use crate::blocks::{Block, fetch};
use crate::emptying::empty;

async fn is_refused(volume: &dyn Volume, block: &Block, decided_on: Timestamp, stored: Timestamp) {
    for fate in [Fate::Until(LATER), Fate::Delete] {
        match volume.trash(block.hash, decided_on, fate).await {
            Err(Error::Changed { found }) => assert_eq!(found, stored),
            other => panic!("expected a refusal, got {other:?}"),
        }
        assert_eq!(fetch(volume, block.hash).await.expect("it is read"), block.data);
        assert_eq!(volume.stat(block.hash).await.expect("it is there").mtime, stored);
    }
}

/// A replica whose mtime differs from the one that was decided on stays, were it by a nanosecond (spec section 5.2).
pub async fn trash_takes_only_the_copy_that_was_decided_on(volume: &dyn Volume) {
    let block = Block::of("foo");
    block.store(volume, T1).await.expect("a block is stored");
    let whole_second = Timestamp::from_seconds(T1.as_seconds());
    for other in [nanos_after(T1, 1), nanos_after(T1, -1), whole_second, Timestamp::EPOCH] {
        is_refused(volume, &block, other, T1).await;
    }
    volume.trash(block.hash, T1, Fate::Until(LATER)).await.expect("it is trashed");
    assert_absent(volume.stat(block.hash).await);
}

/// A touch after the decision saves the replica (spec section 5.5).
pub async fn a_touched_block_is_not_trashed(volume: &dyn Volume) {
    let block = Block::of("foo");
    block.store(volume, T0).await.expect("a block is stored");
    volume.touch(block.hash, T1).await.expect("it is touched");
    is_refused(volume, &block, T0, T1).await;
    block.store(volume, T2).await.expect("it is written again");
    is_refused(volume, &block, T1, T2).await;
}

/// Trashed blocks cannot be found by anything but untrash, and a new copy may be stored beside them.
pub async fn a_trashed_block_is_absent(volume: &dyn Volume) {
    let block = Block::of("foo");
    block.store(volume, T0).await.expect("a block is stored");
    volume.trash(block.hash, T0, Fate::Until(LATER)).await.expect("it is trashed");
    assert_absent(volume.stat(block.hash).await);
    assert_absent(volume.open(block.hash).await);
    assert_absent(volume.touch(block.hash, T1).await);
    assert_absent(volume.trash(block.hash, T0, Fate::Until(LATER)).await);
    assert!(list(volume, "").await.is_empty());
    block.store(volume, T2).await.expect("it is stored again");
    assert_eq!(volume.stat(block.hash).await.expect("it is there").mtime, T2);
}

/// A trash lifetime of zero means to delete at once (spec section 5.4).
pub async fn a_deleted_block_cannot_be_brought_back(volume: &dyn Volume) {
    let block = Block::of("foo");
    block.store(volume, T0).await.expect("a block is stored");
    volume.trash(block.hash, T0, Fate::Delete).await.expect("it is deleted");
    assert_absent(volume.stat(block.hash).await);
    assert_absent(volume.untrash(block.hash, T1).await);
    let emptied = empty(volume, LATER, 1).await.expect("the trash is emptied");
    assert_eq!(emptied, Emptied::default(), "nothing was left in the trash");
}

/// Of several trashed copies the one with the latest deadline comes back, and the others stay in the trash.
pub async fn untrash_brings_back_the_latest_copy(volume: &dyn Volume) {
    let hash = Block::of("foo").hash;
    // The texts of these deadlines do not sort as their values do.
    let deadlines = [999_999_999, 5_000_000_000, 1_800_000_000];
    for deadline in deadlines {
        let copy = Block { hash, data: Bytes::from(format!("copy {deadline}")) };
        copy.store(volume, T0).await.expect("a copy is stored");
        let until = Fate::Until(Timestamp::from_seconds(deadline));
        volume.trash(hash, T0, until).await.expect("it is trashed");
    }
    assert_eq!(volume.untrash(hash, T1).await.expect("it comes back"), Untrashed::Restored);
    assert_eq!(fetch(volume, hash).await.expect("it is read"), b"copy 5000000000");
    let left = empty(volume, Timestamp::from_seconds(6_000_000_000), 1).await;
    assert_eq!(left.expect("the trash is emptied").deleted, 2);
}

/// What was untrashed is young: the next trash list does not take it away again (spec section 11, 12).
pub async fn untrash_renews_the_mtime(volume: &dyn Volume) {
    let block = Block::of("foo");
    block.store(volume, T0).await.expect("a block is stored");
    volume.trash(block.hash, T0, Fate::Until(LATER)).await.expect("it is trashed");
    assert_eq!(volume.untrash(block.hash, T2).await.expect("it comes back"), Untrashed::Restored);
    assert_eq!(volume.stat(block.hash).await.expect("it is there").mtime, T2);
    is_refused(volume, &block, T0, T2).await;
    assert_absent(volume.untrash(block.hash, T2).await);
}

/// A live copy stays, and is touched; the trashed one stays in the trash (spec section 11, 12).
pub async fn untrash_never_overwrites_a_live_copy(volume: &dyn Volume) {
    let block = Block::of("foo");
    let old = Block { hash: block.hash, data: Bytes::from_static(b"the old copy") };
    old.store(volume, T0).await.expect("a copy is stored");
    volume.trash(block.hash, T0, Fate::Until(LATER)).await.expect("it is trashed");
    block.store(volume, T1).await.expect("a new copy is stored");
    for _twice in 0..2 {
        let untrashed = volume.untrash(block.hash, T2).await.expect("a copy is in the trash");
        assert_eq!(untrashed, Untrashed::AlreadyLive);
        assert_eq!(fetch(volume, block.hash).await.expect("it is read"), block.data);
        assert_eq!(volume.stat(block.hash).await.expect("it is there").mtime, T2);
    }
    assert_eq!(empty(volume, LATER, 1).await.expect("the trash is emptied").deleted, 1);
}

/// A second copy that is trashed with the same deadline does not overwrite the first, as in the Go program.
pub async fn two_copies_with_one_deadline_both_stay(volume: &dyn Volume) {
    let block = Block::of("foo");
    for _copy in 0..2 {
        block.store(volume, T0).await.expect("a copy is stored");
        volume.trash(block.hash, T0, Fate::Until(LATER)).await.expect("it is trashed");
    }
    let kept = empty(volume, T2, 1).await.expect("the trash is read");
    assert_eq!((kept.kept, kept.kept_bytes, kept.deleted), (2, 6, 0));
}

/// Every trashed copy of a block is shown, with the one that an untrash would bring back first; other blocks and the
/// live copy are not.
pub async fn the_trashed_copies_of_a_block_are_shown(volume: &dyn Volume) {
    let (block, other) = (Block::of("foo"), Block::of("bar"));
    other.store(volume, T0).await.expect("a block is stored");
    volume.trash(other.hash, T0, Fate::Until(LATER)).await.expect("it is trashed");
    let mut expected = Vec::new();
    // The texts of these deadlines do not sort as their values do.
    for (mtime, seconds) in [(T0, 999_999_999), (T1, 5_000_000_000), (T2, 1_800_000_000)] {
        let data = Bytes::from(format!("copy {seconds}"));
        let copy = Block { hash: block.hash, data };
        copy.store(volume, mtime).await.expect("a copy is stored");
        let deadline = Timestamp::from_seconds(seconds);
        volume.trash(block.hash, mtime, Fate::Until(deadline)).await.expect("it is trashed");
        expected.push(TrashedCopy { size: copy.size(), mtime, deadline });
    }
    block.store(volume, T2).await.expect("a live copy is stored");
    expected.sort_by_key(|copy| std::cmp::Reverse(copy.deadline));
    assert_eq!(volume.trashed(block.hash).await.expect("the trash is read"), expected);
    volume.trash(block.hash, T2, Fate::Delete).await.expect("it is deleted");
    volume.untrash(block.hash, T2).await.expect("the first one comes back");
    assert_eq!(volume.trashed(block.hash).await.expect("the trash is read"), expected[1..]);
}

/// A block without a trashed copy is no error, were it live, deleted or never there.
pub async fn a_block_without_trashed_copies_is_no_error(volume: &dyn Volume) {
    let block = Block::of("foo");
    assert_eq!(volume.trashed(block.hash).await.expect("the trash is read"), []);
    block.store(volume, T0).await.expect("a block is stored");
    assert_eq!(volume.trashed(block.hash).await.expect("the trash is read"), []);
    volume.trash(block.hash, T0, Fate::Until(T1)).await.expect("it is trashed");
    assert_eq!(volume.trashed(block.hash).await.expect("the trash is read").len(), 1);
    empty(volume, LATER, 1).await.expect("the trash is emptied");
    assert_eq!(volume.trashed(block.hash).await.expect("the trash is read"), []);
    block.store(volume, T0).await.expect("it is stored again");
    volume.trash(block.hash, T0, Fate::Delete).await.expect("it is deleted");
    assert_eq!(volume.trashed(block.hash).await.expect("the trash is read"), []);
}
