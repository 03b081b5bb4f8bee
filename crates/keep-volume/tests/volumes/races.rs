//! Many workers on few blocks; the record of what they did must make sense.

use std::sync::Arc;

use keep_volume::directory::{Directory, DirectoryConfig, Durability};
use keep_volume::{Memory, Volume};
use testkit::history;

use crate::disk::Disk;

const BLOCKS: u32 = 3;

/// Runs workers on all volumes, which share one device, and checks their record.
async fn race(volumes: Vec<Arc<dyn Volume>>, workers: u32, steps: u32) {
    let hashes = history::contested(BLOCKS);
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..workers {
        let volume = Arc::clone(&volumes[worker as usize % volumes.len()]);
        let hashes = hashes.clone();
        tasks.spawn(async move { history::contend(volume.as_ref(), &hashes, worker, steps).await });
    }
    let events: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    assert!(events.len() > (workers * steps / 10) as usize, "hardly anything succeeded");
    history::check(volumes[0].as_ref(), &hashes, &events).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_survives_races() {
    race(vec![Arc::new(Memory::new("memory".parse().unwrap()))], 8, 2000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_survives_races() {
    let disk = Disk::new();
    let config = disk.config(&disk.fresh_root());
    let config = DirectoryConfig { durability: Durability::NoSync, ..config };
    race(vec![Arc::new(Directory::open(config).unwrap())], 8, 1500).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_synced_directory_survives_races() {
    let disk = Disk::new();
    race(vec![Arc::new(disk.fresh_volume())], 8, 60).await;
}

/// Two openings share nothing but the disk, as two processes do: only `flock` and renames keep them apart.
#[tokio::test(flavor = "multi_thread")]
async fn two_openings_of_one_directory_survive_races() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let open = || {
        let config = DirectoryConfig { durability: Durability::NoSync, ..disk.config(&root) };
        Arc::new(Directory::open(config).unwrap()) as Arc<dyn Volume>
    };
    race(vec![open(), open()], 8, 1500).await;
}
