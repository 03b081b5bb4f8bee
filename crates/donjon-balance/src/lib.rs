//! The balancer: it learns which blocks are referenced and which replicas exist, and makes the two lists of every node.
//!
//! Every rule is in `keep_rules::balance`; here are the facts it needs, the files it writes, and the lists it sends.

pub mod alone; // nobody else balances
mod applied; // what every node was sent
pub mod apply; // from a plan to the nodes
pub mod cases; // "what if"
pub mod collections; // the database as a source of references
pub mod confirm; // how many copies collections are confirmed to have
mod drafts; // files on their way to their names
pub mod durable; // a small file, replaced as a whole
pub mod foreign; // whether nodes have what they were sent
pub mod history; // the last runs
pub mod indexes; // what every device holds
pub mod join; // replicas, references and doomed replicas, block by block
pub mod judge; // what is decided on a block
pub mod keep; // the plans of a state directory
pub mod last_run; // what brakes compare with
pub mod layout; // what there is to balance
pub mod lock; // one balancer at a time
mod log; // what a run counted, in words
pub mod manifests; // a directory of manifests
pub mod metrics; // figures as Prometheus reads them
pub mod missing; // the report of lost blocks
pub mod observe; // all that a run decides on
pub mod once; // one run, whole
pub mod orders; // which copies are ordered now
pub mod outbox; // a list for one node, in a file
pub mod outcomes; // what became of the lists before
pub mod pages; // metrics, health, status
pub mod phase; // how long phases take
pub mod plan; // plan files
pub mod planning; // from what was learnt to a plan
pub mod postgres; // the database of Arvados: collections, locks, confirmed columns
pub mod progress; // how far a run is
pub mod reasons; // why items failed, in bounds
pub mod references; // what is wanted
pub mod retry; // asking again
#[cfg(test)]
mod rig; // what tests balance
pub mod runs; // more records than fit into memory, sorted
pub mod send; // to all nodes
pub mod sent; // what every node was last sent
pub mod servers; // the nodes and their mounts
pub mod service; // run after run
pub mod setbacks; // what failed, and how often
pub mod settings; // what a run needs to know
pub mod sorters; // how a run's memory is shared
pub mod statistics; // what a run counted
