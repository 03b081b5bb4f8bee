//! A ledger on a disk that is really full.
//!
//! Run as root: `cargo test -p ledger --features machine-tests --test machine`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod full_disk;
mod mounted;
