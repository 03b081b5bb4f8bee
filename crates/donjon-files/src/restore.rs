//! The pieces of one block, put where they belong, or found to be there.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

use keep_manifest::TreePath;
use keep_rules::BlockHash;
use md5::{Digest as _, Md5};

use crate::destination::{Destination, open_file};
use crate::steps::{Step, StepPiece};

/// Compared at a time.
const COMPARED_BYTES: usize = 128 << 10;

/// A file that is to be restored.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) path: TreePath,
    pub(crate) size: u64,
    pub(crate) stage: Stage,
}

/// How far a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// A file of this name and size is there. Whether it is this one is to be seen; it is not written to.
    Existing,
    /// An earlier run has left a part of it, or all.
    Resumed,
    /// Nothing of it is there.
    Fresh,
}

/// What became of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    /// It was there.
    There,
    /// It is there now.
    Written,
    /// The file that is there has other bytes. It stays as it is.
    Differs,
}

/// Whether all pieces of a step are there already: then they are the block, whole, and its hash says so.
pub(crate) fn is_there(
    destination: &Destination,
    targets: &[Target],
    step: &Step,
) -> io::Result<bool> {
    let fresh = |piece: &StepPiece| targets[piece.target].stage == Stage::Fresh;
    if step.pieces.iter().any(fresh) || !step.covers_block() {
        return Ok(false);
    }
    let mut data = vec![0; step.block.size() as usize];
    let mut files = Files::new(destination);
    for piece in &step.pieces {
        let (from, to) = (piece.offset as usize, (piece.offset + piece.length) as usize);
        match files.open(&targets[piece.target])?.read_exact_at(&mut data[from..to], piece.at) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(BlockHash::from_bytes(Md5::digest(&data).into()) == step.block.hash())
}

/// Puts the pieces of a block where they belong. `data` is the block, whole and right.
pub(crate) fn place(
    destination: &Destination,
    targets: &[Target],
    step: &Step,
    data: &[u8],
) -> io::Result<Vec<Placed>> {
    let mut files = Files::new(destination);
    let place = |piece: &StepPiece| {
        let target = &targets[piece.target];
        let file = files.open(target)?;
        let bytes = piece.of(data);
        match target.stage {
            Stage::Existing if has(file, bytes, piece.at)? => Ok(Placed::There),
            Stage::Existing => Ok(Placed::Differs),
            // A new file reads as zeros where nothing was written: holes stay holes.
            Stage::Fresh if bytes.iter().all(|byte| *byte == 0) => Ok(Placed::Written),
            Stage::Resumed | Stage::Fresh => {
                file.write_all_at(bytes, piece.at)?;
                Ok(Placed::Written)
            }
        }
    };
    step.pieces.iter().map(place).collect()
}

/// Whether a file has these bytes there.
fn has(file: &File, bytes: &[u8], at: u64) -> io::Result<bool> {
    let mut buffer = vec![0; bytes.len().min(COMPARED_BYTES)];
    let mut at = at;
    for expected in bytes.chunks(COMPARED_BYTES) {
        let found = &mut buffer[..expected.len()];
        match file.read_exact_at(found, at) {
            Ok(()) if found == expected => at += expected.len() as u64,
            Ok(()) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Opens files one after the other, most of them in the directory of the one before.
struct Files<'a> {
    destination: &'a Destination,
    directory: Option<(TreePath, OwnedFd)>,
    file: Option<(TreePath, File)>,
}

impl<'a> Files<'a> {
    fn new(destination: &'a Destination) -> Self {
        Files { destination, directory: None, file: None }
    }

    fn open(&mut self, target: &Target) -> io::Result<&File> {
        let file = match self.file.take() {
            Some((path, file)) if path == target.path => file,
            Some(_) | None => self.open_anew(target)?,
        };
        Ok(&self.file.insert((target.path.clone(), file)).1)
    }

    fn open_anew(&mut self, target: &Target) -> io::Result<File> {
        if target.stage != Stage::Existing {
            return self.destination.unfinished(&target.path);
        }
        let (path, name) = target.path.split_last().ok_or(io::ErrorKind::IsADirectory)?;
        let directory = match self.directory.take() {
            Some((last, directory)) if last == path => directory,
            Some(_) | None => self.destination.directory(&path)?,
        };
        let (_, directory) = self.directory.insert((path, directory));
        open_file(directory, name.as_bytes())
    }
}
