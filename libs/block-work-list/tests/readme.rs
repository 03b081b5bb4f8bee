//! The README shows the examples as they are.
#![cfg(not(loom))]

const README: &str = include_str!("../README.md");

#[track_caller]
fn check(example: &str) {
    assert!(
        README.contains(&format!("```rust\n{example}```\n")),
        "copy the example into README.md again"
    );
}

#[test]
fn the_readme_shows_the_worker_loop() {
    check(include_str!("../examples/worker_loop.rs"));
}

#[test]
fn the_readme_shows_the_http_handler() {
    check(include_str!("../examples/put_handler.rs"));
}
