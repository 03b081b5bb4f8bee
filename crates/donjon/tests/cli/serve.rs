//! `donjon serve`: how a node starts and stops.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::node::Node;
use crate::program::{donjon, donjon_with_input};

#[test]
fn a_node_stops_at_sigterm_and_comes_back_with_its_blocks_and_tokens() {
    let node = Node::start();
    let signed = node.store(b"foo");
    let secrets = fs::read(node.data.path().join("donjon.yml")).unwrap();
    let (code, data) = node.stop();
    assert_eq!(code, Some(0));
    let again = Node::start_in(data);
    assert_eq!(fs::read(again.data.path().join("donjon.yml")).unwrap(), secrets);
    assert_eq!(again.run(&["block", "get", &signed]).ends_with(0).stdout, b"foo");
}

#[test]
fn the_secrets_of_a_data_directory_are_its_owners_alone() {
    let node = Node::start();
    let mode = fs::metadata(node.data.path().join("donjon.yml")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn an_address_that_is_taken_is_a_failed_start() {
    let node = Node::start();
    let parent = tempfile::tempdir().unwrap();
    let other = parent.path().join("other");
    let address = node.address();
    let ran = donjon(&["serve", "--data", other.to_str().unwrap(), "--listen", &address]);
    let ran = ran.ends_with(1).complains(&format!("cannot listen on http://{address}/: "));
    assert!(
        ran.stderr.contains("choose another address, with --listen HOST:PORT"),
        "{}",
        ran.stderr
    );
    assert!(!other.exists(), "nothing is set up with an address that is of no use");
}

#[test]
fn the_address_of_the_first_start_is_found_again() {
    let first = Node::start();
    let (address, (_code, data)) = (first.address(), first.stop());
    let again = Node::serve(data, &address, &[]);
    donjon(&["mounts", "--data", again.data.path().to_str().unwrap()]).ends_with(0);
}

#[test]
fn a_configuration_with_mistakes_is_a_failed_start_that_names_them_all() {
    let ran = donjon_with_input(
        &["serve", "-config", "-"],
        b"Clusters: {zzzzz: {API: {RequestTimeout: x}}}",
    )
    .ends_with(1);
    let ran = ran.complains("Clusters.zzzzz.API.RequestTimeout");
    assert!(ran.stderr.contains("SystemRootToken"), "{}", ran.stderr);
}

#[test]
fn a_directory_with_other_files_is_not_made_a_node() {
    let data = tempfile::tempdir().unwrap();
    fs::write(data.path().join("letter.txt"), "dear").unwrap();
    // No port of its own: the usual one may be taken here.
    let listen = ["--listen", "127.0.0.1:0"];
    let args = [&["serve", "--data", data.path().to_str().unwrap()], &listen[..]].concat();
    let ran = donjon(&args).ends_with(1);
    assert!(ran.stderr.contains("it has other files but no donjon.yml"), "{}", ran.stderr);
}

/// Each connection takes a file, and old shells allow a thousand.
#[test]
fn a_node_takes_as_many_files_as_it_may() {
    let node = Node::start();
    let limits = fs::read_to_string(format!("/proc/{}/limits", node.pid())).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let [soft, hard] = files.split_whitespace().skip(3).take(2).collect::<Vec<_>>()[..] else {
        panic!("{files}");
    };
    assert_eq!(soft, hard);
}
