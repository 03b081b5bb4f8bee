//! The balancer: it learns which blocks are referenced and which replicas exist, and makes the two lists of every node.
//!
//! Every rule is in `keep_rules::balance`; here are the facts it needs, the files it writes, and the lists it sends.

pub mod join; // all that is known of a block, block after block
pub mod plan; // plan files: written, read, compared, and the lists in them
pub mod runs; // more records than fit into memory, sorted
