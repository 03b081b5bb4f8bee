//! Manifests in normal form (spec section 4.2), written one directory at a time.

use std::collections::HashMap;
use std::io::{self, Write};

use crate::block_ref::BlockRef;
use crate::directory::Directory;
use crate::escape::escape;
use crate::file::File;
use crate::parser::TOKEN_BYTES_MAX;
use crate::path::{FileName, PATH_BYTES_MAX, TreePath};
use crate::pdh::PortableDataHash;
use crate::pdh_hasher::PdhHasher;

/// So much is given to the destination at a time.
const BUFFER_BYTES: usize = 64 << 10;
// What is written can be read: a path with every byte escaped, and two numbers.
const _: () = assert!(4 * PATH_BYTES_MAX + 64 <= TOKEN_BYTES_MAX);

/// Writes a manifest in normal form, one directory at a time: the directories in order, one line for each, its files by
/// name, each block once in the order in which the files use them, and adjacent parts of a file as one.
///
/// The order is that of the bytes of the streams' names, not that of a walk: `a-b` comes before `a/b`.
///
/// # Examples
/// ```
/// use keep_manifest::{BlockRef, Directory, FileName, Segment, TreePath, Writer};
/// let foo = BlockRef::new("acbd18db4cc2f85cedef654fccc4a4d8".parse()?, 3).unwrap();
/// let mut root = Directory::new();
/// root.file_mut(FileName::new(b"foo")?).push(Segment::whole(foo));
/// let mut writer = Writer::new(Vec::new());
/// writer.directory(&TreePath::root(), &root)?;
/// let (text, hash) = writer.finish()?;
/// assert_eq!(text, b". acbd18db4cc2f85cedef654fccc4a4d8+3 0:3:foo\n");
/// assert_eq!(hash.to_string(), "1f4b0bc7583c2a7f9102c395f4ffc5e3+45");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    hasher: PdhHasher,
    buffer: Vec<u8>,
    last: Option<TreePath>,
}

/// Why a directory was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The destination failed. What it has is not a manifest.
    #[error("cannot write the manifest")]
    Io(#[from] io::Error),
    /// A directory that should have come earlier, or came already. Nothing was written.
    #[error(
        "{path} cannot follow {last}: directories are written in the order of their paths' bytes, each once"
    )]
    OutOfOrder {
        /// The directory.
        path: TreePath,
        /// The one that was written last.
        last: TreePath,
    },
}

impl<W: Write> Writer<W> {
    /// Writes to `out`, which needs no buffer of its own.
    pub fn new(out: W) -> Self {
        Writer { out, hasher: PdhHasher::new(), buffer: Vec::new(), last: None }
    }

    /// Writes the files of the directory `path`; if there is none, that it is empty. A directory that has others in it
    /// needs to be written only if it has files.
    ///
    /// # Errors
    /// [`WriteError::OutOfOrder`] unless `path` comes after that of the call before; [`WriteError::Io`], and then the
    /// writer is of no more use.
    pub fn directory(&mut self, path: &TreePath, files: &Directory) -> Result<(), WriteError> {
        if let Some(last) = self.last.as_ref().filter(|last| *last >= path) {
            return Err(WriteError::OutOfOrder { path: path.clone(), last: last.clone() });
        }
        self.last = Some(path.clone());
        self.stream_name(path);
        let starts = self.blocks(files)?;
        if files.is_empty() {
            self.buffer.extend_from_slice(b" 0:0:\\056");
        }
        for (name, file) in files.files() {
            self.file(name, file, &starts)?;
        }
        self.buffer.push(b'\n');
        self.pass_on()
    }

    /// The manifest is complete: gives the destination, flushed, and the manifest's name.
    ///
    /// # Errors
    /// [`WriteError::Io`].
    pub fn finish(mut self) -> Result<(W, PortableDataHash), WriteError> {
        self.write_out()?;
        self.out.flush()?;
        Ok((self.out, self.hasher.finish()))
    }

    fn stream_name(&mut self, path: &TreePath) {
        self.buffer.push(b'.');
        for component in path.components() {
            self.buffer.push(b'/');
            escape(component, &mut self.buffer);
        }
    }

    /// Writes each block once, and gives where in the stream it begins.
    fn blocks(&mut self, files: &Directory) -> Result<HashMap<BlockRef, u64>, WriteError> {
        let mut starts = HashMap::new();
        let mut end = 0;
        for segment in files.files().flat_map(|(_, file)| file.segments()) {
            let block = segment.block();
            if let std::collections::hash_map::Entry::Vacant(place) = starts.entry(block) {
                place.insert(end);
                end += u64::from(block.size());
                self.block(block)?;
            }
        }
        if starts.is_empty() {
            self.block(BlockRef::PLACEHOLDER)?;
        }
        Ok(starts)
    }

    fn block(&mut self, block: BlockRef) -> Result<(), WriteError> {
        write!(self.buffer, " {block}")?;
        self.pass_on()
    }

    fn file(
        &mut self,
        name: &FileName,
        file: &File,
        starts: &HashMap<BlockRef, u64>,
    ) -> Result<(), WriteError> {
        let mut spans = file.segments().iter().map(|segment| {
            let start = starts[&segment.block()] + u64::from(segment.offset());
            (start, start + u64::from(segment.length()))
        });
        let Some(mut span) = spans.next() else { return self.span(0, 0, name) };
        for next in spans {
            if next.0 == span.1 {
                span.1 = next.1;
            } else {
                self.span(span.0, span.1, name)?;
                span = next;
            }
        }
        self.span(span.0, span.1, name)
    }

    fn span(&mut self, start: u64, end: u64, name: &FileName) -> Result<(), WriteError> {
        write!(self.buffer, " {start}:{}:", end - start)?;
        escape(name.as_bytes(), &mut self.buffer);
        self.pass_on()
    }

    /// Writes the buffer out if it is full.
    fn pass_on(&mut self) -> Result<(), WriteError> {
        if self.buffer.len() < BUFFER_BYTES { Ok(()) } else { self.write_out() }
    }

    fn write_out(&mut self) -> Result<(), WriteError> {
        self.hasher.update(&self.buffer);
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}
