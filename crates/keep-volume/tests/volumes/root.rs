//! The root is the one that was opened, or an error; it is never created (spec section 11, 13).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::thread;

use keep_rules::trash::Fate;
use keep_rules::{HashPrefix, Timestamp};
use keep_volume::directory::{Directory, DirectoryConfig, Identity, Looks, look};
use keep_volume::{Error, Halt, TryWrite, Volume};
use testkit::blocks::{Block, fetch};
use testkit::emptying::empty;

use crate::disk::{Disk, T0, T1, UUID, assert_wrong_root, files};

const MARKER: &str = ".donjon-volume";

/// A volume with one live and one trashed block.
async fn used(disk: &Disk) -> (PathBuf, Directory) {
    let root = disk.fresh_root();
    let volume = disk.open(&root);
    Block::of("live").store(&volume, T0).await.unwrap();
    Block::of("trashed").store(&volume, T0).await.unwrap();
    volume.trash(Block::of("trashed").hash, T0, Fate::Until(T1)).await.unwrap();
    (root, volume)
}

/// Moves the root aside, as an unmount does.
fn take_away(root: &Path) -> PathBuf {
    let aside = root.with_extension("aside");
    fs::rename(root, &aside).unwrap();
    aside
}

/// No call may answer as if the volume were there.
async fn assert_all_refused(volume: &Directory) {
    let (live, trashed) = (Block::of("live").hash, Block::of("trashed").hash);
    assert_wrong_root(volume.stat(live).await);
    assert_wrong_root(volume.open(live).await);
    assert_wrong_root(volume.touch(live, T1).await);
    assert_wrong_root(volume.trash(live, T0, Fate::Delete).await);
    assert_wrong_root(volume.untrash(trashed, T1).await);
    assert_wrong_root(volume.index(HashPrefix::ALL).await);
    assert_wrong_root(volume.tally(Halt::default()).await);
    assert_wrong_root(volume.trashed(trashed).await);
    assert_wrong_root(volume.trashed(Block::of("absent").hash).await);
    assert_wrong_root(empty(volume, Timestamp::from_nanos(i64::MAX), 2).await);
    assert_wrong_root(volume.sweep(Timestamp::from_nanos(i64::MAX)).await);
    assert_wrong_root(volume.check(TryWrite::No).await);
    for block in [Block::of("live"), Block::of("another"), Block::sized(1 << 20, 1)] {
        assert_wrong_root(block.store(volume, T1).await);
    }
}

#[tokio::test]
async fn a_missing_root_is_an_error_and_is_not_created() {
    let disk = Disk::new();
    let (root, volume) = used(&disk).await;
    let aside = take_away(&root);
    assert_all_refused(&volume).await;
    assert!(!root.exists());
    // The disk is mounted again: it is the same one, and work goes on.
    fs::rename(aside, &root).unwrap();
    assert_eq!(fetch(&volume, Block::of("live").hash).await.unwrap(), b"live");
    Block::of("another").store(&volume, T0).await.unwrap();
}

#[tokio::test]
async fn an_empty_mount_point_is_not_the_volume() {
    let disk = Disk::new();
    let (root, volume) = used(&disk).await;
    take_away(&root);
    fs::create_dir(&root).unwrap();
    assert_all_refused(&volume).await;
    assert!(!volume.is_full().await);
    assert_eq!(files(&root), Vec::<String>::new(), "nothing was written beside the volume");
}

#[tokio::test]
async fn another_volume_in_its_place_is_not_the_volume() {
    let disk = Disk::new();
    let (root, volume) = used(&disk).await;
    let (other, _other_volume) = used(&disk).await;
    fs::remove_file(other.join(MARKER)).unwrap();
    take_away(&root);
    fs::rename(&other, &root).unwrap();
    // It has the sub-directories and even the block; still a write or a touch of it is not acknowledged.
    let live = Block::of("live");
    assert_wrong_root(live.store(&volume, T1).await);
    assert_wrong_root(volume.touch(live.hash, T1).await);
    assert_wrong_root(volume.untrash(Block::of("trashed").hash, T1).await);
    assert_wrong_root(volume.stat(Block::of("absent").hash).await);
    assert_wrong_root(volume.trashed(Block::of("trashed").hash).await);
    assert_wrong_root(volume.index(HashPrefix::ALL).await);
}

#[tokio::test]
async fn a_root_that_changes_while_a_block_is_written_is_noticed() {
    let disk = Disk::new();
    let (root, volume) = used(&disk).await;
    for block in [Block::of("small"), Block::sized(1 << 20, 1)] {
        let mut writer = volume.create(block.hash).await.unwrap();
        writer.write(block.data.slice(..block.data.len() / 2)).await.unwrap();
        writer.write(block.data.slice(block.data.len() / 2..)).await.unwrap();
        let aside = take_away(&root);
        fs::create_dir(&root).unwrap();
        assert_wrong_root(writer.commit(T0).await);
        fs::remove_dir(&root).unwrap();
        fs::rename(aside, &root).unwrap();
        assert!(matches!(volume.stat(block.hash).await, Err(Error::NotFound)));
    }
}

