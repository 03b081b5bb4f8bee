//! Blocks of a collection that was removed, looked for when it comes back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use donjon_files::{ReviveOptions, Revived, revive};
use keep_manifest::BlockRef;
use keep_protocol::mounts::MountDescription;
use keep_rules::Timestamp;

use crate::memory_node::MemoryNode;
use crate::world::World;

/// Two nodes with two copies of each of two blocks.
async fn stored() -> (World, BTreeSet<BlockRef>) {
    let world = World::new(2);
    world.write("a", [1; 300]);
    let put = world.put(2, &[]).await.unwrap();
    let segments = put.tree.files().flat_map(|(_path, file)| file.segments());
    let blocks: BTreeSet<BlockRef> = segments.map(|segment| segment.block()).collect();
    assert_eq!(blocks.len(), 2);
    (world, blocks)
}

async fn look(world: &World, blocks: &BTreeSet<BlockRef>) -> Revived {
    look_knowing(world, blocks, Vec::new()).await
}

async fn look_knowing(
    world: &World,
    blocks: &BTreeSet<BlockRef>,
    mounts: Vec<Option<Vec<MountDescription>>>,
) -> Revived {
    let done = Arc::new(AtomicUsize::new(0));
    let options = ReviveOptions {
        locate: Arc::new(|block| block.to_string().parse().unwrap()),
        classes: Vec::new(),
        mounts,
        on_block: {
            let done = Arc::clone(&done);
            Arc::new(move || {
                done.fetch_add(1, Ordering::Relaxed);
            })
        },
    };
    let clock = || Timestamp::from_seconds(1_000);
    let revived = revive(&world.nodes(), blocks, &options, clock).await;
    assert_eq!(done.load(Ordering::Relaxed), blocks.len(), "progress is told of each block");
    revived
}

fn puts(world: &World) -> u64 {
    world.servers.iter().map(MemoryNode::puts).sum()
}

#[tokio::test]
async fn every_copy_that_is_there_is_touched_and_none_is_sent() {
    let (world, blocks) = stored().await;
    let (first, before) = (*blocks.first().unwrap(), puts(&world));
    world.servers[0].forget(first.hash());
    let revived = look(&world, &blocks).await;
    assert_eq!(revived, Revived { young: 2, anybody_answered: true, ..Revived::default() });
    assert_eq!(world.servers[0].touched().len(), 1);
    assert_eq!(world.servers[1].touched().len(), 2);
    assert_eq!(puts(&world), before);
}

#[tokio::test]
async fn a_block_that_every_node_says_it_has_not_is_missing() {
    let (world, blocks) = stored().await;
    let lost = *blocks.first().unwrap();
    for node in &world.servers {
        node.forget(lost.hash());
    }
    let revived = look(&world, &blocks).await;
    assert_eq!((revived.young, &revived.missing), (1, &[lost].into()));
    assert_eq!(revived.in_doubt, [].into());
}

#[tokio::test]
async fn what_may_not_be_touched_is_sent_again_to_a_node_that_has_it() {
    let (world, blocks) = stored().await;
    for node in &world.servers {
        node.refuse_touch();
    }
    let before = puts(&world);
    assert_eq!(look(&world, &blocks).await.young, 2);
    assert_eq!(puts(&world) - before, 2, "a young copy is enough");
}

#[tokio::test]
async fn a_node_that_does_not_answer_is_no_node_without_the_block() {
    let (world, blocks) = stored().await;
    let lost = *blocks.first().unwrap();
    world.servers[0].forget(lost.hash());
    world.servers[1].set_down(true);
    let revived = look(&world, &blocks).await;
    assert_eq!((revived.young, revived.missing.len()), (1, 0));
    let why = &revived.in_doubt[&lost];
    assert!(why.contains("http://node-1/: the server cannot be reached"), "{why}");
    world.servers[0].set_down(true);
    let revived = look(&world, &blocks).await;
    assert_eq!((revived.in_doubt.len(), revived.anybody_answered), (2, false));
}

#[tokio::test]
async fn a_damaged_copy_that_cannot_be_renewed_is_in_doubt() {
    let (world, blocks) = stored().await;
    let damaged = *blocks.first().unwrap();
    for node in &world.servers {
        node.refuse_touch();
        node.damage(damaged.hash());
    }
    let revived = look(&world, &blocks).await;
    assert_eq!(revived.young, 1);
    assert!(revived.in_doubt[&damaged].contains("502 Bad Gateway"), "{revived:?}");
}

/// What a node says that has one volume.
fn mounts(device: &str, allow_trash: bool) -> Option<Vec<MountDescription>> {
    Some(vec![MountDescription {
        medium: None,
        uuid: format!("zzzzz-nyw5e-{device:0>15}"),
        device_id: device.to_owned(),
        allow_write: allow_trash,
        allow_trash,
        replication: 1,
        storage_classes: [("default".to_owned(), true)].into(),
    }])
}

#[tokio::test]
async fn a_block_that_can_only_be_read_is_well_where_surely_nobody_can_trash_it() {
    let (world, blocks) = stored().await;
    for block in &blocks {
        world.servers[0].forget(block.hash());
    }
    world.servers[1].be_read_only();
    let writable = || mounts("a", true);
    let known = vec![writable(), mounts("b", false)];
    let before = puts(&world);
    let revived = look_knowing(&world, &blocks, known.clone()).await;
    assert_eq!(revived, Revived { permanent: 2, anybody_answered: true, ..Revived::default() });
    assert_eq!(puts(&world), before);
    // One that may be trashed, or of which that is not known, is in doubt.
    for unsure in [mounts("b", true), mounts("a", false), None] {
        let revived = look_knowing(&world, &blocks, vec![writable(), unsure]).await;
        assert_eq!((revived.in_doubt.len(), revived.missing.len()), (2, 0));
        let why = revived.in_doubt.values().next().unwrap();
        assert!(why.starts_with("it can be read there, but not be made young, "), "{why}");
    }
    assert_eq!(look(&world, &blocks).await.in_doubt.len(), 2);
    // One that is not there stays nowhere.
    let lost = *blocks.first().unwrap();
    world.servers[1].forget(lost.hash());
    let revived = look_knowing(&world, &blocks, known).await;
    assert_eq!((revived.permanent, revived.missing), (1, [lost].into()));
}
