//! A disk is what a Go keepstore makes of it, and the other way round (spec section 6).

use std::fs::{self, File, FileTimes};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use keep_rules::trash::Fate;
use keep_rules::{HashPrefix, Timestamp};
use keep_volume::{Emptied, EmptyOrder, Error, TrashedCopy, Untrashed, Volume};
use testkit::blocks::{Block, fetch};
use testkit::emptying::empty;

use crate::disk::{Disk, T0, T1, UUID, files};

const FOO: &str = "acbd18db4cc2f85cedef654fccc4a4d8";

fn put_file(root: &Path, name: &str, content: &str, mtime: Timestamp) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    let times = FileTimes::new().set_modified(SystemTime::from(mtime));
    File::options().write(true).open(path).unwrap().set_times(times).unwrap();
}

#[tokio::test]
async fn files_lie_where_a_go_keepstore_looks() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let volume = disk.open(&root);
    let block = Block::of("foo");
    block.store(&volume, T0).await.unwrap();
    let marker = ".donjon-volume 644".to_owned();
    assert_eq!(files(&root), [marker.clone(), "acb 755".to_owned(), format!("acb/{FOO} 600")]);
    assert_eq!(fs::read_to_string(root.join(".donjon-volume")).unwrap(), format!("{UUID}\n"));

    let deadline = Timestamp::from_nanos(1_800_000_000_000_000_001);
    volume.trash(block.hash, T0, Fate::Until(deadline)).await.unwrap();
    let trashed = format!("acb/{FOO}.trash.1800000001 600");
    assert_eq!(files(&root), [marker.clone(), "acb 755".to_owned(), trashed]);

    volume.untrash(block.hash, T1).await.unwrap();
    volume.trash(block.hash, T1, Fate::Delete).await.unwrap();
    assert_eq!(files(&root), [marker, "acb 755".to_owned()]);
}

#[tokio::test]
async fn a_large_block_is_a_temp_file_until_its_commit() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let volume = disk.open(&root);
    let block = Block::sized(1 << 20, 1);
    let mut writer = volume.create(block.hash).await.unwrap();
    for start in (0..1 << 20).step_by(1 << 17) {
        writer.write(block.data.slice(start..start + (1 << 17))).await.unwrap();
    }
    // Opening it waits for what is on its way.
    drop(writer.read_back().await.unwrap());
    let hash = block.hash.to_string();
    let temp = files(&root).into_iter().find(|name| name.contains("tmp")).unwrap();
    let digits = temp.strip_prefix(&format!("{}/tmp{hash}", &hash[..3])).unwrap();
    assert!(digits.strip_suffix(" 600").unwrap().bytes().all(|digit| digit.is_ascii_digit()));
    writer.commit(T0).await.unwrap();
    assert!(!files(&root).iter().any(|name| name.contains("tmp")));
}

#[test]
fn a_dropped_writer_leaves_no_file() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let volume = disk.open(&root);
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    runtime.block_on(async {
        let block = Block::sized(1 << 20, 1);
        for pieces in [1, 2, 8] {
            let mut writer = volume.create(block.hash).await.unwrap();
            for _piece in 0..pieces {
                writer.write(block.data.slice(..200_000)).await.unwrap();
            }
        }
    });
    // Waits for what was started on blocking threads, and drops what was not.
    drop(runtime);
    assert!(!files(&root).iter().any(|name| name.contains("tmp")), "{:?}", files(&root));
}

#[tokio::test]
async fn a_disk_that_a_go_keepstore_used_works_as_it_is() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let bar = Block::of("bar");
    put_file(&root, &format!("acb/{FOO}"), "foo", T0);
    put_file(&root, &format!("acb/{FOO}.trash.1700000500"), "foo", T0);
    put_file(&root, &format!("acb/tmp{FOO}123456"), "fo", T0);
    put_file(&root, &format!("37b/{}.trash.1700000900", bar.hash), "bar", T0);
    put_file(&root, &format!("37b/{}.trash.1700000100", bar.hash), "ba", T0);
    let volume = disk.open(&root);

    assert_eq!(fetch(&volume, FOO.parse().unwrap()).await.unwrap(), b"foo");
    let mut cursor = volume.index(HashPrefix::ALL).await.unwrap();
    let entries = cursor.next().await.unwrap().unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].hash.to_string().as_str(), entries[0].replica.mtime), (FOO, T0));

    assert_eq!(volume.untrash(bar.hash, T1).await.unwrap(), Untrashed::Restored);
    assert_eq!(fetch(&volume, bar.hash).await.unwrap(), b"bar");
    let emptied = empty(&volume, Timestamp::from_seconds(1_700_000_499), 4).await.unwrap();
    assert_eq!((emptied.deleted, emptied.kept), (1, 1));
    let emptied = empty(&volume, Timestamp::from_seconds(1_700_000_500), 4).await.unwrap();
    assert_eq!((emptied.deleted, emptied.kept), (1, 0));
}

