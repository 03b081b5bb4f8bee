//! Files and directories in and out of a block store: packed into blocks, named by a manifest, verified on the way back.
//!
//! [`scan()`] looks at what is to be stored, [`put()`] stores it and gives the tree of its manifest, [`get()`] restores such a
//! tree. Whoever calls [`put()`] publishes the manifest, within the signature TTL of the first block.

mod get; // a tree, restored
mod nodes; // which node is asked for a block
mod pack; // which files share a block
mod put; // a tree, stored
mod scan; // what there is to store
mod target; // where files are restored, and nowhere else

pub use get::{Existing, GetError, Getting, Got, get};
pub use nodes::{Node, NodeFailure, Nodes, Signing, TooFewCopies, Unread};
pub use put::{Put, PutError, Putting, put};
pub use scan::{Found, Kind, Scan, ScanError, Special, scan};

/// Is told how far the work is. Called from several tasks.
pub trait Progress: Send + Sync {
    /// So many bytes more are done.
    fn bytes(&self, count: u64);
}
