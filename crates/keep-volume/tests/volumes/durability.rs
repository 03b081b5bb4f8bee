//! How often is synced. The order is shown in `src/directory/tree.rs`, and that it suffices in `tests/machine`, on the image
//! of a crashed disk.

use keep_rules::trash::Fate;
use keep_volume::directory::{Directory, DirectoryConfig, Durability};
use keep_volume::{Operation, Volume};
use testkit::blocks::{Block, fetch};

use crate::disk::{Disk, T0, T1};

fn syncs(volume: &Directory) -> u64 {
    volume.stats().operations(Operation::Sync)
}

#[tokio::test]
async fn a_write_syncs_contents_and_directories() {
    let disk = Disk::new();
    let volume = disk.fresh_volume();
    Block::of("foo").store(&volume, T0).await.unwrap();
    assert_eq!(
        syncs(&volume),
        3,
        "the root for the new sub-directory, the file, the sub-directory"
    );
    Block::of("foo").store(&volume, T1).await.unwrap();
    assert_eq!(syncs(&volume), 5, "the file and the sub-directory");
}

#[tokio::test]
async fn a_touch_syncs_times_and_name() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let block = Block::of("foo");
    block.store(&disk.open(&root), T0).await.unwrap();
    // Another node: it cannot know what the first one synced.
    let volume = disk.open(&root);
    volume.touch(block.hash, T1).await.unwrap();
    assert_eq!(syncs(&volume), 3);
    volume.touch(block.hash, T0).await.unwrap();
    assert_eq!(syncs(&volume), 5);
}

#[tokio::test]
async fn an_untrash_syncs_and_a_trash_does_not() {
    let disk = Disk::new();
    let volume = disk.fresh_volume();
    let block = Block::of("foo");
    block.store(&volume, T0).await.unwrap();
    let before = syncs(&volume);
    volume.trash(block.hash, T0, Fate::Until(T1)).await.unwrap();
    assert_eq!(syncs(&volume), before, "a trash that a crash undoes harms nobody");
    volume.untrash(block.hash, T1).await.unwrap();
    assert_eq!(syncs(&volume), before + 3, "the mtime, the file under its name, the directory");
}

#[tokio::test]
async fn nothing_is_synced_when_that_was_asked_for() {
    let disk = Disk::new();
    let config = disk.config(&disk.fresh_root());
    let volume =
        Directory::open(DirectoryConfig { durability: Durability::NoSync, ..config }).unwrap();
    Block::of("foo").store(&volume, T0).await.unwrap();
    volume.touch(Block::of("foo").hash, T1).await.unwrap();
    assert_eq!(syncs(&volume), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_in_one_directory_at_once_lose_nothing() {
    let disk = Disk::new();
    let volume = disk.fresh_volume();
    let hash = Block::of("foo").hash;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..64_u8 {
        let volume = volume.clone();
        let mut digest = *hash.as_bytes();
        digest[15] = number;
        let block =
            Block { hash: keep_rules::BlockHash::from_bytes(digest), data: vec![number].into() };
        tasks.spawn(async move {
            block.store(&volume, T0).await.unwrap();
            block
        });
    }
    for block in tasks.join_all().await {
        assert_eq!(fetch(&volume, block.hash).await.unwrap(), block.data);
    }
    // 64 files, one root, and at most one sync of the directory for each.
    assert!((66..=129).contains(&syncs(&volume)), "{}", syncs(&volume));
}
