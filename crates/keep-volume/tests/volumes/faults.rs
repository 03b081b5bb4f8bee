//! What is broken is an error, and never an absent block (spec section 11, 13).

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use keep_rules::trash::Fate;
use keep_rules::{HashPrefix, Timestamp};
use keep_volume::directory::Directory;
use keep_volume::{Error, Halt, Memory, TryWrite, Volume};
use testkit::blocks::{Block, drain, fetch};
use testkit::emptying::empty;
use testkit::faults::{Call, FailNth, Fault, ShortWrite};

use crate::disk::{Disk, T0, T1, assert_device};

fn place(root: &Path, block: &Block) -> PathBuf {
    let hash = block.hash.to_string();
    root.join(&hash[..3]).join(hash)
}

async fn assert_broken(volume: &Directory, block: &Block) {
    assert_device(volume.stat(block.hash).await);
    assert_device(volume.open(block.hash).await);
    assert_device(volume.touch(block.hash, T1).await);
    assert_device(volume.trash(block.hash, T0, Fate::Delete).await);
    assert_device(block.store(volume, T1).await);
}

#[tokio::test]
async fn a_file_where_a_directory_should_be_is_an_error() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let volume = disk.open(&root);
    let block = Block::of("foo");
    fs::write(root.join("acb"), "").unwrap();
    assert_broken(&volume, &block).await;
    assert_device(volume.untrash(block.hash, T1).await);
    assert_device(volume.trashed(block.hash).await);
}

#[tokio::test]
async fn what_is_no_regular_file_is_no_block() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let volume = disk.open(&root);
    let (directory, link) = (Block::of("directory"), Block::of("link"));
    fs::create_dir_all(place(&root, &directory)).unwrap();
    assert_broken(&volume, &directory).await;
    fs::create_dir_all(place(&root, &link).parent().unwrap()).unwrap();
    symlink("/etc/passwd", place(&root, &link)).unwrap();
    assert_broken(&volume, &link).await;
    for block in [&directory, &link] {
        let Err(Error::Device { source, .. }) = volume.touch(block.hash, T1).await else {
            panic!()
        };
        assert_eq!(source.to_string(), "what has its name is no regular file");
    }
    assert!(place(&root, &link).is_symlink(), "it is still there");
}

#[tokio::test]
async fn a_file_larger_than_a_block_is_refused() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let volume = disk.open(&root);
    let block = Block::of("foo");
    block.store(&volume, T0).await.unwrap();
    File::options()
        .write(true)
        .open(place(&root, &block))
        .unwrap()
        .set_len((64 << 20) + 1)
        .unwrap();
    let opened = volume.open(block.hash).await;
    assert!(matches!(opened.err(), Some(Error::TooLarge { size }) if size == (64 << 20) + 1));
    // A PUT of the right data heals it.
    block.store(&volume, T1).await.unwrap();
    assert_eq!(fetch(&volume, block.hash).await.unwrap(), b"foo");
}

#[tokio::test]
async fn a_copy_that_changes_its_size_under_the_reader_is_an_error() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let volume = disk.open(&root);
    let block = Block::sized(1 << 20, 1);
    for size in [(1 << 20) - 1, (1 << 20) + 1] {
        block.store(&volume, T0).await.unwrap();
        let mut reader = volume.open(block.hash).await.unwrap();
        File::options().write(true).open(place(&root, &block)).unwrap().set_len(size).unwrap();
        assert_device(drain(reader.as_mut()).await);
    }
}

#[tokio::test]
async fn a_subdirectory_that_was_removed_is_made_again() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let volume = disk.open(&root);
    let block = Block::of("foo");
    block.store(&volume, T0).await.unwrap();
    fs::remove_dir_all(root.join("acb")).unwrap();
    assert!(matches!(volume.stat(block.hash).await, Err(Error::NotFound)));
    block.store(&volume, T0).await.unwrap();
    assert_eq!(fetch(&volume, block.hash).await.unwrap(), b"foo");
}

