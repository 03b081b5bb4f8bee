//! All files and directories of a collection, in memory.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::ops::Bound;

use crate::directory::Directory;
use crate::error::ReadError;
use crate::file::{File, Segment};
use crate::path::TreePath;
use crate::pdh::PortableDataHash;
use crate::stream::Stream;
use crate::streams::Streams;
use crate::writer::{WriteError, Writer};

/// All files and directories of a collection. The root is always there, and every directory is in one.
///
/// # Examples
/// ```
/// use keep_manifest::{BlockRef, Segment, Tree, TreePath};
/// let mut tree = Tree::new();
/// let foo = BlockRef::new("acbd18db4cc2f85cedef654fccc4a4d8".parse()?, 3).unwrap();
/// tree.file_mut(&TreePath::new(b"foo")?)?.push(Segment::whole(foo));
/// tree.add_directory(&TreePath::new(b"empty")?)?;
/// let mut text = Vec::new();
/// tree.write(&mut text)?;
/// assert_eq!(
///     String::from_utf8(text)?,
///     ". acbd18db4cc2f85cedef654fccc4a4d8+3 0:3:foo\n./empty d41d8cd98f00b204e9800998ecf8427e+0 0:0:\\056\n"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// With the root, and the parent of each.
    directories: BTreeMap<TreePath, Directory>,
}

/// Why something cannot be in a tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Conflict {
    /// A directory should be a file.
    #[error("{0} is a directory, and cannot be a file too: rename one of them")]
    IsDirectory(TreePath),
    /// A file should be a directory.
    #[error("{0} is a file, and cannot be a directory too: rename one of them")]
    IsFile(TreePath),
}

impl Default for Tree {
    fn default() -> Self {
        Tree::new()
    }
}

impl Tree {
    /// An empty collection.
    pub fn new() -> Self {
        Tree { directories: BTreeMap::from([(TreePath::root(), Directory::new())]) }
    }

    /// Reads a manifest, in whatever form. The parts of a file are put together wherever they stand; hints are left out.
    ///
    /// # Errors
    /// [`ReadError`]; among them [`ReadError::TooLarge`] if a stream needs more than `memory_max` bytes, or the tree
    /// together with it.
    pub fn read(source: impl Read, memory_max: usize) -> Result<Self, ReadError> {
        let mut tree = Tree::new();
        let mut left = memory_max;
        for stream in Streams::with_limit(source, memory_max) {
            let stream = stream?;
            left = left_after(&stream, left).ok_or(ReadError::TreeTooLarge { memory_max })?;
            tree.add_stream(&stream)?;
        }
        Ok(tree)
    }

    fn add_stream(&mut self, stream: &Stream) -> Result<(), Conflict> {
        self.add_directory(stream.directory())?;
        for file in stream.files() {
            let pieces = file.pieces().map(|piece| piece.to_segment());
            self.file_mut(file.path())?.extend(pieces);
        }
        Ok(())
    }

    /// Makes the directory `path` and those that it is in, unless they are there.
    ///
    /// # Errors
    /// [`Conflict::IsFile`], and then nothing is made.
    pub fn add_directory(&mut self, path: &TreePath) -> Result<(), Conflict> {
        let mut missing = Vec::new();
        let mut next = path.clone();
        while !self.directories.contains_key(&next) {
            if self.file(&next).is_some() {
                return Err(Conflict::IsFile(next));
            }
            let parent = next.parent();
            missing.push(next);
            // The root is there, so this ends before it.
            let Some(parent) = parent else { break };
            next = parent;
        }
        self.directories.extend(missing.into_iter().map(|path| (path, Directory::new())));
        Ok(())
    }

    /// The file `path`; makes it, and the directories that it is in, unless they are there.
    ///
    /// # Errors
    /// [`Conflict`], and then nothing is made.
    pub fn file_mut(&mut self, path: &TreePath) -> Result<&mut File, Conflict> {
        if self.directories.contains_key(path) {
            return Err(Conflict::IsDirectory(path.clone()));
        }
        let (directory, name) = path.split_last().ok_or(Conflict::IsDirectory(TreePath::root()))?;
        self.add_directory(&directory)?;
        Ok(self.directories.entry(directory).or_default().file_mut(name))
    }

    /// The file `path`, if it is one.
    pub fn file(&self, path: &TreePath) -> Option<&File> {
        let (directory, name) = path.split_last()?;
        self.directories.get(&directory)?.file(&name)
    }

    /// Every directory with its path, parents before children.
    pub fn directories(&self) -> impl Iterator<Item = (&TreePath, &Directory)> {
        self.directories.iter()
    }

    /// Every file with its path, directory by directory.
    pub fn files(&self) -> impl Iterator<Item = (TreePath, &File)> {
        self.directories.iter().flat_map(|(directory, files)| {
            files.files().map(move |(name, file)| {
                let path =
                    directory.child(name).expect("paths in a tree were paths when they came");
                (path, file)
            })
        })
    }

    /// Writes the manifest in normal form (spec section 4.2), and gives its name.
    ///
    /// # Errors
    /// What `out` says.
    pub fn write(&self, out: impl Write) -> io::Result<PortableDataHash> {
        let mut writer = Writer::new(out);
        for (path, directory) in &self.directories {
            // A directory that has others is there because of them, and the root always is.
            if !directory.is_empty() || !(path.is_root() || self.has_directories(path)) {
                writer.directory(path, directory).map_err(io_only)?;
            }
        }
        let (_out, hash) = writer.finish().map_err(io_only)?;
        Ok(hash)
    }

    /// The name of the manifest in normal form.
    pub fn portable_data_hash(&self) -> PortableDataHash {
        self.write(io::sink()).expect("a sink takes everything")
    }

    fn has_directories(&self, path: &TreePath) -> bool {
        // What is inside sorts after `path/`, though what is beside it, such as `path.d`, may come between.
        let inside = [path.as_bytes(), b"/"].concat();
        let mut from =
            self.directories.range::<[u8], _>((Bound::Included(&inside[..]), Bound::Unbounded));
        from.next().is_some_and(|(next, _)| next.as_bytes().starts_with(&inside))
    }
}

fn io_only(error: WriteError) -> io::Error {
    match error {
        WriteError::Io(error) => error,
        WriteError::OutOfOrder { .. } => unreachable!("a map is in order"),
    }
}

/// What is left of so many bytes of memory once the files of a stream are in a tree, counted roughly; `None` if they need
/// more. Counts before anything is made: few tokens can mean very many pieces.
fn left_after(stream: &Stream, left: usize) -> Option<usize> {
    const FILE_BYTES: usize = 128;
    const PIECE_BYTES: usize = size_of::<Segment>();
    stream.files().try_fold(left, |left, file| {
        let left = left.checked_sub(FILE_BYTES + file.path().as_bytes().len())?;
        file.pieces().try_fold(left, |left, _piece| left.checked_sub(PIECE_BYTES))
    })
}
