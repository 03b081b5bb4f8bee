//! Arvados manifests: read strictly and as a stream, written in normal form, named by their portable data hash.
//!
//! A manifest is a text that says which blocks hold the files of a collection (spec/keep-balance.md section 4).
//!
//! | to | use |
//! |---|---|
//! | know which blocks a manifest refers to | [`Blocks`] |
//! | read its files back, one stream at a time | [`Streams`] |
//! | have all its files and directories at once | [`Tree`] |
//! | write one | [`Tree::write`], or [`Writer`], one directory at a time |
//! | name one | [`PortableDataHash`], [`PdhHasher`], [`PdhRead`] |
//! | see every token | [`Reader`], or [`Parser`] for text that arrives in pieces |
//!
//! Whatever might hide a block is an error, and an error is never an end: a block that is overlooked is a block that is
//! trashed. Messages say where the error is and show no signatures.

mod block_ref; // a block as a manifest names it
mod blocks; // the blocks that a manifest refers to
mod decimal; // numbers
mod directory; // the files of one directory
mod error; // what is wrong, and where
mod escape; // names, escaped
mod excerpt; // what an error shows
mod file; // what a file consists of
mod file_token; // `offset:length:path`
mod hints; // the text without hints
mod line; // which token may come where
mod locator_token; // `hash+size+hints`
mod parser; // events, while the text arrives
mod path; // where a file is in a collection
mod pdh; // the name of a manifest
mod pdh_hasher; // the same, while the text arrives
mod reader; // events, from a source
mod stream; // one stream: blocks, and the files in them
mod streams; // one stream at a time
mod summary; // what was read, in numbers
mod token_end; // where a token ends
mod tree; // all files and directories
mod writer; // normal form

pub use block_ref::BlockRef;
pub use blocks::Blocks;
pub use directory::Directory;
pub use error::{ManifestError, Problem, ReadError};
pub use escape::BadEscape;
pub use file::{File, Segment};
pub use file_token::BadFileToken;
pub use hints::HintStripper;
pub use locator_token::BadLocatorToken;
pub use parser::{Event, Parser, TOKEN_BYTES_MAX};
pub use path::{BadPath, FileName, PATH_BYTES_MAX, TreePath};
pub use pdh::{BadPortableDataHash, PortableDataHash};
pub use pdh_hasher::{PdhHasher, PdhRead};
pub use reader::Reader;
pub use stream::{Piece, Stream, StreamBlock, StreamFile};
pub use streams::{STREAM_MEMORY_MAX, Streams};
pub use summary::{End, Oddities, Summary};
pub use tree::{Conflict, Tree};
pub use writer::{WriteError, Writer};
