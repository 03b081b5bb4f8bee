//! The node over real sockets, on volumes in memory.

#![expect(clippy::unwrap_used, reason = "helpers of tests: what cannot go on fails the test")]

mod absences;
mod explain;
mod harness;
mod lifecycle;
mod lists;
mod pulls;
mod reading;
mod restarts;
mod stalls;
mod steering;
mod writing;