#[tokio::test]
async fn a_copy_that_a_go_keepstore_writes_in_place_is_read_as_it_is() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let volume = disk.open(&root);
    let block = Block::of("foo");
    block.store(&volume, T0).await.unwrap();
    let temp = root.join("acb/from-elsewhere");
    File::create(&temp).unwrap().write_all(b"bar").unwrap();
    fs::rename(temp, place(&root, &block)).unwrap();
    // The mtime is the new file's: a list that was made before is out of date.
    let refused = volume.trash(block.hash, T0, Fate::Delete).await;
    assert!(matches!(refused, Err(Error::Changed { .. })), "{refused:?}");
    assert_eq!(fetch(&volume, block.hash).await.unwrap(), b"bar");
}

#[tokio::test]
async fn every_call_of_a_decorated_volume_can_fail_once() {
    let block = Block::sized(300_000, 1);
    let calls = [
        Call::Stat,
        Call::Open,
        Call::Read,
        Call::Create,
        Call::Write,
        Call::ReadBack,
        Call::Commit,
        Call::Touch,
        Call::Trash,
        Call::Untrash,
        Call::Trashed,
        Call::EmptyTrash,
        Call::Index,
        Call::Next,
        Call::Tally,
        Call::Sweep,
        Call::Check,
    ];
    for call in calls {
        let volume = FailNth::once(Memory::new("memory".parse().unwrap()), call, 1, Fault::Io);
        let mut failures = 0;
        for _attempt in 0..2 {
            let outcomes = [
                block.store(&volume, T0).await,
                volume.stat(block.hash).await.map(drop),
                fetch(&volume, block.hash).await.map(drop),
                volume.touch(block.hash, T0).await,
                volume.trash(block.hash, T0, Fate::Until(T1)).await,
                volume.untrash(block.hash, T0).await.map(drop),
                volume.trashed(block.hash).await.map(drop),
                empty(&volume, Timestamp::EPOCH, 1).await.map(drop),
                volume.tally(Halt::default()).await.map(drop),
                volume.sweep(Timestamp::EPOCH).await.map(drop),
                volume.check(TryWrite::Yes).await,
                read_back(&volume, &block).await,
                list(&volume).await,
            ];
            let device =
                |outcome: &&Result<(), Error>| matches!(outcome, Err(Error::Device { .. }));
            failures += outcomes.iter().filter(device).count();
        }
        assert_eq!(failures, 1, "{call:?}");
        assert!(fetch(&volume, block.hash).await.unwrap() == block.data, "{call:?}");
    }
}

async fn read_back(volume: &dyn Volume, block: &Block) -> Result<(), Error> {
    let mut writer = volume.create(block.hash).await?;
    writer.write(block.data.clone()).await?;
    assert!(drain(writer.read_back().await?.as_mut()).await? == block.data);
    Ok(())
}

async fn list(volume: &dyn Volume) -> Result<(), Error> {
    volume.index(HashPrefix::ALL).await?.next().await.map(drop)
}

#[tokio::test]
async fn a_full_device_keeps_what_it_has() {
    let disk = Disk::new();
    let volume = FailNth::from_then_on(disk.fresh_volume(), Call::Write, 2, Fault::NoSpace);
    let (first, second) = (Block::of("first"), Block::of("second"));
    first.store(&volume, T0).await.unwrap();
    assert!(matches!(second.store(&volume, T0).await, Err(Error::Full)));
    assert!(matches!(volume.stat(second.hash).await, Err(Error::NotFound)));
    assert_eq!(fetch(&volume, first.hash).await.unwrap(), b"first");
}

#[tokio::test]
async fn a_short_write_is_seen_by_who_reads_it() {
    let volume = ShortWrite::new(Memory::new("memory".parse().unwrap()), 100);
    let block = Block::sized(1000, 1);
    block.store(&volume, T0).await.unwrap();
    assert_eq!(fetch(&volume, block.hash).await.unwrap(), block.data[..100]);
}
