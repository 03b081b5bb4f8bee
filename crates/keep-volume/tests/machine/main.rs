//! Volumes on file systems of their own: full ones, unmounted ones, and what a power loss leaves of them.
//!
//! Run as root: `cargo test -p keep-volume --features machine-tests --test machine`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod full_disk;
mod opened;
mod power_loss;
mod unmounted;
