//! A manifest, read from a source of bytes.

use std::io::{ErrorKind, Read};

use crate::error::ReadError;
use crate::line::Found;
use crate::parser::{Event, Parser};
use crate::summary::Summary;

/// So much is asked of the source at a time.
const BUFFER_BYTES: usize = 64 << 10;

/// Reads a manifest from a source, event by event, in constant memory. The rules are those of [`Parser`].
///
/// # Examples
/// ```
/// use keep_manifest::{Event, Reader};
/// let text = ". acbd18db4cc2f85cedef654fccc4a4d8+3 0:3:foo\n";
/// let mut reader = Reader::new(text.as_bytes());
/// let mut events = 0;
/// while let Some(event) = reader.next_event()? {
///     events += 1;
/// }
/// assert_eq!(events, 4);
/// assert_eq!(reader.finish()?.bytes, 45);
/// # Ok::<(), keep_manifest::ReadError>(())
/// ```
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    parser: Parser,
    buffer: Box<[u8]>,
    /// What of the buffer is not parsed yet.
    unread: std::ops::Range<usize>,
    source_end: SourceEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SourceEnd {
    NotSeen,
    Seen,
}

impl<R: Read> Reader<R> {
    /// Reads from `source`, which needs no buffer of its own.
    pub fn new(source: R) -> Self {
        Reader {
            source,
            parser: Parser::new(),
            buffer: vec![0; BUFFER_BYTES].into(),
            unread: 0..0,
            source_end: SourceEnd::NotSeen,
        }
    }

    /// The next event; `None` at the end of the manifest.
    ///
    /// # Errors
    /// [`ReadError::Manifest`] if it is none, and again with every later call; [`ReadError::Io`] if the source failed, and
    /// then a later call tries again. An error of the kind `Interrupted` is no failure.
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, ReadError> {
        Ok(self.step()?.map(|found| self.event(found)))
    }

    /// Reads what is left, and gives the summary of all.
    ///
    /// # Errors
    /// Those of [`Reader::next_event`].
    pub fn finish(self) -> Result<Summary, ReadError> {
        self.finish_into_source().map(|(summary, _source)| summary)
    }

    /// [`Reader::finish`], and the source.
    ///
    /// # Errors
    /// Those of [`Reader::next_event`].
    pub fn finish_into_source(mut self) -> Result<(Summary, R), ReadError> {
        while self.step()?.is_some() {}
        Ok((self.parser.summary(), self.source))
    }

    /// The event of what [`Reader::step`] gave last.
    pub(crate) fn event(&self, found: Found) -> Event<'_> {
        self.parser.event(found)
    }

    /// The line of what [`Reader::step`] gave last, counted from 1; after the end of a stream the next.
    pub(crate) fn line_number(&self) -> u64 {
        self.parser.line_number()
    }

    /// [`Reader::next_event`], without what an event borrows.
    pub(crate) fn step(&mut self) -> Result<Option<Found>, ReadError> {
        loop {
            let mut input = &self.buffer[self.unread.clone()];
            let found = self.parser.step(&mut input)?;
            self.unread.start = self.unread.end - input.len();
            if found.is_some() {
                return Ok(found);
            }
            if self.source_end == SourceEnd::Seen {
                return Ok(self.parser.step_at_end()?);
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> Result<(), ReadError> {
        let read = loop {
            match self.source.read(&mut self.buffer) {
                Ok(read) => break read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(ReadError::Io { offset: self.parser.summary().bytes, source });
                }
            }
        };
        self.unread = 0..read;
        if read == 0 {
            self.source_end = SourceEnd::Seen;
        }
        Ok(())
    }
}
