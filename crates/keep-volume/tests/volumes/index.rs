//! Strange things are reported, not listed (spec section 11, 18).

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;

use keep_rules::HashPrefix;
use keep_volume::{Error, IndexEntry, Strange, Volume};
use testkit::blocks::Block;

use crate::disk::{Disk, T0};

const FOO: &str = "acbd18db4cc2f85cedef654fccc4a4d8";
const BAR: &str = "37b51d194a7513e45b56f6524f2d51f2";

async fn list(volume: &dyn Volume, prefix: &str) -> Result<(Vec<IndexEntry>, Vec<Strange>), Error> {
    let mut cursor = volume.index(prefix.parse::<HashPrefix>().unwrap()).await?;
    let mut entries = Vec::new();
    while let Some(more) = cursor.next().await? {
        entries.extend(more);
    }
    Ok((entries, cursor.strange().to_vec()))
}

fn write(root: &Path, name: &str) {
    fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
    fs::write(root.join(name), "foo").unwrap();
}

#[tokio::test]
async fn strange_things_are_reported_and_not_listed() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let volume = disk.open(&root);
    Block::of("foo").store(&volume, T0).await.unwrap();
    // In the way of a Go keepstore: its index fails here.
    write(&root, "beef");
    write(&root, &format!("dead/{FOO}"));
    write(&root, &format!("abc/{FOO}"));
    fs::create_dir_all(root.join("37b").join(BAR)).unwrap();
    fs::create_dir_all(root.join("37c")).unwrap();
    symlink("elsewhere", root.join("37c/37cb51d194a7513e45b56f6524f2d51f")).unwrap();
    write(&root, "37d/37db51d194a7513e45b56f6524f2d51f");
    let huge = File::options().write(true).open(root.join("37d/37db51d194a7513e45b56f6524f2d51f"));
    huge.unwrap().set_len((64 << 20) + 1).unwrap();
    // None of our business.
    write(&root, "lost+found/x");
    write(&root, &format!("acb/{}", FOO.to_uppercase()));

    let (entries, strange) = list(&volume, "").await.unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].hash.to_string(), FOO);
    let mut places: Vec<_> = strange.iter().map(|strange| strange.place.as_str()).collect();
    places.sort_unstable();
    let expected = [
        format!("37b/{BAR}"),
        "37c/37cb51d194a7513e45b56f6524f2d51f".to_owned(),
        "37d/37db51d194a7513e45b56f6524f2d51f".to_owned(),
        format!("abc/{FOO}"),
        "beef".to_owned(),
        "dead".to_owned(),
    ];
    assert_eq!(places, expected);
}

#[tokio::test]
async fn a_prefix_looks_only_where_it_may_find_something() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let volume = disk.open(&root);
    Block::of("foo").store(&volume, T0).await.unwrap();
    Block::of("bar").store(&volume, T0).await.unwrap();
    write(&root, "beef");
    for (prefix, count) in
        [("", 2), ("a", 1), ("acb", 1), ("acbd", 1), ("acc", 0), (FOO, 1), (BAR, 1)]
    {
        let (entries, strange) = list(&volume, prefix).await.unwrap();
        assert_eq!(entries.len(), count, "{prefix}");
        assert_eq!(strange.len(), usize::from(prefix.is_empty()), "{prefix}");
    }
}

#[tokio::test]
async fn many_subdirectories_come_sorted_in_batches() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let volume = disk.open(&root);
    let mut expected = Vec::new();
    for number in 0..5000_u32 {
        let hash = Block::of(number.to_string()).hash.to_string();
        write(&root, &format!("{}/{hash}", &hash[..3]));
        expected.push(hash);
    }
    expected.sort();
    let (entries, strange) = list(&volume, "").await.unwrap();
    let listed: Vec<_> = entries.iter().map(|entry| entry.hash.to_string()).collect();
    assert!(listed == expected && strange.is_empty());
}

#[tokio::test]
async fn what_vanishes_during_a_listing_is_left_out() {
    let disk = Disk::new();
    let root = disk.fresh_root();
    let volume = disk.open(&root);
    Block::of("foo").store(&volume, T0).await.unwrap();
    Block::of("bar").store(&volume, T0).await.unwrap();
    let mut cursor = volume.index(HashPrefix::ALL).await.unwrap();
    fs::remove_dir_all(root.join("acb")).unwrap();
    let entries = cursor.next().await.unwrap().unwrap();
    assert_eq!(entries.iter().map(|entry| entry.hash.to_string()).collect::<Vec<_>>(), [BAR]);
    assert!(cursor.next().await.unwrap().is_none());
}

#[tokio::test]
async fn a_link_to_a_directory_serves_as_a_subdirectory() {
    let disk = Disk::new();
    let (root, elsewhere) = (disk.fresh_root(), disk.fresh_root());
    let volume = disk.open(&root);
    symlink(&elsewhere, root.join("acb")).unwrap();
    Block::of("foo").store(&volume, T0).await.unwrap();
    assert!(elsewhere.join(FOO).exists());
    assert_eq!(list(&volume, "").await.unwrap().0.len(), 1);
}
