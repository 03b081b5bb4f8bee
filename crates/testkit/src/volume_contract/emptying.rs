//! Promises about emptying the trash.

use keep_rules::Timestamp;
use keep_rules::trash::Fate;
use keep_volume::{Emptied, EmptiedCopy, Halt, Round, Volume};

use super::{LATER, T0, T1, T2, nanos_after};
use crate::blocks::{Block, fetch};
use crate::emptying::{Reports, empty};

/// Trashes `count` blocks that are due by [`LATER`], and gives them sorted by hash.
async fn trash_some(volume: &dyn Volume, count: u32) -> Vec<EmptiedCopy> {
    let mut expected = Vec::new();
    for number in 0..count {
        let block = Block::of(format!("block {number}"));
        let mtime = if number % 2 == 0 { T0 } else { T1 };
        let deadline = Timestamp::from_seconds(1_750_000_000 + i64::from(number));
        block.store(volume, mtime).await.expect("a block is stored");
        volume.trash(block.hash, mtime, Fate::Until(deadline)).await.expect("it is trashed");
        expected.push(EmptiedCopy { hash: block.hash, size: block.size(), mtime, deadline });
    }
    expected.sort_by_key(|copy| copy.hash);
    expected
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
    let early = empty(volume, at(-1), 3).await.expect("the trash is emptied");
    assert_eq!((early.deleted, early.kept, early.failed), (10, 30, 0));
    let now = empty(volume, at(0), 1).await.expect("the trash is emptied");
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
    let emptied = empty(volume, LATER, 4).await.expect("the trash is emptied");
    assert_eq!(emptied, Emptied::default());
    for block in [live, untrashed] {
        assert_eq!(fetch(volume, block.hash).await.expect("it is read"), block.data);
    }
}

/// Each copy that was deleted is reported, once, with what it was; what stays is not.
pub async fn each_emptied_copy_is_reported(volume: &dyn Volume) {
    for workers in [1, 3] {
        let expected = trash_some(volume, 40).await;
        let kept = Block::of("kept");
        kept.store(volume, T0).await.expect("a block is stored");
        let until = Fate::Until(nanos_after(LATER, 1));
        volume.trash(kept.hash, T0, until).await.expect("it is trashed");
        let reports = Reports::default();
        let emptied = volume.empty_trash(LATER, reports.order(workers)).await;
        let Ok(Round::Complete(emptied)) = emptied else { panic!("{emptied:?}") };
        assert_eq!((emptied.deleted, emptied.kept, emptied.failed), (40, 1, 0));
        assert_eq!(emptied.deleted_bytes, expected.iter().map(|copy| copy.size).sum::<u64>());
        assert_eq!(reports.sorted(), expected);
        volume.untrash(kept.hash, T1).await.expect("it comes back");
        volume.trash(kept.hash, T1, Fate::Delete).await.expect("it is deleted");
    }
}

/// When the halt is stopped each worker finishes at most the copy that it has begun; the rest stays, and a later round
/// goes on with it.
pub async fn emptying_stops_when_it_is_halted(volume: &dyn Volume) {
    for workers in [1, 3] {
        let expected = trash_some(volume, 40).await;
        let reports = Reports::default();
        let halted = volume.empty_trash(LATER, reports.order_halted_after(5, workers)).await;
        let Ok(Round::Halted(first)) = halted else { panic!("{halted:?}") };
        let begun = 5..5 + workers as u64;
        assert!(begun.contains(&first.deleted), "{workers} workers: {first:?}");
        assert_eq!(reports.sorted().len() as u64, first.deleted);
        let rest = volume.empty_trash(LATER, reports.order(workers)).await;
        let Ok(Round::Complete(rest)) = rest else { panic!("{rest:?}") };
        assert_eq!(first.deleted + rest.deleted, 40);
        assert_eq!(reports.sorted(), expected);
    }
}

/// An order that is halted before it begins deletes nothing, by whichever way it is halted.
pub async fn emptying_deletes_nothing_once_it_is_halted(volume: &dyn Volume) {
    let expected = trash_some(volume, 10).await;
    let stopped = Halt::default();
    stopped.stop();
    let reports = Reports::default();
    for halt in [stopped, Halt::when(|| true)] {
        let order = keep_volume::EmptyOrder { halt, ..reports.order(2) };
        let halted = volume.empty_trash(LATER, order).await.expect("the trash is read");
        assert_eq!(halted, Round::Halted(Emptied::default()));
    }
    assert_eq!(reports.sorted(), []);
    assert_eq!(empty(volume, T0, 1).await.expect("the trash is read").kept, expected.len() as u64);
}
