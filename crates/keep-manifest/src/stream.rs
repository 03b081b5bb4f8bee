//! One stream, read: its blocks, and which of their bytes each file has.

use std::collections::BTreeMap;
use std::fmt;
use std::iter;

use crate::block_ref::BlockRef;
use crate::file::Segment;
use crate::path::TreePath;

/// One line of a manifest: blocks, and the files in them.
#[derive(Clone, Debug)]
pub struct Stream {
    directory: TreePath,
    blocks: Vec<StreamBlock>,
    /// Where in the stream each block begins.
    starts: Vec<u64>,
    size: u64,
    /// By their paths in the collection.
    files: BTreeMap<TreePath, Vec<Span>>,
}

/// A block as a stream names it: with the hints that reading it may need.
#[derive(Clone, PartialEq, Eq)]
pub struct StreamBlock {
    block: BlockRef,
    hints: Box<str>,
}

/// Bytes of a stream that a file has; never none, never beyond the stream's end.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u64,
    end: u64,
}

impl Stream {
    pub(crate) fn new(directory: TreePath) -> Self {
        Stream {
            directory,
            blocks: Vec::new(),
            starts: Vec::new(),
            size: 0,
            files: BTreeMap::new(),
        }
    }

    /// The stream's directory. If the stream has no files, it stands for this directory: an empty one.
    pub fn directory(&self) -> &TreePath {
        &self.directory
    }

    /// How many bytes all blocks have.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The blocks, in order, with placeholders.
    pub fn blocks(&self) -> &[StreamBlock] {
        &self.blocks
    }

    /// The files, in the order of their paths.
    pub fn files(&self) -> impl Iterator<Item = StreamFile<'_>> {
        self.files.iter().map(|(path, spans)| StreamFile { stream: self, path, spans })
    }

    pub(crate) fn push_block(&mut self, block: BlockRef, hints: &str) {
        self.blocks.push(StreamBlock { block, hints: hints.into() });
        self.starts.push(self.size);
        self.size = self.size.saturating_add(block.size().into());
    }

    /// The file `path` goes on with these bytes. Those must be within the stream.
    pub(crate) fn push_span(&mut self, path: TreePath, start: u64, length: u64) {
        let spans = self.files.entry(path).or_default();
        if length > 0 {
            spans.push(Span { start, end: start + length });
        }
    }

    fn pieces(&self, span: Span) -> impl Iterator<Item = Piece<'_>> {
        // The last block that begins at or before the first byte: of blocks without bytes there may be several.
        let first = self.starts.partition_point(|start| *start <= span.start).saturating_sub(1);
        let blocks = iter::zip(&self.blocks[first..], &self.starts[first..]);
        let touched = blocks.take_while(move |(_, start)| **start < span.end);
        touched.filter_map(move |(block, start)| Piece::of(block, *start, span))
    }
}

impl StreamBlock {
    /// Hash and size.
    pub fn block(&self) -> BlockRef {
        self.block
    }

    /// The hints, with the `+` in front of each, or nothing. Signatures are among them: not for a log.
    pub fn hints(&self) -> &str {
        &self.hints
    }

    /// The locator with its hints, in canonical form: what a node is asked for. Not for a log.
    pub fn to_locator(&self) -> String {
        format!("{}{}", self.block, self.hints)
    }
}

/// Without hints: safe to log.
impl fmt::Debug for StreamBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamBlock({})", self.block)
    }
}

/// What one stream says of a file.
///
/// Another stream may go on with the same file, though in a manifest in normal form none does: [`Tree`](crate::Tree) puts
/// them together.
#[derive(Clone, Copy, Debug)]
pub struct StreamFile<'a> {
    stream: &'a Stream,
    path: &'a TreePath,
    spans: &'a [Span],
}

impl<'a> StreamFile<'a> {
    /// The path in the collection.
    pub fn path(&self) -> &'a TreePath {
        self.path
    }

    /// How many bytes.
    pub fn size(&self) -> u64 {
        self.spans.iter().fold(0, |size, span| size.saturating_add(span.end - span.start))
    }

    /// Which bytes of which blocks, first to last; none is empty.
    pub fn pieces(&self) -> impl Iterator<Item = Piece<'a>> {
        let stream = self.stream;
        self.spans.iter().flat_map(move |span| stream.pieces(*span))
    }
}

/// Some bytes of a block of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The block, with its hints.
    pub block: &'a StreamBlock,
    /// The first byte.
    pub offset: u32,
    /// How many bytes: `offset + length` is at most the size of the block.
    pub length: u32,
}

impl<'a> Piece<'a> {
    /// What of `span` is in the block that begins at `start`; `None` if it has no bytes.
    fn of(block: &'a StreamBlock, start: u64, span: Span) -> Option<Self> {
        let size = block.block.size();
        let within =
            |at: u64| u32::try_from(at.saturating_sub(start)).map_or(size, |at| at.min(size));
        let (offset, end) = (within(span.start), within(span.end));
        (offset < end).then_some(Piece { block, offset, length: end - offset })
    }

    /// The same bytes, without hints.
    pub fn to_segment(&self) -> Segment {
        Segment::new(self.block.block, self.offset, self.length)
            .expect("a piece is within its block")
    }
}
