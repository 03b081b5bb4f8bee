//! What can be stored, and what cannot.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use donjon_files::{Kind, PutError, ScanError, SourceError, Special, scan};

use crate::world::World;

#[test]
fn links_and_pipes_are_refused_by_name_or_left_out() {
    let world = World::new(1);
    world.write("file", "data");
    symlink("file", world.input().join("link")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, world.input().join("pipe"), rustix::fs::Mode::RWXU)
        .unwrap();
    let error = scan(&[world.input()], Special::Refuse).unwrap_err().to_string();
    for part in ["2 of the files", "--skip-special", "link (symbolic link)", "pipe (named pipe)"] {
        assert!(error.contains(part), "{error}");
    }
    let scan = scan(&[world.input()], Special::Skip).unwrap();
    let mut kinds: Vec<Kind> = scan.skipped().iter().map(|special| special.kind).collect();
    kinds.sort_by_key(|kind| kind.to_string());
    assert_eq!(kinds, [Kind::Pipe, Kind::Symlink]);
    assert_eq!((scan.files(), scan.bytes()), (1, 4));
}

#[tokio::test]
async fn an_argument_may_be_a_link() {
    let world = World::new(1);
    world.write("file", "data");
    let link = world.dir.path().join("link");
    symlink(world.input().join("file"), &link).unwrap();
    let scan = scan(&[link], Special::Refuse).unwrap();
    let options = world.options(1);
    let now = || keep_rules::Timestamp::from_seconds(1_000);
    let put = donjon_files::put(scan, &world.nodes(), &options, now).await.unwrap();
    world.get(&put.tree, donjon_files::Existing::Keep).await.unwrap();
    assert_eq!(std::fs::read(world.output().join("link")).unwrap(), b"data");
}

#[test]
fn two_arguments_of_one_name_are_refused() {
    let world = World::new(1);
    world.write("a/same", "1");
    world.write("b/same", "2");
    let paths: Vec<PathBuf> = ["a/same", "b/same"].map(|path| world.input().join(path)).into();
    let error = scan(&paths, Special::Refuse).unwrap_err();
    assert!(matches!(error, ScanError::SameName { .. }), "{error}");
}

#[test]
fn what_is_not_there_is_an_error() {
    let world = World::new(1);
    let error = scan(&[world.input().join("nothing")], Special::Skip).unwrap_err().to_string();
    assert!(error.contains("cannot look at") && error.contains("nothing"), "{error}");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_stops_everything() {
    let world = World::new(1);
    world.write("a", [1; 1_000]);
    world.write("b", "there, then gone");
    let before = scan(&[world.input()], Special::Refuse).unwrap();
    fs::remove_file(world.input().join("b")).unwrap();
    let error = donjon_files::put(before, &world.nodes(), &world.options(1), || {
        keep_rules::Timestamp::EPOCH
    })
    .await
    .unwrap_err();
    assert!(matches!(error, PutError::Source(SourceError::Io { .. })), "{error}");
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_an_error() {
    let world = World::new(1);
    world.write("a", [1; 100_000]);
    // The node writes to the file as soon as it has the first block: much of it is still to be read then.
    let victim = world.input().join("a");
    let mut options = world.options(1);
    options.on_progress = std::sync::Arc::new(move |_| {
        File::options().write(true).open(&victim).unwrap().set_len(50_000).unwrap();
    });
    let scan = scan(&[world.input()], Special::Refuse).unwrap();
    let error = donjon_files::put(scan, &world.nodes(), &options, || keep_rules::Timestamp::EPOCH)
        .await
        .unwrap_err();
    assert!(matches!(error, PutError::Source(SourceError::Changed { .. })), "{error}");
}