#[tokio::test]
async fn a_listing_of_a_root_that_changed_is_not_complete() {
    let disk = Disk::new();
    let (root, volume) = used(&disk).await;
    let mut cursor = volume.index(HashPrefix::ALL).await.unwrap();
    take_away(&root);
    fs::create_dir(&root).unwrap();
    assert_wrong_root(cursor.next().await);
}

#[test]
fn a_root_must_be_an_absolute_path_of_a_directory() {
    let disk = Disk::new();
    let file = disk.fresh_root().join("file");
    fs::write(&file, "").unwrap();
    for root in [Path::new("relative"), Path::new("/nonexistent/donjon"), &file] {
        assert_wrong_root(Directory::open(disk.config(root)));
    }
    assert!(!Path::new("/nonexistent").exists());
}

#[test]
fn a_marker_of_another_mount_is_refused() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    disk.open(&root);
    let other = "zzzzz-nyw5e-111111111111111".parse().unwrap();
    assert_wrong_root(Directory::open(DirectoryConfig { uuid: other, ..disk.config(&root) }));
    disk.open(&root);
}

#[test]
fn a_root_without_a_marker_is_adopted_refused_or_left_alone() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let open = |identity| Directory::open(DirectoryConfig { identity, ..disk.config(&root) });
    assert_wrong_root(open(Identity::Require));
    open(Identity::Observe).unwrap();
    assert!(!root.join(MARKER).exists());
    open(Identity::Adopt).unwrap();
    open(Identity::Require).unwrap();
    open(Identity::Observe).unwrap();
    assert_eq!(files(&root), [".donjon-volume 644"]);
}

#[test]
fn nodes_that_mark_a_root_at_once_agree() {
    let disk = Disk::new();
    for _round in 0..50 {
        let root = disk.fresh_root();
        let both_ready = Barrier::new(2);
        thread::scope(|scope| {
            for _node in 0..2 {
                scope.spawn(|| {
                    both_ready.wait();
                    disk.open(&root);
                });
            }
        });
        assert_eq!(fs::read_to_string(root.join(MARKER)).unwrap(), format!("{UUID}\n"));
        assert_eq!(files(&root), [".donjon-volume 644"]);
    }
}

#[test]
fn a_root_is_marked_used_by_others_or_empty() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    assert_eq!(look(&root).unwrap(), Looks::Empty);
    fs::create_dir(root.join("acb")).unwrap();
    assert_eq!(look(&root).unwrap(), Looks::Unmarked);
    disk.open(&root);
    assert_eq!(look(&root).unwrap(), Looks::Marked);
    assert_wrong_root(look(&root.join(MARKER)));
    assert_wrong_root(look(Path::new("/nonexistent/donjon")));
}

#[tokio::test]
async fn a_marker_that_vanishes_or_changes_is_noticed() {
    let disk = Disk::new();
    let (root, volume) = used(&disk).await;
    let marker = root.join(MARKER);
    let text = fs::read(&marker).unwrap();
    // Written again, as a backup program does: it says the same.
    fs::remove_file(&marker).unwrap();
    fs::write(&marker, &text).unwrap();
    volume.check(TryWrite::Yes).await.unwrap();
    fs::write(&marker, "zzzzz-nyw5e-111111111111111\n").unwrap();
    assert_wrong_root(Block::of("another").store(&volume, T0).await);
    fs::remove_file(&marker).unwrap();
    assert_wrong_root(volume.stat(Block::of("absent").hash).await);
}

#[tokio::test]
async fn a_medium_is_the_same_after_a_restart_and_a_remount() {
    let disk = Disk::new();
    let (root, volume) = used(&disk).await;
    let medium = volume.medium().unwrap();
    let aside = take_away(&root);
    fs::rename(aside, &root).unwrap();
    assert_eq!(fetch(&volume, Block::of("live").hash).await.unwrap(), b"live");
    assert_eq!(volume.medium().as_ref(), Some(&medium));
    drop(volume);
    assert_eq!(disk.open(&root).medium().as_ref(), Some(&medium));
    let observed = DirectoryConfig { identity: Identity::Observe, ..disk.config(&root) };
    assert_eq!(Directory::open(observed).unwrap().medium(), Some(medium));
}

#[test]
fn another_directory_with_the_same_uuid_is_another_medium() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let first = disk.open(&root).medium().unwrap();
    fs::remove_dir_all(&root).unwrap();
    fs::create_dir(&root).unwrap();
    fs::write(root.join(MARKER), format!("{UUID}\n")).unwrap();
    let second = disk.open(&root).medium().unwrap();
    assert_ne!(first, second);
    assert_ne!(first.to_string(), second.to_string());
}

#[tokio::test]
async fn a_marker_that_is_replaced_while_the_volume_is_used_is_another_medium() {
    let disk = Disk::new();
    let (root, volume) = used(&disk).await;
    let first = volume.medium().unwrap();
    let new = root.join("new");
    fs::write(&new, UUID).unwrap();
    fs::rename(new, root.join(MARKER)).unwrap();
    volume.check(TryWrite::No).await.unwrap();
    assert_ne!(volume.medium(), Some(first));
}

#[test]
fn a_root_without_a_marker_has_no_medium() {
    let disk = Disk::new();
    let observed =
        DirectoryConfig { identity: Identity::Observe, ..disk.config(&disk.fresh_root()) };
    assert_eq!(Directory::open(observed).unwrap().medium(), None);
}
