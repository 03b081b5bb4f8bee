//! Promises about calls at the same time.

use bytes::Bytes;
use keep_rules::Timestamp;
use keep_rules::trash::Fate;
use keep_volume::{Error, Round, Untrashed, Volume};

use super::{LATER, T0, T1, T2, assert_absent};
use crate::blocks::{Block, fetch};
use crate::emptying::{Reports, empty};

/// Rounds of a race. On two cores a few dozen show both outcomes.
const ROUNDS: u32 = 50;

/// Runs all futures at once on this task and returns what each gave.
async fn at_once<T>(futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut running: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, outcome) in &mut running {
            if outcome.is_none()
                && let std::task::Poll::Ready(done) = future.as_mut().poll(context)
            {
                *outcome = Some(done);
            }
        }
        let ended = running.iter().all(|(_future, outcome)| outcome.is_some());
        if ended { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    running.into_iter().filter_map(|(_future, outcome)| outcome).collect()
}

/// Of several copies that are committed at once one stays, whole, with the mtime of its own commit.
pub async fn concurrent_commits_leave_one_whole_copy(volume: &dyn Volume) {
    let hash = Block::of("foo").hash;
    let copies: Vec<_> = (0..8_u8)
        .map(|number| Block {
            hash,
            data: Bytes::from(vec![number; 200_000 + usize::from(number)]),
        })
        .collect();
    let mtime = |number: usize| Timestamp::from_seconds(1_000_000 + number as i64);
    let stored = at_once(
        copies
            .iter()
            .enumerate()
            .map(|(number, copy)| async move { copy.store(volume, mtime(number)).await })
            .collect(),
    )
    .await;
    assert!(stored.iter().all(Result::is_ok), "{stored:?}");
    let data = fetch(volume, hash).await.expect("it is read");
    let winner = usize::from(data[0]);
    assert!(data == copies[winner].data, "a mixture of copies");
    assert_eq!(volume.stat(hash).await.expect("it is there").mtime, mtime(winner));
}

/// A touch that said `Ok` is seen by the trash, and a touch after a trash finds nothing (spec section 5.5).
pub async fn touch_and_trash_never_both_win(volume: &dyn Volume) {
    let block = Block::of("foo");
    for _round in 0..ROUNDS {
        block.store(volume, T0).await.expect("a block is stored");
        let (touched, trashed) =
            both(volume.touch(block.hash, T1), volume.trash(block.hash, T0, Fate::Delete)).await;
        match (touched, trashed) {
            (Ok(()), Err(Error::Changed { found })) => {
                assert_eq!(found, T1);
                assert_eq!(volume.stat(block.hash).await.expect("it is there").mtime, T1);
            }
            (Err(Error::NotFound), Ok(())) => assert_absent(volume.stat(block.hash).await),
            other => panic!("{other:?}"),
        }
    }
}

/// A copy that is written while the one before is trashed stays.
pub async fn a_rewritten_copy_is_never_trashed(volume: &dyn Volume) {
    let block = Block::of("foo");
    for _round in 0..ROUNDS {
        block.store(volume, T0).await.expect("a block is stored");
        let (stored, trashed) =
            both(block.store(volume, T1), volume.trash(block.hash, T0, Fate::Until(LATER))).await;
        stored.expect("it is stored again");
        assert!(matches!(trashed, Ok(()) | Err(Error::Changed { .. })), "{trashed:?}");
        assert_eq!(volume.stat(block.hash).await.expect("it is there").mtime, T1);
        assert_eq!(fetch(volume, block.hash).await.expect("it is read"), block.data);
    }
}

/// Several untrashes at once bring one copy back, and none is lost.
pub async fn concurrent_untrashes_restore_one_copy(volume: &dyn Volume) {
    let block = Block::of("foo");
    for _copy in 0..2 {
        block.store(volume, T0).await.expect("a block is stored");
        volume.trash(block.hash, T0, Fate::Until(LATER)).await.expect("it is trashed");
    }
    let untrashed = at_once((0..4).map(|_call| volume.untrash(block.hash, T2)).collect()).await;
    let restored = untrashed.iter().filter(|done| matches!(done, Ok(Untrashed::Restored))).count();
    let live = untrashed.iter().filter(|done| matches!(done, Ok(Untrashed::AlreadyLive))).count();
    assert_eq!((restored, live), (1, 3), "{untrashed:?}");
    assert_eq!(volume.stat(block.hash).await.expect("it is there").mtime, T2);
    assert_eq!(empty(volume, T2, 1).await.expect("the trash is read").kept, 1);
}

/// A copy that is untrashed while the trash is emptied is either live again or was reported as deleted, never both and
/// never neither. Nor do two emptiers report one copy.
pub async fn a_copy_is_untrashed_or_emptied(volume: &dyn Volume) {
    let blocks: Vec<_> = (0..4_u8).map(|number| Block::of(vec![number])).collect();
    for _round in 0..ROUNDS {
        for block in &blocks {
            block.store(volume, T0).await.expect("a block is stored");
            volume.trash(block.hash, T0, Fate::Until(T1)).await.expect("it is trashed");
        }
        let reports = Reports::default();
        let untrash = at_once(blocks.iter().map(|block| volume.untrash(block.hash, T2)).collect());
        let empty = || volume.empty_trash(LATER, reports.order(2));
        let (untrashed, first, second) = tokio::join!(untrash, empty(), empty());
        let mut deleted = 0;
        for emptied in [first, second] {
            let Ok(Round::Complete(emptied)) = emptied else { panic!("{emptied:?}") };
            assert_eq!(emptied.failed, 0);
            deleted += emptied.deleted;
        }
        let reported: Vec<_> = reports.sorted().iter().map(|copy| copy.hash).collect();
        assert_eq!(reported.len() as u64, deleted);
        for (block, untrashed) in blocks.iter().zip(untrashed) {
            let times = reported.iter().filter(|hash| **hash == block.hash).count();
            match (untrashed, times) {
                (Ok(Untrashed::Restored), 0) => {
                    assert_eq!(fetch(volume, block.hash).await.expect("it is read"), block.data);
                }
                (Err(Error::NotFound), 1) => assert_absent(volume.stat(block.hash).await),
                other => panic!("{other:?}"),
            }
        }
    }
}

async fn both<A, B>(left: impl Future<Output = A>, right: impl Future<Output = B>) -> (A, B) {
    tokio::join!(left, right)
}
