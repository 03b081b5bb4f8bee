//! Promises about listings.

use keep_rules::trash::Fate;
use keep_volume::{Error, Halt, IndexEntry, Replica, Tally, Volume};

use super::{LATER, T0, T1, list};
use crate::blocks::Block;

async fn store_some(volume: &dyn Volume, count: u32) -> Vec<IndexEntry> {
    let mut expected = Vec::new();
    for number in 0..count {
        let block = Block::of(format!("{number}"));
        let mtime = if number % 2 == 0 { T0 } else { T1 };
        block.store(volume, mtime).await.expect("a block is stored");
        let replica = Replica { size: block.size(), mtime };
        expected.push(IndexEntry { hash: block.hash, replica });
    }
    expected.sort_by_key(|entry| entry.hash);
    expected
}

/// Every live replica is listed once, in the order of the hashes, with its size and mtime.
pub async fn an_index_is_sorted_and_complete(volume: &dyn Volume) {
    assert!(list(volume, "").await.is_empty());
    let expected = store_some(volume, 200).await;
    assert_eq!(list(volume, "").await, expected);
}

/// A prefix of any length selects exactly the hashes that begin with it.
pub async fn an_index_lists_only_its_prefix(volume: &dyn Volume) {
    let all = store_some(volume, 200).await;
    let hash = all[7].hash.to_string();
    for length in [1, 2, 3, 4, 5, 31, 32] {
        let prefix = &hash[..length];
        let expected: Vec<_> = all
            .iter()
            .filter(|entry| entry.hash.to_string().starts_with(prefix))
            .copied()
            .collect();
        assert_eq!(list(volume, prefix).await, expected, "{prefix}");
    }
    let nothing = if hash.starts_with('0') { "1".repeat(32) } else { "0".repeat(32) };
    assert!(list(volume, &nothing).await.is_empty());
}

/// Neither a block on its way nor one in the trash is listed.
pub async fn an_index_lists_nothing_that_is_written_or_trashed(volume: &dyn Volume) {
    let (live, trashed, large) = (Block::of("foo"), Block::of("bar"), Block::sized(600_000, 8));
    live.store(volume, T0).await.expect("a block is stored");
    trashed.store(volume, T0).await.expect("a block is stored");
    volume.trash(trashed.hash, T0, Fate::Until(LATER)).await.expect("it is trashed");
    let mut writer = volume.create(large.hash).await.expect("a writer");
    writer.write(large.data.slice(..300_000)).await.expect("a piece is written");
    writer.write(large.data.slice(300_000..)).await.expect("a piece is written");
    let listed: Vec<_> = list(volume, "").await.iter().map(|entry| entry.hash).collect();
    assert_eq!(listed, [live.hash]);
    volume.untrash(trashed.hash, T1).await.expect("it comes back");
    assert_eq!(list(volume, "").await.len(), 2);
}

/// A tally counts what an index lists, and one that is halted gives no number that could be taken for it.
pub async fn a_tally_counts_what_an_index_lists(volume: &dyn Volume) {
    let tally = volume.tally(Halt::default()).await.expect("a tally");
    assert_eq!(tally, Tally::default());
    let listed = store_some(volume, 200).await;
    let trashed = Block::of("trashed");
    trashed.store(volume, T0).await.expect("a block is stored");
    volume.trash(trashed.hash, T0, Fate::Until(LATER)).await.expect("it is trashed");
    let bytes = listed.iter().map(|entry| entry.replica.size).sum();
    let tally = volume.tally(Halt::default()).await.expect("a tally");
    assert_eq!(tally, Tally { blocks: 200, bytes });
    let halted = volume.tally(Halt::when(|| true)).await;
    assert!(matches!(halted, Err(Error::Halted)), "{halted:?}");
}
