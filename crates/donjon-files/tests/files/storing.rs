//! Copies, nodes that fail, blocks that come again.

use donjon_files::PutError;

use crate::world::World;

fn two_files(world: &World) {
    world.write("a", [1; 100]);
    world.write("b", [2; 100]);
}

#[tokio::test]
async fn every_block_has_as_many_copies_as_wanted() {
    let world = World::new(3);
    two_files(&world);
    let put = world.put(2, &[]).await.unwrap();
    assert_eq!((put.report.files, put.report.bytes, put.report.blocks), (2, 200, 2));
    assert_eq!(world.servers.iter().map(|node| node.hashes().len()).sum::<usize>(), 4);
}

#[tokio::test(start_paused = true)]
async fn another_node_takes_the_place_of_one_that_fails() {
    let world = World::new(3);
    two_files(&world);
    world.servers[1].set_down(true);
    world.put(2, &[]).await.unwrap();
    assert_eq!(world.servers[0].hashes().len(), 2);
    assert_eq!(world.servers[2].hashes().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn too_few_copies_are_an_error_that_says_what_each_node_said() {
    let world = World::new(2);
    two_files(&world);
    world.servers[1].set_down(true);
    let error = world.put(2, &[]).await.unwrap_err();
    assert!(matches!(&error, PutError::TooFewCopies(few) if few.copies == 1), "{error:?}");
    let text = error.to_string();
    for part in
        ["1 of 2 copies", "http://node-1/: the server cannot be reached", "Nothing is published"]
    {
        assert!(text.contains(part), "{text}");
    }
    world.servers[1].set_down(false);
    let text = world.put(3, &[]).await.unwrap_err().to_string();
    assert!(
        text.contains("2 of 3 copies; nodes that were asked: 2, and there are no more"),
        "{text}"
    );
}

#[tokio::test]
async fn copies_in_the_wrong_class_do_not_count() {
    let world = World::new(2);
    two_files(&world);
    world.servers[0].set_class("fast");
    world.put(1, &["fast"]).await.unwrap();
    assert_eq!(world.servers[0].hashes().len(), 2);
    let error = world.put(2, &["fast"]).await.unwrap_err().to_string();
    assert!(error.contains("of 2 copies in fast"), "{error}");
}

#[tokio::test]
async fn two_nodes_that_show_one_device_have_one_copy() {
    let world = World::new(3);
    two_files(&world);
    for (node, device) in std::iter::zip(&world.servers, ["a", "a", "b"]) {
        node.set_device(device);
    }
    world.put(2, &[]).await.unwrap();
    assert_eq!(world.servers[2].hashes().len(), 2, "the other device has every block");
    let few = world.put(3, &[]).await.unwrap_err().to_string();
    assert!(
        few.contains("2 of 3 copies, and 1 more on devices that may have one already"),
        "{few}"
    );
    assert!(few.contains("to put again does not help, because nodes share devices"), "{few}");
}

#[tokio::test]
async fn a_node_that_does_not_say_where_it_writes_counts_beside_no_other() {
    let world = World::new(3);
    two_files(&world);
    world.servers[0].be_silent();
    world.put(2, &[]).await.unwrap();
    for node in &world.servers[1..] {
        assert_eq!(node.hashes().len(), 2, "two copies beside that of the silent node");
    }
    let few = world.put(3, &[]).await.unwrap_err().to_string();
    for part in
        ["2 of 3 copies, and 1 more", "http://node-0/", "GET /mounts", "put again when these"]
    {
        assert!(few.contains(part), "{part}: {few}");
    }
}

#[tokio::test]
async fn a_block_that_comes_again_is_sent_once() {
    let world = World::new(1);
    for name in ["a", "b", "c/d"] {
        world.write(name, [7; 700]);
    }
    let put = world.put(1, &[]).await.unwrap();
    // 256 + 256 + 188 bytes, of which the first two are the same.
    assert_eq!((put.report.blocks, put.report.repeated_blocks), (2, 7));
    assert_eq!((put.report.bytes, put.report.block_bytes), (2_100, 444));
    assert_eq!(world.servers[0].puts(), 2);
}

#[tokio::test]
async fn short_files_share_blocks_and_a_new_one_changes_few() {
    let world = World::new(1);
    for number in 0..2_000 {
        world.write(format!("{number:04}"), format!("file {number:06}"));
    }
    let before = world.put(1, &[]).await.unwrap();
    assert!(before.report.blocks < 150, "{:?}", before.report);
    world.write("0000-and-a-half", "another");
    world.put(1, &[]).await.unwrap();
    let new = world.servers[0].hashes().len() as u64 - before.report.blocks;
    assert!(new < before.report.blocks, "{new} of {} blocks changed", before.report.blocks);
}
