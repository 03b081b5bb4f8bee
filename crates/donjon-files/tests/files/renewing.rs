//! Blocks that wait too long for their manifest.

use std::cell::Cell;
use std::time::Duration;

use keep_rules::Timestamp;

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
async fn a_block_that_is_gone_stops_the_publication() {
    let world = World::new(1);
    world.write("a", [1; 300]);
    let mut put = world.put(1, &[]).await.unwrap();
    world.servers[0].forget(put.blocks()[0].block.hash());
    let error =
        put.renew(&world.nodes(), TTL, || Timestamp::from_seconds(1_500)).await.unwrap_err();
    assert!(error.to_string().contains("cannot be renewed: http://node-0/: not found"), "{error}");
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
