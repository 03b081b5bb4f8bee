//! Which token may come where (spec section 4.1), and what each means.

use crate::block_ref::BlockRef;
use crate::error::Problem;
use crate::escape::unescape;
use crate::file_token;
use crate::locator_token::{self, HashCase, Zeros};
use crate::path::check_components;
use crate::summary::{End, Summary};

/// Where in a line the next token is. `text` holds what the last token's event borrows.
#[derive(Debug)]
pub(crate) struct Line {
    expected: Expected,
    text: Vec<u8>,
    summary: Summary,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    StreamName,
    FirstBlock,
    BlockOrFile,
    File,
}

/// What a token is. Names and hints are in [`Line::text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Stream,
    Block(BlockRef),
    File { offset: u64, length: u64 },
    EndOfStream,
}

impl Line {
    pub(crate) fn new() -> Self {
        Line { expected: Expected::StreamName, text: Vec::new(), summary: Summary::default() }
    }

    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    pub(crate) fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Whether a line has begun.
    pub(crate) fn has_begun(&self) -> bool {
        self.expected != Expected::StreamName
    }

    pub(crate) fn set_end(&mut self, end: End) {
        self.summary.oddities.end = end;
    }

    /// An empty line.
    pub(crate) fn blank(&mut self) {
        self.summary.oddities.blank_lines += 1;
    }

    /// Takes the next token.
    pub(crate) fn take(&mut self, token: &[u8]) -> Result<Found, Problem> {
        if token.is_empty() {
            return Err(Problem::EmptyToken);
        }
        match self.expected {
            Expected::StreamName => self.stream_name(token),
            Expected::FirstBlock | Expected::BlockOrFile => self.block_or_file(token),
            Expected::File => self.file(token).map_err(|problem| after_files(token, problem)),
        }
    }

    /// The line is over.
    pub(crate) fn end(&mut self) -> Result<Found, Problem> {
        match self.expected {
            Expected::StreamName | Expected::FirstBlock => Err(Problem::NoBlock),
            Expected::BlockOrFile => Err(Problem::NoFile),
            Expected::File => {
                self.expected = Expected::StreamName;
                Ok(Found::EndOfStream)
            }
        }
    }

    fn stream_name(&mut self, token: &[u8]) -> Result<Found, Problem> {
        self.text.clear();
        match token {
            b"." => {}
            [b'.', b'/', path @ ..] => {
                unescape(path, &mut self.text).map_err(Problem::StreamEscape)?;
                check_components(&self.text).map_err(Problem::StreamPath)?;
            }
            _ => return Err(Problem::StreamStart),
        }
        self.expected = Expected::FirstBlock;
        self.summary.streams += 1;
        Ok(Found::Stream)
    }

    fn block_or_file(&mut self, token: &[u8]) -> Result<Found, Problem> {
        let bad = match locator_token::read(token) {
            Ok(locator) => {
                self.note(locator.hash_case, locator.zeros);
                self.text.clear();
                self.text.extend_from_slice(locator.hints);
                self.expected = Expected::BlockOrFile;
                return Ok(Found::Block(locator.block));
            }
            Err(bad) => bad,
        };
        match self.file(token) {
            // The locator before it is missing.
            Ok(_) if self.expected == Expected::FirstBlock => Err(Problem::NoBlock),
            Ok(found) => {
                self.expected = Expected::File;
                Ok(found)
            }
            Err(_) if locator_token::is_meant(token) => Err(Problem::Locator(bad)),
            Err(problem) => Err(problem),
        }
    }

    fn file(&mut self, token: &[u8]) -> Result<Found, Problem> {
        match file_token::read(token, &mut self.text) {
            Ok(file) => {
                self.summary.file_tokens += 1;
                Ok(Found::File { offset: file.offset, length: file.length })
            }
            Err(_) if !token.contains(&b':') => Err(Problem::Neither),
            Err(bad) => Err(Problem::File(bad)),
        }
    }

    fn note(&mut self, hash_case: HashCase, zeros: Zeros) {
        self.summary.locators += 1;
        if hash_case == HashCase::Upper {
            self.summary.oddities.upper_case_hashes += 1;
        }
        if zeros == Zeros::Leading {
            self.summary.oddities.leading_zeros += 1;
        }
    }
}

/// A block among the files has a message of its own.
fn after_files(token: &[u8], problem: Problem) -> Problem {
    if locator_token::is_meant(token) { Problem::LocatorAfterFile } else { problem }
}
