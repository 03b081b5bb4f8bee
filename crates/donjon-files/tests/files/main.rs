//! Trees in and out of nodes that keep their blocks in memory, and can fail.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod memory_node; // a node in memory
mod renewing; // blocks that wait too long
mod restoring; // what is there already, what is in the way, what cannot be had
mod reviving; // what comes back is looked for
mod round_trip; // whatever goes in comes out
mod sources; // what can be stored, and what cannot
mod storing; // copies, nodes that fail, blocks that come again
mod world; // a tree on the disk, nodes around it
