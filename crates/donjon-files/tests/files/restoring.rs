//! What is there already, what is in the way, what cannot be had.

use std::fs;
use std::os::unix::fs::symlink;

use donjon_files::{Existing, GetError, Unrestored};
use keep_manifest::{Tree, TreePath};
use keep_rules::BlockHash;
use md5::{Digest as _, Md5};

use crate::world::{World, contents};

/// One file of two blocks, and two short ones that share a block.
async fn stored(nodes: usize) -> (World, Tree) {
    let world = World::new(nodes);
    world.write("long", (0..=255).chain(0..=99).collect::<Vec<u8>>());
    world.write("dir/one", "first");
    world.write("dir/two", "second");
    let tree = world.put(u32::try_from(nodes).unwrap(), &[]).await.unwrap().tree;
    (world, tree)
}

fn path(text: &str) -> TreePath {
    TreePath::new(text.as_bytes()).unwrap()
}

#[tokio::test]
async fn a_damaged_or_missing_copy_is_read_from_another_node() {
    let (world, tree) = stored(2).await;
    for (number, hash) in world.servers[0].hashes().into_iter().enumerate() {
        match number {
            0 => world.servers[0].damage(hash),
            _ => world.servers[0].forget(hash),
        }
    }
    let got = world.get(&tree, Existing::Keep).await.unwrap();
    assert!(got.unrestored.is_empty());
    assert_eq!(contents(&world.output()), contents(&world.input()));
}

#[tokio::test]
async fn a_damaged_copy_is_called_damaged_with_its_node_also_if_the_node_hangs_up() {
    let (world, tree) = stored(1).await;
    let block = tree.file(&path("long")).unwrap().segments()[1].block();
    world.servers[0].damage(block.hash());
    world.servers[0].hang_up_at_damage();
    let got = world.get(&tree, Existing::Keep).await.unwrap();
    let Some(Unrestored::NoBlock(why)) = got.unrestored.get(&path("long")) else {
        panic!("{got:?}")
    };
    let expected =
        format!("block {block} cannot be read: http://node-0/: block {} is damaged", block.hash());
    assert!(why.to_string().contains(&expected), "{why}");
}

#[tokio::test]
async fn a_lost_block_costs_its_files_and_no_others() {
    let (world, tree) = stored(1).await;
    let lost = tree.file(&path("long")).unwrap().segments()[1].block();
    world.servers[0].forget(lost.hash());
    let got = world.get(&tree, Existing::Keep).await.unwrap();
    let Some(Unrestored::NoBlock(why)) = got.unrestored.get(&path("long")) else {
        panic!("{got:?}")
    };
    let expected = format!("block {lost} cannot be read: http://node-0/: not found");
    assert_eq!(why.to_string(), expected);
    assert_eq!((got.written, got.unrestored.len()), (2, 1));
    assert!(!world.output().join("long").exists());
    assert_eq!(fs::read(world.output().join("dir/two")).unwrap(), b"second");
}

#[tokio::test(start_paused = true)]
async fn nobody_who_answers_ends_the_run_and_what_is_there_is_used_later() {
    let (world, tree) = stored(1).await;
    world.servers[0].set_down(true);
    let error = world.get(&tree, Existing::Keep).await.unwrap_err();
    assert!(matches!(error, GetError::NobodyAnswers(_)), "{error}");
    world.servers[0].set_down(false);
    assert!(world.get(&tree, Existing::Keep).await.unwrap().unrestored.is_empty());
    assert_eq!(contents(&world.output()), contents(&world.input()));
}

#[tokio::test]
async fn what_is_there_is_not_fetched_again() {
    let (world, tree) = stored(1).await;
    world.get(&tree, Existing::Keep).await.unwrap();
    let before = world.servers[0].gets();
    let again = world.get(&tree, Existing::Keep).await.unwrap();
    assert_eq!((again.kept, again.written, again.blocks), (3, 0, 0));
    assert_eq!(world.servers[0].gets(), before);
    // One of two that share a block: the other is compared, this one written.
    fs::remove_file(world.output().join("dir/one")).unwrap();
    let again = world.get(&tree, Existing::Keep).await.unwrap();
    assert_eq!((again.kept, again.written, again.blocks), (2, 1, 1));
    assert_eq!(contents(&world.output()), contents(&world.input()));
}

#[tokio::test]
async fn unfinished_files_are_gone_on_with_by_their_hashes() {
    let (world, tree) = stored(1).await;
    // The last block is lost: the run before leaves the first of the long file.
    let last = tree.file(&path("long")).unwrap().segments()[1].block().hash();
    world.servers[0].forget(last);
    world.get(&tree, Existing::Keep).await.unwrap();
    assert!(world.output().join(".donjon-get").exists());
    world.put(1, &[]).await.unwrap();
    let got = world.get(&tree, Existing::Keep).await.unwrap();
    assert_eq!((got.blocks, got.written, got.kept), (1, 1, 2), "the first block was there");
    assert_eq!(contents(&world.output()), contents(&world.input()), "and nothing is left over");
}

