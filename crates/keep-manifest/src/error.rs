//! What is wrong with a manifest, and where.

use std::{fmt, io};

use crate::escape::BadEscape;
use crate::excerpt::excerpt;
use crate::file_token::BadFileToken;
use crate::locator_token::BadLocatorToken;
use crate::parser::TOKEN_BYTES_MAX;
use crate::path::{BadPath, TreePath};
use crate::tree::Conflict;

/// What is wrong with a manifest, and where. Shows no signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    line: u64,
    offset: u64,
    excerpt: Box<str>,
    problem: Problem,
}

/// What is wrong with a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Two spaces side by side, or one at an end of a line.
    #[error(
        "there is a space too many: tokens have one space between them, and none at the ends of a line"
    )]
    EmptyToken,
    /// Longer than any token may be.
    #[error(
        "a token is longer than {TOKEN_BYTES_MAX} bytes: this is no manifest, or its spaces are lost"
    )]
    TokenTooLong,
    /// A line that does not begin with the name of a stream.
    #[error("a line must begin with a stream's name: `.`, or `./` and a path")]
    StreamStart,
    /// The name of a stream cannot be read.
    #[error("the stream's name is wrong: {0}")]
    StreamEscape(BadEscape),
    /// The name of a stream is none.
    #[error("the stream's name is wrong: {0}")]
    StreamPath(BadPath),
    /// A locator that is none. Which block is meant cannot be known, so none is given out.
    #[error("{0}")]
    Locator(BadLocatorToken),
    /// The part of a file that is none.
    #[error("{0}")]
    File(BadFileToken),
    /// Neither a block nor a part of a file.
    #[error(
        "this is neither a block's locator `<hash>+<size>` nor a file `<offset>:<length>:<path>`"
    )]
    Neither,
    /// A block after the first file.
    #[error("a block stands after the first file of its line: all blocks come before all files")]
    LocatorAfterFile,
    /// A line without a block.
    #[error(
        "the line names no block: a stream without data has the block d41d8cd98f00b204e9800998ecf8427e+0"
    )]
    NoBlock,
    /// A line without a file.
    #[error("the line names no file: it is cut off, or its files are lost")]
    NoFile,
}

impl ManifestError {
    pub(crate) fn new(line: u64, offset: u64, token: &[u8], problem: Problem) -> Self {
        ManifestError { line, offset, excerpt: excerpt(token), problem }
    }

    /// The line, counted from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// How many bytes of the manifest come before the token, or before the line if all of it is meant.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// What is wrong.
    pub fn problem(&self) -> Problem {
        self.problem
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ManifestError { line, offset, excerpt, problem } = self;
        write!(f, "line {line}, byte {offset} of the manifest: {problem}")?;
        if !excerpt.is_empty() {
            write!(f, "; found `{excerpt}`")?;
        }
        f.write_str("; read the manifest again from where it came, or mend it there")
    }
}

impl std::error::Error for ManifestError {}

/// Why a manifest was not read to its end. What was read before is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The source failed.
    #[error("cannot read the manifest beyond byte {offset}")]
    Io {
        /// How many bytes were read before.
        offset: u64,
        /// What the source said.
        source: io::Error,
    },
    /// What was read is no manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A file has bytes that its stream has not.
    #[error(
        "line {line} of the manifest: {path} ends at byte {end} of its stream, which has {stream}: blocks or sizes are missing"
    )]
    BeyondStream {
        /// The line, counted from 1.
        line: u64,
        /// The file.
        path: TreePath,
        /// Where it ends in the stream.
        end: u64,
        /// Where the stream ends.
        stream: u64,
    },
    /// A path that is too long once it is put together.
    #[error("line {line} of the manifest: {problem}")]
    Path {
        /// The line, counted from 1.
        line: u64,
        /// What is wrong.
        problem: BadPath,
    },
    /// A stream that needs too much memory.
    #[error(
        "line {line} of the manifest needs more than {memory_max} bytes of memory: allow more, or write it as several directories"
    )]
    TooLarge {
        /// The line, counted from 1.
        line: u64,
        /// The limit.
        memory_max: usize,
    },
    /// All files together need too much memory.
    #[error(
        "the manifest needs more than {memory_max} bytes of memory: allow more, or read it one stream at a time"
    )]
    TreeTooLarge {
        /// The limit.
        memory_max: usize,
    },
    /// The manifest has a file where it has a directory.
    #[error("the manifest cannot be a tree of files: {0}")]
    Conflict(#[from] Conflict),
}
