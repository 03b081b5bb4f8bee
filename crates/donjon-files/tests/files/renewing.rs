//! Blocks that wait too long for their manifest.

use std::cell::Cell;
use std::time::Duration;

use keep_rules::Timestamp;

use crate::memory_node::MemoryNode;
use crate::world::World;

const TTL: Duration = Duration::from_secs(1_000);

#[tokio::test]
async fn young_blocks_are_left_alone_and_old_ones_are_touched_on_every_node_that_has_them() {
    let world = World::new(3);
    world.write("a", [1; 300]);
    let mut put = world.put(2, &[]).await.unwrap();
    let nodes = world.nodes();
    let touched = || world.servers.iter().map(|node| node.touched().len()).sum::<usize>();
    let at = |seconds| move || Timestamp::from_seconds(seconds);
    assert_eq!(put.renew(&nodes, TTL, at(1_499)).await.unwrap(), 0);
    assert_eq!(touched(), 0);
    assert_eq!(put.renew(&nodes, TTL, at(1_500)).await.unwrap(), 2);
    assert_eq!(touched(), 4);
    assert_eq!(put.renew(&nodes, TTL, at(1_500)).await.unwrap(), 0, "they are young now");
}

#[tokio::test]
async fn a_block_that_may_not_be_touched_or_is_gone_is_sent_again() {
    let world = World::new(2);
    world.write("a", [1; 300]);
    let mut put = world.put(2, &[]).await.unwrap();
    let puts = || world.servers.iter().map(MemoryNode::puts).sum::<u64>();
    let before = puts();
    world.servers[0].refuse_touch();
    let lost = world.servers[0].hashes()[0];
    world.servers[1].forget(lost);
    let at = || Timestamp::from_seconds(1_500);
    assert_eq!(put.renew(&world.nodes(), TTL, at).await.unwrap(), 2);
    assert_eq!(puts() - before, 3, "two blocks on one node, one on the other");
    assert!(world.servers[1].hashes().contains(&lost));
}

#[tokio::test]
async fn in_classes_blocks_are_sent_again_because_a_touch_reaches_one_replica() {
    let world = World::new(1);
    world.write("a", [1; 300]);
    let mut put = world.put(1, &["default"]).await.unwrap();
    let before = world.servers[0].puts();
    put.renew(&world.nodes(), TTL, || Timestamp::from_seconds(1_500)).await.unwrap();
    assert_eq!(world.servers[0].puts() - before, 2);
    assert!(world.servers[0].touched().is_empty());
}

#[tokio::test]
async fn a_block_that_nobody_has_any_more_stops_the_publication() {
    let world = World::new(1);
    world.write("a", [1; 300]);
    let mut put = world.put(1, &[]).await.unwrap();
    world.servers[0].forget(world.servers[0].hashes()[0]);
    let error =
        put.renew(&world.nodes(), TTL, || Timestamp::from_seconds(1_500)).await.unwrap_err();
    let error = error.to_string();
    assert!(error.contains("cannot be read: http://node-0/: not found"), "{error}");
}

#[tokio::test]
async fn a_clock_that_runs_away_is_an_error_and_no_endless_loop() {
    let world = World::new(1);
    world.write("a", [1; 300]);
    let mut put = world.put(1, &[]).await.unwrap();
    let clock = Cell::new(1_500);
    let run_away = || {
        clock.set(clock.get() + 500);
        Timestamp::from_seconds(clock.get())
    };
    let error = put.renew(&world.nodes(), TTL, run_away).await.unwrap_err().to_string();
    assert!(error.contains("faster than they can be renewed"), "{error}");
}
