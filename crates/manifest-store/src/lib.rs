//! A directory of manifests that can say of itself that it is complete: collections are published, listed and removed.
//!
//! It is what a balancer reads where there is no Arvados database, and what `donjon put`, `ls` and `rm` write
//! (`spec/keep-balance.md` section 8.1). On the disk:
//!
//! | file | what it is |
//! |---|---|
//! | `catalog` | every collection, a line each, and a SHA-256 over all of it: written last, replaced as a whole |
//! | `manifests/…` | the manifests; each is written once, under a name that no other ever had |
//! | `lock` | one writer at a time |
//!
//! - A directory that is absent, half mounted, half restored or half written is an error, never a directory with fewer
//!   collections: the catalog names every manifest, and each must be there with its portable data hash.
//! - A crash at any point leaves the collections from before or those from after. A manifest that no catalog names is
//!   what a crash left: nobody reads it, and the next writer sweeps it.
//! - A scan reads one catalog, whatever happens meanwhile: manifests never change, and are erased only a TTL and a day after
//!   the protection of their blocks has ended, by two clocks.
//! - What was removed or replaced stays a reference for the signature TTL: who still holds a signature of it may use it in a
//!   new collection (`spec/keep-balance.md` section 7, W9).

mod catalog; // every collection
mod disk; // steps that survive a power loss
mod entry; // one collection
mod error; // what is wrong, and what to do
mod files; // which manifest is where, and whether it is good
mod name; // what a collection is called
mod scan; // all references, or none
mod store; // who writes

pub use catalog::Catalog;
pub use entry::{Entry, Standing, Wanted};
pub use error::{StoreError, Was};
pub use name::{BadName, CollectionName};
pub use scan::{Scan, Scanned};
pub use store::{Change, Existing, Publication, Published, Store};
