//! The intake of `PUT /trash` and `PUT /pull`: a list read while it arrives (spec sections 2.9, 5.1).
//!
//! A [`ListParser`] is fed the frames of a body as the network delivers them and hands each item to a [`Sink`] as a
//! compact record: 32 bytes with its hash for trash, 28 for pull. It never holds more of the body than one unfinished
//! item. Texts that repeat from item to item, such as mount UUIDs and servers, are kept once, in [`Names`].
//!
//! All or nothing: only [`ListParser::finish`] gives the list out, and after an error nothing comes out at all.
//!
//! What is accepted:
//! - One JSON array, or `null` for the empty list; white space around it, and nothing else. (Go ignores text after the
//!   array. We refuse it: a body that goes on is a body cut or joined somewhere.)
//! - Items are objects, or `null`. Keys count whatever their case, the last of equal keys wins, unknown keys are ignored,
//!   missing keys and `null` mean zero values: as Go's `encoding/json` does.
//! - A locator that cannot be parsed and a mount that nobody knows are no errors here: the item is accepted, and skipped
//!   by the worker with its reason. One exception: a pull list whose first locator is a bare hash is refused.
//!
//! # Examples
//! ```
//! use keep_protocol::list::{Limits, TrashListParser};
//!
//! let mut parser = TrashListParser::new(Limits::default());
//! parser.feed(br#"[{"locator":"acbd18db4cc2f85cedef654fccc4a4d8+3","block_m"#)?;
//! parser.feed(br#"time":1707249451308502672,"mount_uuid":""}]"#)?;
//! let list = parser.finish()?;
//! let (hash, request) = list.items[0];
//! assert_eq!(hash.to_string(), "acbd18db4cc2f85cedef654fccc4a4d8");
//! assert_eq!(request.mtime().as_nanos(), 1_707_249_451_308_502_672);
//! assert_eq!(request.mount(), None, "every mount");
//! # Ok::<(), keep_protocol::list::ListError>(())
//! ```

mod decode;
mod error;
mod fields;
mod limits;
mod locator;
mod names;
mod nesting;
mod parser;
mod record;
mod scan;
mod sink;
mod usual;
mod value;
mod wire;

pub use error::{ListError, Problem};
pub use limits::Limits;
pub use locator::SizeHint;
pub use names::{BadLocatorText, MountName, Names, Servers};
pub use nesting::NESTING_MAX;
pub use parser::{List, ListParser, PullListParser, TrashListParser};
pub use record::{PullRequest, Request, TrashRequest};
pub use sink::Sink;
pub use wire::{PullItem, TrashItem};
