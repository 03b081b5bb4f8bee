//! The wire shapes of Keep: lists, index lines, mounts, and a client.

pub mod status;
