//! Temp files that nobody holds go away (spec section 11, 15).

use std::fs::{self, File, FileTimes};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

use keep_rules::Timestamp;
use keep_rules::trash::Fate;
use keep_volume::{Swept, TryWrite, Volume};
use testkit::blocks::{Block, fetch};

use crate::disk::{Disk, T0, T1, files};

const FOO: &str = "acbd18db4cc2f85cedef654fccc4a4d8";

fn write_aged(root: &Path, name: &str, mtime: Timestamp) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = File::create(path).unwrap();
    file.set_times(FileTimes::new().set_modified(mtime.into())).unwrap();
}

fn temp_files(root: &Path) -> usize {
    files(root).iter().filter(|name| name.contains("tmp")).count()
}

#[tokio::test]
async fn orphans_of_others_go_when_they_are_old() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let volume = disk.open(&root);
    let old = T0.before(Duration::from_nanos(1));
    write_aged(&root, &format!("acb/tmp{FOO}1"), old);
    write_aged(&root, &format!("tmp{FOO}4294967295"), old);
    write_aged(&root, &format!("acb/tmp{FOO}3"), T0);
    write_aged(&root, "acb/tmpfile", old);
    assert_eq!(volume.sweep(T0).await.unwrap(), Swept { deleted: 2, failed: 0 });
    assert!(root.join(format!("acb/tmp{FOO}3")).exists() && root.join("acb/tmpfile").exists());
}

#[tokio::test]
async fn orphans_of_ours_go_whatever_their_age() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let volume = disk.open(&root);
    for (number, mtime) in
        [T0, Timestamp::EPOCH, Timestamp::from_nanos(i64::MAX)].iter().enumerate()
    {
        write_aged(&root, &format!("acb/tmp{FOO}{number:020}"), *mtime);
    }
    assert_eq!(volume.sweep(T0).await.unwrap(), Swept { deleted: 3, failed: 0 });
}

#[tokio::test]
async fn what_a_full_marker_left_behind_goes() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let volume = disk.open(&root);
    symlink("1700000000", root.join(format!("tmp{FOO}4"))).unwrap();
    let future = Timestamp::from(SystemTime::now()).after(Duration::from_secs(60));
    assert_eq!(volume.sweep(future).await.unwrap().deleted, 1);
}

/// The sweep is that of another process: two openings share nothing but the disk.
#[tokio::test]
async fn what_a_writer_holds_stays_however_old() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let (volume, other) = (disk.open(&root), disk.open(&root));
    let block = Block::sized(1 << 20, 1);
    let mut writer = volume.create(block.hash).await.unwrap();
    for start in [0, 1 << 19] {
        writer.write(block.data.slice(start..start + (1 << 19))).await.unwrap();
    }
    drop(writer.read_back().await.unwrap());
    assert_eq!(temp_files(&root), 1);
    for sweeping in [&volume, &other] {
        let swept = sweeping.sweep(Timestamp::from_nanos(i64::MAX)).await.unwrap();
        assert_eq!(swept, Swept::default());
    }
    writer.commit(T0).await.unwrap();
    assert!(fetch(&other, block.hash).await.unwrap() == block.data);
    assert_eq!(temp_files(&root), 0);
    // The writer still has the file open. It is the block now, and others may have it.
    other.touch(block.hash, T1).await.unwrap();
    other.trash(block.hash, T1, Fate::Delete).await.unwrap();
    drop(writer);
}

#[tokio::test]
async fn a_check_leaves_nothing_behind() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let volume = disk.open(&root);
    volume.check(TryWrite::Yes).await.unwrap();
    assert_eq!(files(&root), [".donjon-volume 644"]);
}
