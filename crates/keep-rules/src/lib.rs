//! The words of Keep and every decision about blocks.
//!
//! Invariant: nothing here reads a clock, a disk or a network. Time is an argument.

pub mod absence;
pub mod balance;
pub mod block;
pub mod brake;
pub mod cluster;
pub mod get;
pub mod guard;
mod hex;
pub mod locator;
pub mod mount;
pub mod name;
pub mod pull;
pub mod put;
pub mod remote;
pub mod rendezvous;
pub mod signature;
pub mod storage_class;
pub mod time;
pub mod token;
pub mod trash;

pub use block::{BLOCK_SIZE_MAX, BlockHash, HashPrefix};
pub use cluster::ClusterId;
pub use get::{Admission, ReadMethod, ReadRefusal, Signing, read_access};
pub use locator::{BadLocator, Locator, route_matches};
pub use mount::{Access, DeviceId, HostAccess, MountUuid, Replication, VolumeAccess};
pub use put::{PutMount, PutOutcome, PutPlan};
pub use remote::{RemoteRead, remote_read};
pub use rendezvous::Priority;
pub use signature::{SignatureError, SigningKey};
pub use storage_class::{ClassSet, StorageClass};
pub use time::Timestamp;
pub use token::{AdminRefusal, SaltError, Token, admin_access, salt};
