//! The durable form of a node's two work lists: a list that was answered with success is on the disk, with its progress.
//!
//! A [`ListStore`] keeps one list in a directory of the node. [`ListStore::begin`] gives a [`Draft`], into which the items
//! stream while the list arrives; [`Draft::commit`] makes it the stored list and gives a [`StoredList`], which takes down
//! what becomes of the items; [`ListStore::load`] gives back, after a restart, what has not ended.
//!
//! Nothing here waits for anything but the disk: all calls block. Time is an argument.
//!
//! # What is on the disk
//! | file | contents | written | damage |
//! |---|---|---|---|
//! | `trash.state` | last generation, last epoch, which list is current, orders | replaced as a whole, synced | an error |
//! | `trash-7.list` | header, items in blocks, receipt and names | once, synced before it is current | an error |
//! | `trash-7.progress` | an entry of 10 bytes for each item that ended | appended, not synced | those items run again |
//! | `trash-*.draft` | a list that is still arriving | | removed when the store is opened |
//! | `trash.lock` | nothing | locked while a store is open | |
//!
//! - Replacing `trash.state` is the one step that makes a list current or not. Before it the old list is stored, after it
//!   the new one; a file that the state does not name is a leftover.
//! - What may be lost is apart from what must not be. An entry of progress that a power loss takes means that its item
//!   runs again, which does no harm. An order of an operator (hold, cancel, remove) is in the state: synced before it is
//!   acknowledged, and damage to it is an error.
//! - Every byte is under a checksum. A damaged list is reported with its place, and no item of it is given out.
//!
//! # Examples
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use keep_protocol::list::{Limits, TrashListParser, TrashRequest};
//! use keep_rules::Timestamp;
//! use list_store::{Code, Digest, Ending, ListStore, Load, OutcomeCode, Receipt, Source, Standing};
//!
//! #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
//! enum Outcome { Done, TooYoung }
//! impl Code for Outcome {
//!     fn code(self) -> OutcomeCode {
//!         match self {
//!             Outcome::Done => OutcomeCode { outcome: 1, reason: 0 },
//!             Outcome::TooYoung => OutcomeCode { outcome: 2, reason: 1 },
//!         }
//!     }
//!     fn from_code(code: OutcomeCode) -> Option<Self> {
//!         [Outcome::Done, Outcome::TooYoung].into_iter().find(|outcome| outcome.code() == code)
//!     }
//! }
//!
//! # let directory = tempfile::tempdir()?;
//! let store = ListStore::<TrashRequest, Outcome>::open(directory.path())?;
//! let mut parser = TrashListParser::with_sink(Limits::default(), store.begin()?);
//! parser.feed(br#"[{"locator":"acbd18db4cc2f85cedef654fccc4a4d8+3","block_mtime":1},{}]"#)?;
//! let parsed = parser.finish()?;
//! let now = Timestamp::from_seconds(1_700_000_000);
//! let receipt = Receipt {
//!     generation: store.last_generation() + 1,
//!     digest: Digest([0; 32]), // the SHA-256 of the body
//!     count: parsed.count,
//!     received_at: now,
//!     source: Source::default(),
//!     epoch: None,
//!     names: parsed.names,
//! };
//! let list = parsed.items.commit(receipt, Standing::Open)?;
//! list.ended(&[Ending { index: 0, outcome: Outcome::Done }])?;
//! drop((list, store));
//!
//! let store = ListStore::<TrashRequest, Outcome>::open(directory.path())?;
//! let Load::Resumed(loaded) = store.load(now, Duration::from_secs(3600), |item| item)? else {
//!     panic!("it was stored, and is not old");
//! };
//! assert_eq!(loaded.waiting.len(), 1);
//! assert_eq!(loaded.ended[&Outcome::Done], 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bytes; // fields of fixed width, as they are stored
mod checksum; // what tells damage
mod code; // outcomes as bytes
mod contents; // a list's file, read and checked
mod disk; // temp files, replacing, syncing
mod draft; // a list on its way in
mod error; // why a call failed
mod layout; // header and tail of a list's file
mod load; // what is given back after a restart
mod open; // the lock, the first state, leftovers
mod place; // what files are called
mod progress; // entries for items that ended
mod receipt; // what is known of a list beside its items
mod record; // items as bytes
mod replay; // progress, read back
mod standing; // what was ordered about the whole list
mod state; // which list is current, and the orders
mod store; // the handle
mod stored; // the current list's handle

pub use code::{Code, OutcomeCode};
pub use draft::Draft;
pub use error::StoreError;
pub use load::{Item, Load, Loaded};
pub use receipt::{Digest, Receipt, Source, Text};
pub use record::Record;
pub use replay::Repair;
pub use standing::Standing;
pub use store::ListStore;
pub use stored::{Ending, REMOVED_MAX, StoredList};
