//! The database of an Arvados cluster: its collections, its advisory locks, its confirmed columns.
//!
//! Every task has a session of its own, so that a lock can be looked at while the table is read, and whatever a task leaves
//! behind ends with it. There is no TLS: reach a database of another machine over a network that is trusted, or a tunnel.

mod address;
mod collections;
mod columns;
mod confirm;
mod digest;
mod error;
mod lock;
mod row;
mod session;
mod time;
mod write;

pub use address::{Address, Timeouts};
pub use collections::{CollectionsError, CollectionsRead};
pub use confirm::{ConfirmError, ConfirmPass, Confirmed, ConfirmedUpdate, RowFailure};
pub use digest::CollectionsDigest;
pub use error::DatabaseError;
pub use lock::{Holder, LockError, LockKey, LockWait, SweepLock};
pub use row::CollectionRow;
pub use session::Database;
pub use time::DatabaseTime;
