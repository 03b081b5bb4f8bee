//! The balancer: it learns which blocks are referenced and which replicas exist, and makes the two lists of every node.
//!
//! Every rule is in `keep_rules::balance`; here are the facts it needs, the files it writes, and the lists it sends.

pub mod cases; // "what if"
pub mod indexes; // what every device holds
pub mod join; // replicas, references and doomed replicas, block by block
pub mod judge; // what is decided on a block
pub mod layout; // what there is to balance
pub mod lock; // one balancer at a time
pub mod observe; // all that a run decides on
pub mod outbox; // a list for one node, in a file
pub mod pages; // metrics, health, status
pub mod progress; // how far a run is
pub mod references; // what is wanted
pub mod retry; // asking again
pub mod runs; // more records than fit into memory, sorted
pub mod send; // to all nodes
pub mod sent; // what every node was last sent
pub mod servers; // the nodes and their mounts
pub mod settings; // what a run needs to know
