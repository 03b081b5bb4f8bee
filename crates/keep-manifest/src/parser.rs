//! A manifest, read while it arrives: in constant memory, however long its lines are.

use std::fmt;

use crate::block_ref::BlockRef;
use crate::error::{ManifestError, Problem};
use crate::line::{Found, Line};
use crate::summary::{End, Summary};
use crate::token_end;

/// The longest token, in bytes. A path of 4096 bytes fits four times with every byte escaped, and what is longer is no
/// token; this bounds the memory of a parser.
pub const TOKEN_BYTES_MAX: usize = 64 << 10;

/// What a manifest says, token by token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A stream begins.
    Stream {
        /// Its directory: the stream's name unescaped, without `./` or `.`, so that the root is empty. No component is
        /// empty, `.` or `..`.
        directory: &'a [u8],
    },
    /// The stream's data goes on with this block.
    Block {
        /// Hash and size, in canonical form.
        block: BlockRef,
        /// The hints, with the `+` in front of each, or nothing. Signatures are among them: not for a log.
        hints: &'a str,
    },
    /// A file goes on with these bytes of the stream. Whether the stream has as many is not known here.
    File {
        /// The first byte.
        offset: u64,
        /// How many bytes. `offset + length` does not overflow.
        length: u64,
        /// The path in the stream's directory, unescaped. No component is empty, `.` or `..`; but all of it may be `.`,
        /// and then the stream's directory is one without files.
        path: &'a [u8],
    },
    /// The stream ends: it had at least one block and one file.
    EndOfStream,
}

/// Shows no signature.
impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Stream { directory } => write!(f, "Stream({})", directory.escape_ascii()),
            Event::Block { block, .. } => write!(f, "Block({block})"),
            Event::File { offset, length, path } => {
                write!(f, "File({offset}:{length}:{})", path.escape_ascii())
            }
            Event::EndOfStream => f.write_str("EndOfStream"),
        }
    }
}

/// Reads a manifest that arrives in pieces of any size (spec section 4.1).
///
/// Strict: whatever may hide a block or mean two things is an error. Only these are accepted, and counted in
/// [`Summary::oddities`]: empty lines, upper-case hashes, sizes with leading zeros, and a last line without a line feed.
/// Memory is bounded by [`TOKEN_BYTES_MAX`], not by the length of a line.
///
/// # Examples
/// ```
/// use keep_manifest::{Event, Parser};
/// let mut parser = Parser::new();
/// let mut files = Vec::new();
/// for mut piece in [&b". acbd18db4cc2f85cedef654fc"[..], b"cc4a4d8+3 0:3:sub\\040dir/foo\n"] {
///     while let Some(event) = parser.next(&mut piece)? {
///         if let Event::File { path, .. } = event {
///             files.push(path.to_vec());
///         }
///     }
/// }
/// let summary = parser.finish(|_event| {})?;
/// assert_eq!(files, [b"sub dir/foo"]);
/// assert_eq!(summary.locators, 1);
/// # Ok::<(), keep_manifest::ManifestError>(())
/// ```
#[derive(Debug)]
pub struct Parser {
    /// The beginning of a token whose end has not arrived.
    begun: Vec<u8>,
    line: Line,
    /// A line feed was read whose event was not given out.
    line_end: LineEnd,
    /// Line and offset of the next token.
    line_number: u64,
    offset: u64,
    /// Where the line began.
    line_offset: u64,
    failure: Option<ManifestError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineEnd {
    None,
    /// After the token that was given out last, at this line.
    Due,
}

impl Default for Parser {
    fn default() -> Self {
        Parser::new()
    }
}

impl Parser {
    /// A parser before the first byte.
    pub fn new() -> Self {
        Parser {
            begun: Vec::new(),
            line: Line::new(),
            line_end: LineEnd::None,
            line_number: 1,
            offset: 0,
            line_offset: 0,
            failure: None,
        }
    }

