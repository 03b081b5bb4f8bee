//! A ledger on a disk that is really full.
//!
//! Run as root: `cargo test -p ledger --features machine-tests --test machine`.

mod full_disk;
