//! The balancer: it learns which blocks are referenced and which replicas exist, and makes the two lists of every node.
//!
//! Every rule is in `keep_rules::balance`; here are the facts it needs, the files it writes, and the lists it sends.

pub mod lock; // one balancer at a time
pub mod outbox; // a list for one node, in a file
pub mod postgres; // the database of Arvados: collections, locks, confirmed columns
pub mod retry; // asking again
pub mod send; // to all nodes
pub mod sent; // what every node was last sent
pub mod servers; // the nodes and their mounts
