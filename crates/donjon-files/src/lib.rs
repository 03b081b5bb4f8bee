//! Files and directories in and out of a block store: packed into blocks, named by a manifest, verified on the way back.
//!
//! | to | use |
//! |---|---|
//! | see what would be stored | [`scan()`] |
//! | store it | [`put()`]: gives the tree of a manifest, once all blocks have all their copies |
//! | keep it until it is published | [`Put::renew`] |
//! | have it back | [`get()`] |
//! | know that it is there, and keep it from a trash list | [`revive`] |
//!
//! Nothing here publishes: whoever calls [`put()`] writes the manifest where references are read, and does so within the
//! signature TTL of the first block.

mod apart; // how many copies are surely on devices of their own
mod destination; // where files are restored, and nowhere else
mod devices; // what tells two copies from one
mod failure; // what nodes said
mod fetch; // one block, from whichever node has it
mod get; // a tree, restored
mod layout; // which bytes of which block are a file
mod node; // what is asked of a node
mod nodes; // all of them, and who comes first
mod packing; // which files share a block
mod permanence; // copies that nobody can trash
mod placement; // who is asked next to keep a block
mod put; // a tree, stored
mod reading; // files become blocks
mod renewal; // blocks that have waited too long
mod restore; // the pieces of one block, put where they belong
mod revival; // blocks of what is brought back
mod scan; // what there is
mod steps; // which blocks are needed, for which pieces
mod store; // one block, on as many nodes as wanted

pub use devices::{Device, Devices};
pub use failure::NodeFailure;
pub use fetch::NotFetched;
pub use get::{Existing, GetError, GetOptions, Got, Locate, Unrestored, get};
pub use node::Node;
pub use nodes::{Nodes, Server, Signing};
pub use packing::Packing;
pub use placement::Wish;
pub use put::{Done, OnProgress, Put, PutError, PutOptions, PutReport, put};
pub use reading::SourceError;
pub use renewal::RenewError;
pub use revival::{OnBlock, ReviveOptions, Revived, revive};
pub use scan::{Kind, Scan, ScanError, Special, SpecialFile, scan};
pub use store::TooFewCopies;
