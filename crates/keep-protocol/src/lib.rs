//! The wire shapes of Keep: lists, index lines, mounts, and a client.

pub mod client;
pub mod index;
pub mod list;
pub mod mounts;
pub mod paths;
pub mod status;
