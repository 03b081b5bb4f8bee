//! The ledger of a node: every trash, untrash, emptying and pull, on record.
//!
//! A directory of files, `ledger-00000001.jsonl` and so on, each of one JSON object a line. People can read it, `jq` can
//! query it, and `sha256sum` can check it.
//!
//! - The first line of a file is its header: the format's version (`donjon_ledger`), the `node`, the number of the
//!   `file`, the number of the `first` record, when the file was `created`, and the chain value that it `continues` from.
//! - Every other line is a [`Record`]: its number (`n`), `time`, operation (`op`), `block`, `size` in bytes, `mtime` in
//!   nanoseconds since 1970 as trash lists write it, `mount`, `list`, `outcome`, `reason`. What is not known is left out.
//! - Every line ends with its `chain` value: the SHA-256, in hex, of the chain value before it (its 64 digits) followed
//!   by the line without the chain: `{"n":1,…}`. Headers are links of the chain as records are, so it is unbroken across
//!   files. It starts from [`ChainValue::START`].
//!
//! Files may be deleted, the oldest first; the chain then starts at the header of the first file that is left, and
//! [`verify()`] says so. Who may write the files can do what no chain prevents: cut records off its end, or write all of
//! it anew. Only a chain value that was noted elsewhere ([`Head`]) shows that; see [`verify()`].
//!
//! Everything here blocks. Time is an argument.
//!
//! # Examples
//! ```
//! use keep_rules::Timestamp;
//! use ledger::{Filter, Ledger, Operation, Outcome, Record};
//!
//! # let directory = tempfile::tempdir()?;
//! # let dir = directory.path();
//! let now = Timestamp::from_seconds(1_800_000_000);
//! let (ledger, opened) = Ledger::open(dir, "keep0.example", now)?;
//! assert!(opened.repaired.is_none());
//! let block = "acbd18db4cc2f85cedef654fccc4a4d8".parse()?;
//! ledger.append(&Record::new(now, Operation::Trash, block, Outcome::Done))?; // outlives kill -9
//! ledger.sync()?; // and a power loss
//!
//! let of_block = Filter { block: Some(block), ..Filter::default() };
//! let entries: Vec<_> = ledger::read(dir, of_block)?.collect::<Result<_, _>>()?;
//! assert_eq!(entries[0].record.operation, Operation::Trash);
//! assert!(ledger::verify(dir, Some(ledger.head().chain))?.is_sound());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod chain; // what ties a line to all before it
mod error; // what can go wrong
mod files; // which files there are, and how a new one begins
mod filter; // which records are wanted
mod header; // the first line of a file
mod instant; // times that people can read
mod ledger; // the one writer: append, rotate, sync
mod line; // a record as a line
mod lines; // files line by line, forwards
mod open; // where the chain goes on, and what a crash left there
mod problem; // what is wrong with a line
mod read; // all records in order, while the writer appends
mod reason; // why, as a label
mod record; // what is on record
mod tail; // the end of a file
mod verify; // the whole chain
mod writer; // the file that is appended to

pub use chain::{BadChainValue, ChainValue};
pub use error::LedgerError;
pub use files::FileNumber;
pub use filter::Filter;
pub use ledger::{Head, Ledger, Rotation};
pub use line::LINE_BYTES_MAX;
pub use open::{Opened, TornRecord};
pub use problem::{Flaw, Problem};
pub use read::{Entries, Entry, read};
pub use reason::{BadReason, REASON_BYTES_MAX, Reason};
pub use record::{BadLabel, ListId, Operation, Outcome, Record, RecordNumber};
pub use verify::{PROBLEMS_MAX, Report, verify};