    /// What comes next in `input`, which is cut by what was read of it. `None` once it is read up: go on with the next
    /// piece, or with [`Parser::finish`].
    ///
    /// # Errors
    /// [`ManifestError`]: what is wrong and where. Every later call gives the same error.
    pub fn next<'a>(&'a mut self, input: &mut &[u8]) -> Result<Option<Event<'a>>, ManifestError> {
        Ok(self.step(input)?.map(|found| self.event(found)))
    }

    /// The manifest is over: gives the events that are left, if the last line has no line feed, and the summary.
    ///
    /// # Errors
    /// [`ManifestError`]: the one that an earlier call gave, or what is wrong with the last line.
    pub fn finish(mut self, mut sink: impl FnMut(Event<'_>)) -> Result<Summary, ManifestError> {
        while let Some(found) = self.step_at_end()? {
            sink(self.event(found));
        }
        Ok(self.summary())
    }

    /// [`Parser::next`], but what the event borrows is to be had from [`Parser::event`].
    pub(crate) fn step(&mut self, input: &mut &[u8]) -> Result<Option<Found>, ManifestError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        if self.line_end == LineEnd::Due {
            return self.end_line().map(Some);
        }
        loop {
            let Some(at) = token_end::find(input) else {
                self.keep(std::mem::take(input))?;
                return Ok(None);
            };
            let (token, rest) = input.split_at(at);
            let line_feed = rest[0] == b'\n';
            *input = &rest[1..];
            if line_feed && token.is_empty() && self.begun.is_empty() && !self.line.has_begun() {
                self.line.blank();
                self.offset += 1;
                self.next_line();
                continue;
            }
            let found = self.token(token)?;
            if line_feed {
                self.line_end = LineEnd::Due;
            }
            return Ok(Some(found));
        }
    }

    /// What is left when no more input comes: as if there were a line feed.
    pub(crate) fn step_at_end(&mut self) -> Result<Option<Found>, ManifestError> {
        let within_line = !self.begun.is_empty() || self.line.has_begun();
        if self.failure.is_some() || (within_line && self.line_end == LineEnd::None) {
            let found = self.step(&mut &b"\n"[..])?;
            self.line.set_end(End::Missing);
            // The line feed is none of the manifest's bytes.
            self.offset -= 1;
            return Ok(found);
        }
        self.step(&mut &b""[..])
    }

    /// The event of what [`Parser::step`] gave last.
    pub(crate) fn event(&self, found: Found) -> Event<'_> {
        let text = self.line.text();
        match found {
            Found::Stream => Event::Stream { directory: text },
            Found::Block(block) => {
                let hints = std::str::from_utf8(text).expect("hints are ASCII");
                Event::Block { block, hints }
            }
            Found::File { offset, length } => Event::File { offset, length, path: text },
            Found::EndOfStream => Event::EndOfStream,
        }
    }

    /// How many bytes were read, and in how many tokens of each kind.
    pub(crate) fn summary(&self) -> Summary {
        Summary { bytes: self.offset + self.begun.len() as u64, ..*self.line.summary() }
    }

    /// The line of what [`Parser::step`] gave last, counted from 1; after the end of a stream the next.
    pub(crate) fn line_number(&self) -> u64 {
        self.line_number
    }

    /// Keeps the beginning of a token.
    fn keep(&mut self, head: &[u8]) -> Result<(), ManifestError> {
        self.check_length(head)?;
        self.begun.extend_from_slice(head);
        Ok(())
    }

    /// Takes the token that ends with `tail`.
    fn token(&mut self, tail: &[u8]) -> Result<Found, ManifestError> {
        self.check_length(tail)?;
        let mut begun = std::mem::take(&mut self.begun);
        let token = if begun.is_empty() {
            tail
        } else {
            begun.extend_from_slice(tail);
            &begun
        };
        let found = self.line.take(token).map_err(|problem| self.fail(token, problem))?;
        self.offset += token.len() as u64 + 1;
        begun.clear();
        self.begun = begun;
        Ok(found)
    }

    fn end_line(&mut self) -> Result<Found, ManifestError> {
        self.line_end = LineEnd::None;
        let found = self.line.end().map_err(|problem| {
            let error = ManifestError::new(self.line_number, self.line_offset, b"", problem);
            self.failure = Some(error.clone());
            error
        })?;
        self.next_line();
        Ok(found)
    }

    fn next_line(&mut self) {
        self.line_number += 1;
        self.line_offset = self.offset;
    }

    fn check_length(&mut self, more: &[u8]) -> Result<(), ManifestError> {
        if self.begun.len() + more.len() <= TOKEN_BYTES_MAX {
            return Ok(());
        }
        let mut token = std::mem::take(&mut self.begun);
        token.extend_from_slice(&more[..TOKEN_BYTES_MAX - token.len()]);
        Err(self.fail(&token, Problem::TokenTooLong))
    }

    fn fail(&mut self, token: &[u8], problem: Problem) -> ManifestError {
        let error = ManifestError::new(self.line_number, self.offset, token, problem);
        self.failure = Some(error.clone());
        error
    }
}