#[tokio::test]
async fn a_copy_is_gone_when_it_is_reported() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    put_file(&root, &format!("acb/{FOO}.trash.0001700000500"), "foo", T0);
    let volume = disk.open(&root);
    let expected =
        TrashedCopy { size: 3, mtime: T0, deadline: Timestamp::from_seconds(1_700_000_500) };
    assert_eq!(volume.trashed(FOO.parse().unwrap()).await.unwrap(), [expected]);
    let left = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&left);
    let report = move |_copy| *seen.lock().unwrap() = Some(files(&root));
    let order = EmptyOrder { report: Arc::new(report), ..EmptyOrder::with_workers(1) };
    volume.empty_trash(expected.deadline, order).await.unwrap();
    let marker = ".donjon-volume 644".to_owned();
    assert_eq!(*left.lock().unwrap(), Some(vec![marker, "acb 755".to_owned()]));
}

#[tokio::test]
async fn what_is_named_as_a_trashed_copy_and_is_none_is_left_alone() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let name = format!("acb/{FOO}.trash.1700000500");
    fs::create_dir_all(root.join(&name)).unwrap();
    let volume = disk.open(&root);
    assert_eq!(volume.trashed(FOO.parse().unwrap()).await.unwrap(), []);
    let emptied = empty(&volume, Timestamp::from_seconds(1_700_000_500), 1).await.unwrap();
    assert_eq!(emptied, Emptied::default());
    assert!(root.join(&name).is_dir());
    // Nor does it keep a copy with an earlier deadline from coming back.
    let foo = FOO.parse().unwrap();
    assert!(matches!(volume.untrash(foo, T1).await, Err(Error::NotFound)));
    put_file(&root, &format!("acb/{FOO}.trash.1600000000"), "foo", T0);
    assert_eq!(volume.untrash(foo, T1).await.unwrap(), Untrashed::Restored);
    assert_eq!(fetch(&volume, foo).await.unwrap(), b"foo");
    assert!(root.join(name).is_dir());
}

#[tokio::test]
async fn a_trashed_copy_comes_back_however_its_deadline_is_spelt() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    put_file(&root, &format!("acb/{FOO}.trash.0001700000500"), "foo", T0);
    let volume = disk.open(&root);
    let foo = FOO.parse().unwrap();
    assert_eq!(volume.untrash(foo, T1).await.unwrap(), Untrashed::Restored);
    assert_eq!(fetch(&volume, foo).await.unwrap(), b"foo");
}

#[tokio::test]
async fn files_that_are_not_ours_are_left_alone() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let others = [
        "README",
        "acb/notes.txt",
        &format!("acb/{FOO}.bak"),
        &format!("acb/{FOO}.trash.99999999999999999999"),
        &format!(".aaa/{FOO}.trash.1"),
        &format!("tmp/{FOO}.trash.1"),
    ];
    for name in others {
        put_file(&root, name, "not ours", Timestamp::EPOCH);
    }
    let volume = disk.open(&root);
    let far = Timestamp::from_nanos(i64::MAX);
    assert_eq!(empty(&volume, far, 4).await.unwrap().deleted, 0);
    assert_eq!(volume.sweep(far).await.unwrap().deleted, 0);
    assert!(volume.index(HashPrefix::ALL).await.unwrap().next().await.unwrap().is_none());
    for name in others {
        assert_eq!(fs::read_to_string(root.join(name)).unwrap(), "not ours", "{name}");
    }
}
