//! Promises about trash, untrash and emptying.

use bytes::Bytes;
use keep_rules::Timestamp;
use keep_rules::trash::Fate;
use keep_volume::{Emptied, Error, Untrashed, Volume};

use super::{LATER, T0, T1, T2, assert_absent, list};
use crate::blocks::{Block, fetch};

fn nanos_after(time: Timestamp, nanos: i64) -> Timestamp {
    Timestamp::from_nanos(time.as_nanos() + nanos)
}

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
    let emptied = volume.empty_trash(LATER, 1).await.expect("the trash is emptied");
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
    let left = volume.empty_trash(Timestamp::from_seconds(6_000_000_000), 1).await;
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
    assert_eq!(volume.empty_trash(LATER, 1).await.expect("the trash is emptied").deleted, 1);
}

/// A second copy that is trashed with the same deadline does not overwrite the first, as in the Go program.
pub async fn two_copies_with_one_deadline_both_stay(volume: &dyn Volume) {
    let block = Block::of("foo");
    for _copy in 0..2 {
        block.store(volume, T0).await.expect("a copy is stored");
        volume.trash(block.hash, T0, Fate::Until(LATER)).await.expect("it is trashed");
    }
    let kept = volume.empty_trash(T2, 1).await.expect("the trash is read");
    assert_eq!((kept.kept, kept.kept_bytes, kept.deleted), (2, 6, 0));
}

/// What is due goes, what is not due stays, and both are counted, however many work at it.
pub async fn emptying_deletes_what_is_past_its_deadline(volume: &dyn Volume) {
    let deadline = |seconds| Fate::Until(Timestamp::from_seconds(2_000_000_000 + seconds));
    let mut bytes = 0;
    for number in 0..40_u32 {
        let block = Block::of(format!("block {number}"));
        block.store(volume, T0).await.expect("a block is stored");
        let seconds = i64::from(number % 4);
        volume.trash(block.hash, T0, deadline(seconds)).await.expect("it is trashed");
        bytes += block.size();
    }
    let at = |nanos| nanos_after(Timestamp::from_seconds(2_000_000_001), nanos);
    let early = volume.empty_trash(at(-1), 3).await.expect("the trash is emptied");
    assert_eq!((early.deleted, early.kept, early.failed), (10, 30, 0));
    let now = volume.empty_trash(at(0), 1).await.expect("the trash is emptied");
    assert_eq!((now.deleted, now.kept, now.failed), (10, 20, 0));
    assert_eq!(early.deleted_bytes + now.deleted_bytes + now.kept_bytes, bytes);
    for (number, there) in [(0, false), (1, false), (2, true), (3, true)] {
        let hash = Block::of(format!("block {number}")).hash;
        assert_eq!(volume.untrash(hash, T2).await.is_ok(), there, "{number}");
    }
}

/// Emptying has no business with live blocks, nor with those that were untrashed.
pub async fn emptying_leaves_live_copies_alone(volume: &dyn Volume) {
    let (live, untrashed) = (Block::of("foo"), Block::of("bar"));
    live.store(volume, T0).await.expect("a block is stored");
    untrashed.store(volume, T0).await.expect("a block is stored");
    volume.trash(untrashed.hash, T0, Fate::Until(T1)).await.expect("it is trashed");
    volume.untrash(untrashed.hash, T1).await.expect("it comes back");
    let emptied = volume.empty_trash(LATER, 4).await.expect("the trash is emptied");
    assert_eq!(emptied, Emptied::default());
    for block in [live, untrashed] {
        assert_eq!(fetch(volume, block.hash).await.expect("it is read"), block.data);
    }
}