#[tokio::test]
async fn garbage_in_unfinished_files_is_not_believed() {
    let (world, tree) = stored(1).await;
    let last = tree.file(&path("long")).unwrap().segments()[1].block().hash();
    world.servers[0].forget(last);
    world.get(&tree, Existing::Keep).await.unwrap();
    for entry in fs::read_dir(world.output().join(".donjon-get")).unwrap() {
        fs::write(entry.unwrap().path(), [9; 5_000]).unwrap();
    }
    world.put(1, &[]).await.unwrap();
    world.get(&tree, Existing::Keep).await.unwrap();
    assert_eq!(contents(&world.output()), contents(&world.input()));
}

#[tokio::test]
async fn other_files_are_never_overwritten_unasked() {
    let (world, tree) = stored(1).await;
    fs::create_dir_all(world.output().join("dir")).unwrap();
    fs::write(world.output().join("long"), "mine").unwrap();
    let error = world.get(&tree, Existing::Keep).await.unwrap_err().to_string();
    assert!(error.contains("long: another file is there; --overwrite replaces it"), "{error}");
    assert!(!world.output().join("dir/one").exists(), "nothing was changed");
    // A directory with it could not be put.
    assert!(!world.output().join(".donjon-get").exists(), "nothing was changed");

    fs::remove_file(world.output().join("long")).unwrap();
    fs::write(world.output().join("dir/one"), "FIRST").unwrap();
    let got = world.get(&tree, Existing::Keep).await.unwrap();
    assert!(matches!(got.unrestored.get(&path("dir/one")), Some(Unrestored::Differs)));
    assert_eq!(fs::read(world.output().join("dir/one")).unwrap(), b"FIRST");
    assert_eq!(fs::read(world.output().join("dir/two")).unwrap(), b"second");

    let got = world.get(&tree, Existing::Overwrite).await.unwrap();
    assert!(got.unrestored.is_empty());
    assert_eq!(contents(&world.output()), contents(&world.input()));
}

#[tokio::test]
async fn no_link_leads_out_of_the_destination() {
    let (world, tree) = stored(1).await;
    let elsewhere = world.dir.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::create_dir(world.output()).unwrap();
    symlink(&elsewhere, world.output().join("dir")).unwrap();
    for existing in [Existing::Keep, Existing::Overwrite] {
        let error = world.get(&tree, existing).await.unwrap_err().to_string();
        assert!(
            error.contains("dir: it should be a directory, and links are not followed"),
            "{error}"
        );
    }
    fs::remove_file(world.output().join("dir")).unwrap();
    // A link in the place of a file is replaced, what it leads to is not touched.
    let victim = elsewhere.join("victim");
    fs::write(&victim, "precious").unwrap();
    symlink(&victim, world.output().join("long")).unwrap();
    assert!(world.get(&tree, Existing::Keep).await.is_err());
    world.get(&tree, Existing::Overwrite).await.unwrap();
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
    assert_eq!(contents(&world.output()), contents(&world.input()));
}

#[tokio::test]
async fn names_that_no_directory_can_have_are_refused_before_anything_is_made() {
    let world = World::new(1);
    for name in [&b"a\0b"[..], b".donjon-get/x"] {
        let mut tree = Tree::new();
        tree.file_mut(&TreePath::new(name).unwrap()).unwrap();
        let error = world.get(&tree, Existing::Keep).await.unwrap_err();
        assert!(matches!(error, GetError::BadName { .. }), "{error}");
        assert!(!world.output().exists());
    }
}

#[tokio::test]
async fn zeros_are_zeros_whatever_was_there() {
    let world = World::new(1);
    world.write("zeros", [0; 700]);
    world.write("mixed", [[0; 300], [1; 300], [0; 300]].concat());
    let tree = world.put(1, &[]).await.unwrap().tree;
    let unfinished = world.output().join(".donjon-get");
    for stage in ["nothing", "other files", "other files and garbage"] {
        if stage != "nothing" {
            fs::write(world.output().join("zeros"), [3; 700]).unwrap();
            fs::write(world.output().join("mixed"), [3; 900]).unwrap();
        }
        if stage.ends_with("garbage") {
            fs::create_dir(&unfinished).unwrap();
            for name in ["zeros", "mixed"] {
                let hash = BlockHash::from_bytes(Md5::digest(name).into());
                fs::write(unfinished.join(hash.to_string()), [9; 2_000]).unwrap();
            }
        }
        world.get(&tree, Existing::Overwrite).await.unwrap();
        assert_eq!(contents(&world.output()), contents(&world.input()), "{stage}");
    }
}

#[tokio::test]
async fn a_file_in_the_place_of_the_destination_is_told() {
    let (world, tree) = stored(1).await;
    fs::write(world.output(), "mine").unwrap();
    let error = world.get(&tree, Existing::Keep).await.unwrap_err().to_string();
    assert!(error.ends_with("/out: something is there that is no directory"), "{error}");
    assert_eq!(fs::read(world.output()).unwrap(), b"mine");
}

#[tokio::test]
async fn two_runs_do_not_fill_one_directory() {
    let (world, tree) = stored(1).await;
    fs::create_dir(world.output()).unwrap();
    let held = fs::File::open(world.output()).unwrap();
    held.lock().unwrap();
    let error = world.get(&tree, Existing::Keep).await.unwrap_err().to_string();
    assert!(error.contains("another `donjon get` restores into it"), "{error}");
}
