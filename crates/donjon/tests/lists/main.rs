//! Lists that an operator can trust: a file for each promise, through the real program.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod api; // every documented route
mod books; // 3: they balance at every instant
mod dry_run; // 5
mod durable; // 1: what was answered survives
mod explain; // 8
mod guard; // 6: a list that names too much is held
mod ledger; // 7
mod mounts; // another directory in the place of a volume
mod node;
#[path = "../cli/program.rs"]
mod program;
mod receipts; // 2
mod steer; // 4: pause, remove, rates, freeze
mod trash_hits; // 10
mod undo; // 9
mod watch; // until the end, whoever sends another list
