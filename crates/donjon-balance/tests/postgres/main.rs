//! The database of Arvados, played by a real PostgreSQL server.
//!
//! `cargo test -p donjon-balance --features postgres-tests --test postgres`: needs the Debian package `postgresql`, no
//! running server, and not root.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod collections;
mod confirm;
mod confirm_model;
mod connect;
mod lock;
mod server;
mod somebody;
mod wrong_table;
