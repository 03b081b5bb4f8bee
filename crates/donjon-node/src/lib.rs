//! The storage node: HTTP, mounts, lists and their workers.

pub mod config;
