//! The balancer, through the real program, on real nodes, with the database of a real PostgreSQL server.
//!
//! `cargo test -p donjon --features postgres-tests --test balance-database`

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod arvados; // nodes, a database, a balancer
#[path = "../balance/cluster.rs"]
#[expect(dead_code, reason = "shared with the tests of the balancer, which use more of it")]
mod cluster;
mod confirmed; // the confirmed columns
mod locked; // one balancer at a time
#[path = "../cli/program.rs"]
#[expect(dead_code, reason = "shared with the tests of the command line, which use more of it")]
mod program;
mod rows; // what the table says is kept
#[path = "../balance/running.rs"]
#[expect(dead_code, reason = "shared with the tests of the balancer, which use more of it")]
mod running;
