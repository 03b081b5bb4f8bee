//! Lists on file systems of their own: full ones, and what a power loss leaves of them.
//!
//! Run as root: `cargo test -p list-store --features machine-tests --test machine`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod full_disk;
#[path = "../store/given.rs"]
mod given;
mod power_loss;
