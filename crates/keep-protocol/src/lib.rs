//! The wire shapes of Keep: lists, index lines, mounts, and a client.

pub mod client;
pub mod paths;
pub mod list;
pub mod status;
