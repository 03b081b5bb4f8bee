//! Whatever goes in comes out.

use donjon_files::Existing;
use keep_manifest::Tree;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use crate::world::{BLOCK_MAX, World, contents};

/// Names that file systems take and manifests escape.
fn name() -> impl Strategy<Value = Vec<u8>> {
    let odd = prop_oneof![
        Just(b'a'),
        Just(b'b'),
        Just(b' '),
        Just(b':'),
        Just(b'\\'),
        Just(b'\n'),
        Just(b'-'),
        Just(b'.'),
        Just(0xff_u8),
        Just(1_u8)
    ];
    vec(odd, 1..6).prop_filter("a name", |name| name != b"." && name != b"..")
}

/// Sizes around every limit: none, shared, own blocks, several.
fn data() -> impl Strategy<Value = Vec<u8>> {
    let max = BLOCK_MAX as usize;
    let length = prop_oneof![
        Just(0),
        1..15_usize,
        Just(15),
        Just(16),
        Just(17),
        Just(max - 1),
        Just(max),
        Just(max + 1),
        Just(2 * max),
        0..3 * max
    ];
    (length, 0..4_u8).prop_map(|(length, seed)| {
        (0..length).map(|at| u8::try_from(at % 251).unwrap().wrapping_mul(seed)).collect()
    })
}

/// A path, and the bytes of a file; nothing for a directory.
type Planted = (Vec<Vec<u8>>, Option<Vec<u8>>);

fn tree() -> impl Strategy<Value = Vec<Planted>> {
    vec((vec(name(), 1..4), prop_oneof![3 => data().prop_map(Some), 1 => Just(None)]), 0..25)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_tree_comes_back_as_it_was(entries in tree(), nodes in 1..4_usize) {
        let world = World::new(nodes);
        for (path, data) in entries {
            let on_disk = path.iter().fold(world.input(), |dir, name| {
                dir.join(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name))
            });
            // What is in the way of an earlier one is left out.
            match data {
                Some(data) if !on_disk.exists() => {
                    let made = std::fs::create_dir_all(on_disk.parent().unwrap());
                    drop(made.and_then(|()| std::fs::write(&on_disk, data)));
                }
                Some(_) => {}
                None => drop(std::fs::create_dir_all(&on_disk)),
            }
        }
        let expected = contents(&world.input());
        let files = expected.values().flatten().count() as u64;
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let put = world.put(1, &[]).await.unwrap();
            prop_assert_eq!(put.report.files, files);
            prop_assert!(world.servers.iter().all(|node| node.longest() <= BLOCK_MAX as usize));
            // Through the text: what is published is what comes back.
            let mut text = Vec::new();
            put.tree.write(&mut text).unwrap();
            let tree = Tree::read(&text[..], 1 << 30).unwrap();
            let got = world.get(&tree, Existing::Keep).await.unwrap();
            prop_assert!(got.unrestored.is_empty());
            prop_assert_eq!((got.written, got.kept), (files, 0));
            prop_assert_eq!(&contents(&world.output()), &expected);
            let again = world.get(&tree, Existing::Keep).await.unwrap();
            prop_assert_eq!((again.written, again.kept), (0, files));
            prop_assert_eq!(&contents(&world.output()), &expected);
            Ok(())
        })?;
    }

    #[test]
    fn the_same_files_are_the_same_blocks(files in btree_map(name(), data(), 0..20)) {
        let [first, second] = [World::new(1), World::new(2)].map(|world| {
            for (name, data) in &files {
                world.write(name, data);
            }
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(world.put(1, &[])).unwrap().tree.portable_data_hash()
        });
        prop_assert_eq!(first, second);
    }
}
