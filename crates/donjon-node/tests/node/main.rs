//! The node over real sockets, on volumes in memory.

mod harness;
mod lifecycle;
mod lists;
mod pulls;
mod reading;
mod stalls;
mod writing;
