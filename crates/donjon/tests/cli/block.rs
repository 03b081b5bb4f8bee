//! `donjon block`: every command on a real node.

use std::fs;

use crate::node::Node;
use crate::program::donjon;

const FOO: &str = "acbd18db4cc2f85cedef654fccc4a4d8";
/// A block that nobody stores here.
const BAR: &str = "37b51d194a7513e45b56f6524f2d51f2";

#[test]
fn what_is_put_comes_back() {
    let node = Node::start();
    let signed = node.store(b"foo");
    assert!(signed.starts_with(&format!("{FOO}+3+A")), "the node signs: {signed}");
    assert_eq!(node.run(&["block", "get", &signed]).ends_with(0).stdout, b"foo");
    let unsigned = format!("{FOO}+3");
    assert_eq!(
        node.run(&["block", "get", &unsigned]).ends_with(0).stdout,
        b"foo",
        "signed here, with the node's key"
    );
    assert_eq!(
        node.run(&["block", "get", FOO]).ends_with(0).stdout,
        b"foo",
        "the size is asked for first"
    );
}

#[test]
fn files_become_blocks_and_blocks_a_file() {
    let node = Node::start();
    let directory = tempfile::tempdir().unwrap();
    let paths: Vec<String> = ["one", "two", "empty"]
        .map(|name| directory.path().join(name).to_str().unwrap().to_owned())
        .into();
    let long: Vec<u8> = (0..1_000_000_u32).map(|number| (number % 251) as u8).collect();
    fs::write(&paths[0], &long).unwrap();
    fs::write(&paths[1], "two").unwrap();
    fs::write(&paths[2], "").unwrap();
    let put = node
        .run(&["block", "put", "--json", &paths[0], &paths[1], &paths[2]])
        .ends_with(0)
        .json_lines();
    assert_eq!(
        put.iter().map(|put| put["size"].as_u64().unwrap()).collect::<Vec<_>>(),
        [1_000_000, 3, 0]
    );
    assert_eq!((&put[0]["file"], &put[0]["replicas"]), (&paths[0].as_str().into(), &1.into()));
    let copy = directory.path().join("copy");
    let locators: Vec<&str> = put.iter().map(|put| put["locator"].as_str().unwrap()).collect();
    node.run(&[
        "block",
        "get",
        "--output",
        copy.to_str().unwrap(),
        locators[0],
        locators[1],
        locators[2],
    ])
    .ends_with(0);
    assert_eq!(fs::read(&copy).unwrap(), [long, b"two".to_vec()].concat());
}

#[test]
fn a_block_of_64_mib_and_a_byte_is_two_blocks() {
    let node = Node::start();
    let data = vec![7; (64 << 20) + 1];
    let locators = node.store(&data);
    let sizes: Vec<&str> =
        locators.lines().map(|locator| locator.split('+').nth(1).unwrap()).collect();
    assert_eq!(sizes, ["67108864", "1"]);
    let ran = node.run_with_input(&["block", "get", "-"], locators.as_bytes()).ends_with(0);
    assert!(ran.stdout == data, "{} bytes came back", ran.stdout.len());
}

#[test]
fn a_missing_block_leaves_the_output_file_as_it_was() {
    let node = Node::start();
    let signed = node.store(b"foo");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "before").unwrap();
    let ran = node
        .run(&["block", "get", "-o", file.to_str().unwrap(), &signed, &format!("{BAR}+3")])
        .ends_with(3);
    ran.complains("not found");
    assert_eq!(fs::read(&file).unwrap(), b"before");
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "no temporary file stays");
}

#[test]
fn a_damaged_block_is_not_given_out() {
    let node = Node::start();
    let signed = node.store(b"foo");
    fs::write(node.file(FOO), "fox").unwrap();
    let ran = node.run(&["block", "get", &signed]).ends_with(1);
    assert_eq!(ran.stdout, b"");
    let ran = node.run(&["block", "head", &signed]).ends_with(1);
    assert!(ran.text().contains("failed"), "{}", ran.text());
}

#[test]
fn head_tells_the_size_and_the_exit_status_tells_the_rest() {
    let node = Node::start();
    let signed = node.store(b"foo");
    let ran = node.run(&["block", "head", &signed]).ends_with(0);
    assert_eq!(ran.text(), format!("{FOO}+3  found, 3 bytes\n"), "no signature in the output");
    node.run(&["block", "head", BAR]).ends_with(3);
    let both = node.run(&["block", "head", "--json", &signed, BAR]).ends_with(4).json_lines();
    assert_eq!((&both[0]["outcome"], &both[0]["size"]), (&"found".into(), &3.into()));
    assert_eq!(both[1]["outcome"], "not_found");
}

#[test]
fn touch_makes_a_block_young() {
    let node = Node::start();
    node.store(b"foo");
    let old = node.age(FOO);
    node.run(&["block", "touch", FOO]).ends_with(0);
    let line = node.run(&["index", "--json"]).ends_with(0).json_lines().remove(0);
    assert!(line["mtime_ns"].as_i64().unwrap() > old, "{line}");
    node.run(&["block", "touch", BAR]).ends_with(3);
}

#[test]
fn a_young_block_stays_and_an_old_one_is_trashed_and_recovered() {
    let node = Node::start();
    let signed = node.store(b"foo");
    let kept = node.run(&["block", "trash", "--json", FOO]).ends_with(4).json();
    assert_eq!(kept["outcome"], "kept", "{kept}");
    assert!(node.file(FOO).exists());
    node.age(FOO);
    assert_eq!(node.run(&["block", "trash", FOO]).ends_with(0).text(), format!("{FOO}  trashed\n"));
    node.run(&["block", "get", &signed]).ends_with(3);
    node.run(&["block", "trash", FOO]).ends_with(3);
    node.run(&["block", "untrash", FOO]).ends_with(0);
    assert_eq!(node.run(&["block", "get", &signed]).ends_with(0).stdout, b"foo");
    node.run(&["block", "untrash", FOO]).ends_with(3);
}

#[test]
fn a_wrong_token_is_told_with_a_way_out() {
    let node = Node::start();
    let ran =
        donjon(&["block", "touch", "--url", &node.url, "--token", "wrongsekret", FOO]).ends_with(1);
    assert!(ran.text().contains("403 Forbidden"), "{}", ran.text());
    assert!(ran.text().contains("is it the right token?"), "{}", ran.text());
    assert!(!ran.text().contains("wrongsekret"));
}
