//! Sorting and plans on a disk that is really full.
//!
//! Run as root: `cargo test -p donjon-balance --features machine-tests --test machine`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod full_disk;
#[path = "../plan/given.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod given;
mod mounted;
