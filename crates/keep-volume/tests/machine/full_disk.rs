//! A disk that is really full.

use keep_rules::Timestamp;
use keep_volume::directory::Durability;
use keep_volume::{Error, TryWrite, Volume};
use testkit::blocks::{Block, drain, fetch};
use testkit::mounted::Mounted;

use crate::opened::open;

const MIB: usize = 1 << 20;

#[tokio::test]
async fn a_block_that_does_not_fit_is_refused_and_can_be_read_back() {
    let point = tempfile::tempdir().unwrap();
    let disk = Mounted::tmpfs(point.path(), "80m");
    let volume = open(disk.path(), Durability::Sync);
    let (fits, does_not) = (Block::sized(64 * MIB, 1), Block::sized(64 * MIB, 2));
    // Both find room at first.
    let mut first = volume.create(fits.hash).await.unwrap();
    let mut second = volume.create(does_not.hash).await.unwrap();
    first.write(fits.data.clone()).await.unwrap();
    first.commit(Timestamp::EPOCH).await.unwrap();

    let mut accepted = 0;
    let refused = loop {
        let piece = does_not.data.slice(accepted..accepted + MIB);
        match second.write(piece).await {
            Ok(()) => accepted += MIB,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, Error::Full), "{refused:?}");
    let mut reader = second.read_back().await.unwrap();
    let read = drain(reader.as_mut()).await.unwrap();
    assert!(read == does_not.data[..accepted], "what was accepted can be stored elsewhere");
    assert!(matches!(second.commit(Timestamp::EPOCH).await, Err(Error::Full)));
    drop((reader, second));

    assert!(matches!(volume.stat(does_not.hash).await, Err(Error::NotFound)));
    assert!(fetch(&volume, fits.hash).await.unwrap() == fits.data);
    assert!(volume.is_full().await);
    assert!(matches!(volume.create(does_not.hash).await.err(), Some(Error::Full)));
    assert!(disk.path().join("full").is_symlink(), "other nodes are told");
    volume.check(TryWrite::Yes).await.unwrap();
}
