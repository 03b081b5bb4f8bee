//! The full marker, which other nodes on the disk see (spec section 6; section 11, 15).

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use keep_volume::directory::{Directory, DirectoryConfig, Identity};
use keep_volume::{Error, Volume};
use testkit::blocks::Block;

use crate::disk::{Disk, T0};

fn mark(root: &Path, age_seconds: i64) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    symlink((now as i64 - age_seconds).to_string(), root.join("full")).unwrap();
}

fn is_marked(root: &Path) -> bool {
    root.join("full").is_symlink()
}

#[tokio::test]
async fn a_marker_is_believed_for_an_hour() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let volume = disk.open(&root);
    mark(&root, 3000);
    assert!(volume.is_full().await);
    assert!(matches!(Block::of("foo").store(&volume, T0).await, Err(Error::Full)));
    assert!(is_marked(&root));
}

#[tokio::test]
async fn a_marker_that_is_out_of_date_goes_when_there_is_room() {
    let disk = Disk::new();
    for age in [4000, 1_000_000_000, -4000] {
        let root = disk.fresh_root();
        let volume = disk.open(&root);
        mark(&root, age);
        assert!(!volume.is_full().await);
        Block::of("foo").store(&volume, T0).await.unwrap();
        assert!(!is_marked(&root), "{age}");
    }
}

#[tokio::test]
async fn a_marker_that_says_nothing_is_out_of_date() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let volume = disk.open(&root);
    symlink("soon", root.join("full")).unwrap();
    assert!(!volume.is_full().await && !is_marked(&root));
}

#[tokio::test]
async fn a_file_that_is_no_marker_is_left_alone() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let volume = disk.open(&root);
    fs::write(root.join("full"), "of notes").unwrap();
    assert!(!volume.is_full().await);
    assert_eq!(fs::read_to_string(root.join("full")).unwrap(), "of notes");
}

#[tokio::test]
async fn an_observer_changes_no_marker() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    mark(&root, 4000);
    let config = DirectoryConfig { identity: Identity::Observe, ..disk.config(&root) };
    assert!(!Directory::open(config).unwrap().is_full().await);
    assert!(is_marked(&root));
}
