//! A disk that is unmounted, and another one mounted in its place, while the node runs.

use keep_rules::{HashPrefix, Timestamp};
use keep_volume::directory::{
    Directory, DirectoryConfig, Durability, Identity, Looks, Serialize, look,
};
use keep_volume::{Error, Volume};
use testkit::blocks::{Block, fetch};
use testkit::mounted::{Mounted, run, text};

use crate::opened::open;

async fn assert_refused(volume: &Directory, stored: &Block) {
    let errors = [
        volume.stat(stored.hash).await.err(),
        volume.touch(stored.hash, Timestamp::EPOCH).await.err(),
        stored.store(volume, Timestamp::EPOCH).await.err(),
        volume.index(HashPrefix::ALL).await.err(),
    ];
    for error in errors {
        assert!(matches!(error, Some(Error::WrongRoot { .. })), "{error:?}");
    }
}

#[tokio::test]
async fn an_unmounted_disk_is_noticed_and_nothing_is_written_beside_it() {
    let point = tempfile::tempdir().unwrap();
    let image = tempfile::NamedTempFile::new().unwrap();
    image.as_file().set_len(256 << 20).unwrap();
    run("mkfs.ext4", &["-q", "-F", text(image.path())]);
    let disk = Mounted::image(image.path(), point.path());
    let volume = open(point.path(), Durability::Sync);
    let block = Block::of("foo");
    block.store(&volume, Timestamp::EPOCH).await.unwrap();

    drop(disk);
    assert_refused(&volume, &block).await;
    assert_eq!(std::fs::read_dir(point.path()).unwrap().count(), 0);

    // A new file system: its root has the same inode number, and perhaps even the same device number.
    let other = tempfile::NamedTempFile::new().unwrap();
    other.as_file().set_len(256 << 20).unwrap();
    run("mkfs.ext4", &["-q", "-F", text(other.path())]);
    let disk = Mounted::image(other.path(), point.path());
    assert_refused(&volume, &block).await;
    drop(disk);

    let _disk = Mounted::image(image.path(), point.path());
    assert_eq!(fetch(&open(point.path(), Durability::Sync), block.hash).await.unwrap(), b"foo");
}

#[tokio::test]
async fn a_disk_that_is_not_mounted_at_the_start_is_refused_and_nothing_is_written_beside_it() {
    let point = tempfile::tempdir().unwrap();
    let image = tempfile::NamedTempFile::new().unwrap();
    image.as_file().set_len(256 << 20).unwrap();
    run("mkfs.ext4", &["-q", "-F", text(image.path())]);
    let disk = Mounted::image(image.path(), point.path());
    assert_eq!(look(point.path()).unwrap(), Looks::Unmarked, "a new file system is not empty");
    let block = Block::of("foo");
    block.store(&open(point.path(), Durability::Sync), Timestamp::EPOCH).await.unwrap();
    drop(disk);

    let config = DirectoryConfig {
        root: point.path().to_owned(),
        uuid: "zzzzz-nyw5e-000000000000000".parse().unwrap(),
        device_id: "device".parse().unwrap(),
        durability: Durability::Sync,
        serialize: Serialize::No,
        identity: Identity::Require,
    };
    let refused = Directory::open(config.clone()).err();
    assert!(matches!(refused, Some(Error::WrongRoot { .. })), "{refused:?}");
    assert_eq!(look(point.path()).unwrap(), Looks::Empty);

    let _disk = Mounted::image(image.path(), point.path());
    assert_eq!(look(point.path()).unwrap(), Looks::Marked);
    assert_eq!(fetch(&Directory::open(config).unwrap(), block.hash).await.unwrap(), b"foo");
}
