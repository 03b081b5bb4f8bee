//! Every back end keeps the contract.

use keep_rules::Timestamp;
use keep_volume::directory::{Directory, DirectoryConfig, Durability, Serialize};
use keep_volume::{Error, Memory, Volume};
use testkit::blocks::Block;
use testkit::volume_contract;

use crate::disk::Disk;

#[tokio::test(flavor = "multi_thread")]
async fn memory_keeps_the_contract() {
    volume_contract::check_all(async || Memory::new("memory".parse().unwrap())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_synced_directory_keeps_the_contract() {
    let disk = Disk::new();
    volume_contract::check_all(async || disk.fresh_volume()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsynced_directory_keeps_the_contract() {
    let disk = Disk::new();
    volume_contract::check_all(async || {
        let config = disk.config(&disk.fresh_root());
        Directory::open(DirectoryConfig { durability: Durability::NoSync, ..config }).unwrap()
    })
    .await;
}

#[tokio::test]
async fn a_serialized_directory_keeps_the_contract_on_one_thread() {
    let disk = Disk::new();
    volume_contract::check_all(async || {
        let config = disk.config(&disk.fresh_root());
        Directory::open(DirectoryConfig { serialize: Serialize::Yes, ..config }).unwrap()
    })
    .await;
}

#[tokio::test]
async fn memory_is_full_when_the_largest_block_does_not_fit() {
    let volume = Memory::with_capacity("memory".parse().unwrap(), (64 << 20) + 3);
    let (foo, bar) = (Block::of("foo"), Block::of("bar!"));
    foo.store(&volume, Timestamp::EPOCH).await.unwrap();
    assert!(!volume.is_full().await);
    bar.store(&volume, Timestamp::EPOCH).await.unwrap();
    assert!(volume.is_full().await);
    assert!(matches!(foo.store(&volume, Timestamp::EPOCH).await, Err(Error::Full)));
}
