//! What a user is told when something cannot be done: what, why, and what to do about it.

use std::fs;

use crate::deaf::Deaf;
use crate::program::{donjon, donjon_with_input};

#[test]
fn nobody_listening_is_told_with_its_cause_and_a_way_out() {
    let deaf = Deaf::new();
    let url = deaf.url();
    let ran = donjon(&["mounts", "--url", &url, "--token", "sekret"]).ends_with(1);
    let ran = ran.complains("mounts: the server cannot be reached: connecting failed");
    assert!(ran.stderr.contains("Connection refused"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("does the node run at this address? See --url and --data"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("sekret"), "the token leaks");
}

#[test]
fn several_blocks_are_not_tried_when_the_node_is_not_there() {
    let deaf = Deaf::new();
    let url = deaf.url();
    let foo = "acbd18db4cc2f85cedef654fccc4a4d8+3";
    let ran = donjon(&["block", "head", "--url", &url, foo, foo]).ends_with(1);
    assert_eq!(ran.stderr.matches("cannot be reached").count(), 1, "{}", ran.stderr);
}

#[test]
fn a_directory_without_a_node_is_told_and_left_alone() {
    let empty = tempfile::tempdir().unwrap();
    let ran = donjon(&["status", "--data", empty.path().to_str().unwrap()]).ends_with(2);
    ran.complains(
        "no node has lived here, there is no donjon.yml; `donjon serve --data DIR` makes it",
    );
    assert_eq!(fs::read_dir(&empty).unwrap().count(), 0, "asking must not set up a node");
}

#[test]
fn a_token_file_must_hold_a_token() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    fs::write(&file, "\nsekret\n").unwrap();
    donjon(&["mounts", "--token-file", file.to_str().unwrap()])
        .ends_with(2)
        .complains("its first line is empty");
    let missing = directory.path().join("missing");
    donjon(&["mounts", "--token-file", missing.to_str().unwrap()])
        .ends_with(1)
        .complains("cannot open");
}

#[test]
fn a_token_that_cannot_be_sent_is_not_repeated() {
    let ran = donjon(&["mounts", "--token", "sek\u{7}ret"])
        .ends_with(2)
        .complains("the token cannot be sent");
    assert!(!ran.stderr.contains("sek"), "{}", ran.stderr);
}

#[test]
fn a_bad_line_on_standard_input_is_named() {
    let input = b"acbd18db4cc2f85cedef654fccc4a4d8+3\nrubbish\n";
    let ran = donjon_with_input(&["block", "head", "-"], input).ends_with(2);
    ran.complains("standard input, line 2: invalid locator");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    donjon(&["block", "put", "/nonexistent/file"])
        .ends_with(1)
        .complains("cannot open /nonexistent/file: No such file");
    donjon(&["list", "put", "trash", "/nonexistent/list"])
        .ends_with(1)
        .complains("cannot read /nonexistent/list");
    donjon(&["demo", "/nonexistent/file"]).ends_with(1).complains("cannot read /nonexistent/file");
}
