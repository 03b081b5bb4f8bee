//! The back ends, through their public face, on real files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod contract;
mod disk;
mod durability;
mod faults;
mod full;
mod hangs;
mod index;
mod layout;
mod model;
mod races;
mod root;
mod sweep;
