//! Files become blocks: read one after the other, in the order of a manifest.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use keep_manifest::TreePath;
use rustix::fs::OFlags;

use crate::layout::{Layout, Part};
use crate::packing::Packing;
use crate::scan::Scan;

/// Why a file was not read as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// It could not be read.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Its size or modification time was another after it was read.
    #[error("{} changed while it was read: put it again once nobody writes to it", path.display())]
    Changed {
        /// Which file.
        path: PathBuf,
    },
}

/// A block that is full, or will not become fuller.
#[derive(Debug)]
pub(crate) struct Full {
    pub(crate) number: usize,
    pub(crate) data: Vec<u8>,
    /// Files that end in it.
    pub(crate) files: u64,
}

/// Why reading ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    Source(SourceError),
    /// Nobody wants more blocks.
    Unwanted,
}

impl From<SourceError> for Stop {
    fn from(error: SourceError) -> Self {
        Stop::Source(error)
    }
}

/// Reads all files, gives each block to `emit` as soon as it is full, and says where the files are in the blocks. Holds
/// two blocks at most: one that short files share, and one of a long file.
pub(crate) fn read_all(
    scan: Scan,
    packing: Packing,
    emit: impl FnMut(Full) -> Result<(), Stop>,
) -> Result<Layout, Stop> {
    let mut reader = Reading { packing, emit, blocks: 0, shared: None };
    let mut layout = Layout::default();
    for (directory, scanned) in scan.directories {
        for (name, on_disk) in scanned.files {
            let path = directory.child(&name).expect("a path of the scan is a path");
            let parts = reader.file(&on_disk, &path)?;
            layout.files.push((path, parts));
        }
        layout.directories.push(directory);
    }
    reader.end_shared()?;
    Ok(layout)
}

struct Reading<F> {
    packing: Packing,
    emit: F,
    /// How many were begun.
    blocks: usize,
    /// The block that short files share now.
    shared: Option<Full>,
}

impl<F: FnMut(Full) -> Result<(), Stop>> Reading<F> {
    fn file(&mut self, on_disk: &Path, path: &TreePath) -> Result<Vec<Part>, Stop> {
        let mut source = Source::open(on_disk)?;
        let size = source.before.len();
        let parts = if size == 0 {
            Vec::new()
        } else if self.packing.has_own_blocks(size) {
            self.own_blocks(&mut source, size)?
        } else {
            vec![self.share(&mut source, size, path)?]
        };
        source.finish()?;
        Ok(parts)
    }

    fn own_blocks(&mut self, source: &mut Source<'_>, size: u64) -> Result<Vec<Part>, Stop> {
        let mut parts = Vec::new();
        let mut left = size;
        while left > 0 {
            let length = u32::try_from(left).unwrap_or(u32::MAX).min(self.packing.block_max());
            let mut data = Vec::with_capacity(length as usize);
            source.read(u64::from(length), &mut data)?;
            let number = self.begin();
            left -= u64::from(length);
            (self.emit)(Full { number, data, files: u64::from(left == 0) })?;
            parts.push(Part { block: number, offset: 0, length });
        }
        Ok(parts)
    }

    fn share(&mut self, source: &mut Source<'_>, size: u64, path: &TreePath) -> Result<Part, Stop> {
        if self.shared.as_ref().is_some_and(|shared| !self.packing.fits(shared.data.len(), size)) {
            self.end_shared()?;
        }
        let mut shared = match self.shared.take() {
            Some(shared) => shared,
            None => Full { number: self.begin(), data: Vec::new(), files: 0 },
        };
        let offset = shared.data.len();
        source.read(size, &mut shared.data)?;
        shared.files += 1;
        let part = Part { block: shared.number, offset: short(offset), length: short(size) };
        let ends = self.packing.ends_after(shared.data.len(), path.as_bytes());
        self.shared = Some(shared);
        if ends {
            self.end_shared()?;
        }
        Ok(part)
    }

    fn end_shared(&mut self) -> Result<(), Stop> {
        self.shared.take().map_or(Ok(()), |shared| (self.emit)(shared))
    }

    fn begin(&mut self) -> usize {
        self.blocks += 1;
        self.blocks - 1
    }
}

/// A number within a block.
fn short<T: TryInto<u32>>(number: T) -> u32 {
    number.try_into().ok().expect("a block has fewer bytes than 32 bits can count")
}

/// A file that is read, and must not change meanwhile.
struct Source<'a> {
    path: &'a Path,
    file: File,
    before: Metadata,
}

impl<'a> Source<'a> {
    fn open(path: &'a Path) -> Result<Self, SourceError> {
        // Neither a link nor a pipe that has come into the file's place since the scan is followed or waited for.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(i32::try_from(flags.bits()).expect("flags are 32 bits"))
            .open(path)
            .map_err(failed("open", path))?;
        let before = file.metadata().map_err(failed("look at", path))?;
        if !before.is_file() {
            return Err(SourceError::Changed { path: path.to_owned() });
        }
        Ok(Source { path, file, before })
    }

    /// Reads exactly so many bytes.
    fn read(&mut self, length: u64, data: &mut Vec<u8>) -> Result<(), SourceError> {
        let read =
            (&self.file).take(length).read_to_end(data).map_err(failed("read", self.path))?;
        if read as u64 == length { Ok(()) } else { Err(self.changed()) }
    }

    /// All was read: the file must have ended, and be what it was.
    fn finish(mut self) -> Result<(), SourceError> {
        let ended = self.file.read(&mut [0]).map_err(failed("read", self.path))? == 0;
        let after = self.file.metadata().map_err(failed("look at", self.path))?;
        let modified = |metadata: &Metadata| metadata.modified().ok();
        let same = after.len() == self.before.len() && modified(&after) == modified(&self.before);
        if ended && same { Ok(()) } else { Err(self.changed()) }
    }

    fn changed(&self) -> SourceError {
        SourceError::Changed { path: self.path.to_owned() }
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SourceError {
    let path = path.to_owned();
    move |source| SourceError::Io { doing, path, source }
}
