//! A manifest, one stream at a time.

use std::io::Read;

use crate::error::ReadError;
use crate::parser::Event;
use crate::path::{BadPath, TreePath};
use crate::reader::Reader;
use crate::stream::{Stream, StreamBlock};
use crate::summary::Summary;

/// Memory for one stream unless told otherwise, in bytes: some five million blocks, or 300 TiB of data in one directory.
pub const STREAM_MEMORY_MAX: usize = 512 << 20;
/// A file beside its path: the entry in the map.
const FILE_BYTES: usize = 96;
const SPAN_BYTES: usize = 16;

/// The streams of a manifest, one in memory at a time: to list files, and to read them back.
///
/// The iterator ends after an error, so look at each item; what came before it is not the whole collection.
///
/// # Examples
/// ```
/// use keep_manifest::Streams;
/// let text = ". acbd18db4cc2f85cedef654fccc4a4d8+3 37b51d194a7513e45b56f6524f2d51f2+3 0:4:a 4:2:b\n";
/// for stream in Streams::new(text.as_bytes()) {
///     let stream = stream?;
///     for file in stream.files() {
///         println!("{} has {} bytes", file.path(), file.size());
///         for piece in file.pieces() {
///             println!("  {} from {}: {}", piece.block.block(), piece.offset, piece.length);
///         }
///     }
/// }
/// # Ok::<(), keep_manifest::ReadError>(())
/// ```
#[derive(Debug)]
pub struct Streams<R> {
    reader: Reader<R>,
    memory_max: usize,
    after: After,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    MayGoOn,
    /// The error was given out; the iterator gives nothing more.
    Failed,
}

impl<R: Read> Streams<R> {
    /// The streams of the manifest that `source` has, each of at most [`STREAM_MEMORY_MAX`].
    pub fn new(source: R) -> Self {
        Streams::with_limit(source, STREAM_MEMORY_MAX)
    }

    /// The same; a stream that needs more than `memory_max` bytes of memory, counted roughly, is an error.
    pub fn with_limit(source: R, memory_max: usize) -> Self {
        Streams { reader: Reader::new(source), memory_max, after: After::MayGoOn }
    }

    /// Reads what is left without keeping it, and gives the summary.
    ///
    /// # Errors
    /// [`ReadError::Io`] and [`ReadError::Manifest`].
    pub fn finish(self) -> Result<Summary, ReadError> {
        self.reader.finish()
    }

    fn read(&mut self) -> Result<Option<Stream>, ReadError> {
        let mut taking: Option<Taking> = None;
        loop {
            let Some(found) = self.reader.step()? else { return Ok(None) };
            let line = self.reader.line_number();
            let event = self.reader.event(found);
            taking = match (taking, event) {
                (_, Event::Stream { directory }) => Some(Taking::new(directory, line)?),
                (Some(taking), Event::EndOfStream) => return Ok(Some(taking.stream)),
                (Some(mut taking), event) => {
                    taking.take(event, self.memory_max)?;
                    Some(taking)
                }
                (None, _) => None,
            };
        }
    }
}

impl<R: Read> Iterator for Streams<R> {
    type Item = Result<Stream, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.after == After::Failed {
            return None;
        }
        let next = self.read().transpose();
        if let Some(Err(_)) = next {
            self.after = After::Failed;
        }
        next
    }
}

/// A stream that is being read.
struct Taking {
    stream: Stream,
    line: u64,
    /// What it needs so far, in bytes.
    memory: usize,
}

impl Taking {
    fn new(directory: &[u8], line: u64) -> Result<Self, ReadError> {
        let directory =
            TreePath::new(directory).map_err(|problem| ReadError::Path { line, problem })?;
        Ok(Taking { stream: Stream::new(directory), line, memory: 0 })
    }

    fn take(&mut self, event: Event<'_>, memory_max: usize) -> Result<(), ReadError> {
        match event {
            Event::Block { block, hints } => {
                self.memory += size_of::<StreamBlock>() + size_of::<u64>() + hints.len();
                self.stream.push_block(block, hints);
            }
            Event::File { offset, length, path } if path != b"." => {
                self.memory += SPAN_BYTES + FILE_BYTES + path.len();
                self.file(offset, length, path)?;
            }
            Event::File { .. } | Event::Stream { .. } | Event::EndOfStream => {}
        }
        if self.memory > memory_max {
            return Err(ReadError::TooLarge { line: self.line, memory_max });
        }
        Ok(())
    }

    fn file(&mut self, offset: u64, length: u64, path: &[u8]) -> Result<(), ReadError> {
        let path = TreePath::new(path).and_then(|path| self.stream.directory().join(&path));
        let path = path.map_err(|problem: BadPath| ReadError::Path { line: self.line, problem })?;
        let (end, stream) = (offset.saturating_add(length), self.stream.size());
        if end > stream {
            return Err(ReadError::BeyondStream { line: self.line, path, end, stream });
        }
        self.stream.push_span(path, offset, length);
        Ok(())
    }
}
