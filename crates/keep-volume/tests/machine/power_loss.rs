//! What a power loss leaves: the image of a mounted disk is copied, and the copy is mounted.
//!
//! A loop device hands on to its image what the file system has written, and only that; the rest is in memory, and is not
//! in the copy. Two copies at different moments differ as two power losses would.

use std::path::Path;

use keep_rules::Timestamp;
use keep_rules::trash::Fate;
use keep_volume::directory::{Directory, Durability};
use keep_volume::{BlockWriter, Volume};
use testkit::blocks::{Block, fetch};
use testkit::mounted::{Mounted, run, text};

use crate::opened::open;

const T0: Timestamp = Timestamp::from_nanos(1_700_000_000_123_456_789);
const T1: Timestamp = Timestamp::from_nanos(1_700_000_001_123_456_789);
const DEADLINE: Timestamp = Timestamp::from_seconds(1_900_000_000);

/// A disk in use. The fields are dropped in this order: what is open, the mount, the directory that both are in.
struct Machine {
    volume: Directory,
    disk: Mounted,
    directory: tempfile::TempDir,
}

impl Machine {
    fn new(durability: Durability) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (image, point) = (directory.path().join("image"), directory.path().join("disk"));
        std::fs::create_dir(&point).unwrap();
        std::fs::File::create(&image).unwrap().set_len(256 << 20).unwrap();
        run("mkfs.ext4", &["-q", "-F", text(&image)]);
        let disk = Mounted::image(&image, &point);
        let volume = open(&point, Durability::Sync);
        let volume = if durability == Durability::Sync { volume } else { open(&point, durability) };
        Machine { volume, disk, directory }
    }

    /// The volume as the power loss of this moment leaves it.
    fn after_power_loss(&self) -> Survivor {
        let at = |name: &str| self.directory.path().join(name);
        run("cp", &["--sparse=always", text(&at("image")), text(&at("copy"))]);
        let point = at("survivor");
        std::fs::create_dir_all(&point).unwrap();
        let disk = Mounted::image(&at("copy"), &point);
        Survivor { volume: open(&point, Durability::NoSync), disk }
    }
}

struct Survivor {
    volume: Directory,
    disk: Mounted,
}

impl Survivor {
    async fn assert_has(&self, block: &Block, mtime: Timestamp) {
        let data = fetch(&self.volume, block.hash).await.expect("an acknowledged block is there");
        assert!(data == block.data, "an acknowledged block is whole");
        assert_eq!(self.volume.stat(block.hash).await.unwrap().mtime, mtime);
    }

    fn names(&self, subdirectory_of: &Block) -> Vec<String> {
        let path = self.disk.path().join(&subdirectory_of.hash.to_string()[..3]);
        names(&path)
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn every_acknowledged_write_survives() {
    let machine = Machine::new(Durability::Sync);
    let blocks =
        [Block::of(""), Block::of("foo"), Block::sized(300_000, 1), Block::sized(5 << 20, 2)];
    for (number, block) in blocks.iter().enumerate() {
        block.store(&machine.volume, T0).await.unwrap();
        let survivor = machine.after_power_loss();
        for block in &blocks[..=number] {
            survivor.assert_has(block, T0).await;
        }
    }
}

#[tokio::test]
async fn a_copy_that_is_written_anew_survives_as_the_old_or_the_new_one() {
    let machine = Machine::new(Durability::Sync);
    let block = Block::sized(2 << 20, 3);
    let damaged = Block { hash: block.hash, data: Block::sized(1 << 20, 4).data };
    damaged.store(&machine.volume, T0).await.unwrap();
    let mut writer = machine.volume.create(block.hash).await.unwrap();
    write_all(writer.as_mut(), &block).await;
    machine.after_power_loss().assert_has(&damaged, T0).await;
    writer.commit(T1).await.unwrap();
    machine.after_power_loss().assert_has(&block, T1).await;
}

async fn write_all(writer: &mut dyn BlockWriter, block: &Block) {
    let mut rest = block.data.clone();
    while !rest.is_empty() {
        writer.write(rest.split_to(rest.len().min(1 << 17))).await.unwrap();
    }
    drop(writer.read_back().await.unwrap());
}

#[tokio::test]
async fn an_acknowledged_touch_survives_and_so_does_the_block() {
    let machine = Machine::new(Durability::Sync);
    // Written by a program that does not sync, as a Go keepstore.
    let other = open(machine.disk.path(), Durability::NoSync);
    let block = Block::sized(300_000, 5);
    block.store(&other, T0).await.unwrap();
    machine.volume.touch(block.hash, T1).await.unwrap();
    machine.after_power_loss().assert_has(&block, T1).await;
}

#[tokio::test]
async fn an_acknowledged_untrash_survives_with_its_new_mtime() {
    let machine = Machine::new(Durability::Sync);
    let block = Block::of("foo");
    block.store(&machine.volume, T0).await.unwrap();
    machine.volume.trash(block.hash, T0, Fate::Until(DEADLINE)).await.unwrap();
    machine.volume.untrash(block.hash, T1).await.unwrap();
    let survivor = machine.after_power_loss();
    survivor.assert_has(&block, T1).await;
    assert_eq!(survivor.names(&block), [block.hash.to_string()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_at_once_all_survive() {
    let machine = Machine::new(Durability::Sync);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..64_u32 {
        let volume = machine.volume.clone();
        // All in one sub-directory, so they share its syncs.
        let mut digest = *Block::of("foo").hash.as_bytes();
        digest[12..].copy_from_slice(&number.to_be_bytes());
        let hash = keep_rules::BlockHash::from_bytes(digest);
        let block = Block { hash, data: Block::sized(10_000, u64::from(number)).data };
        tasks.spawn(async move {
            block.store(&volume, T0).await.unwrap();
            block
        });
    }
    let blocks = tasks.join_all().await;
    let survivor = machine.after_power_loss();
    for block in blocks {
        survivor.assert_has(&block, T0).await;
    }
}

/// The counter-proof: without syncs an acknowledged block is lost, so the tests above can fail.
#[tokio::test]
async fn what_is_not_synced_does_not_survive() {
    let machine = Machine::new(Durability::NoSync);
    let block = Block::sized(300_000, 6);
    block.store(&machine.volume, T0).await.unwrap();
    let survivor = machine.after_power_loss();
    let lost = match fetch(&survivor.volume, block.hash).await {
        Ok(data) => data != block.data,
        Err(_gone) => true,
    };
    assert!(lost);
}
