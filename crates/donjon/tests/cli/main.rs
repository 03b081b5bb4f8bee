//! The command line as a user meets it: the real program, real processes, real sockets and disks.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod arguments;
mod block;
mod config;
mod conformance;
mod deaf;
mod demo;
mod files;
mod help;
mod list;
mod messages;
mod node;
mod program;
mod serve;
mod view;
