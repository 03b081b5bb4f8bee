//! A tree, restored: verified block by block, resumed where it stood, in place only when whole.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use keep_manifest::{BlockRef, Segment, Tree, TreePath};
use keep_rules::{BlockHash, Timestamp};
use md5::{Digest as _, Md5};
use rustix::fs::OFlags;
use tokio::sync::Mutex;

use crate::Progress;
use crate::nodes::{Nodes, Unread};
use crate::target::Target;

/// What becomes of a file that is there already, with other content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and that is an error.
    #[default]
    Keep,
    /// It is replaced, when the new one is whole.
    Overwrite,
}

/// How a tree is restored.
#[derive(Clone, Copy, Debug)]
pub struct Getting {
    /// What becomes of files that are there.
    pub existing: Existing,
    /// Files at once: each takes a block, 64 MiB, of memory.
    pub at_once: usize,
    /// The clock.
    pub now: fn() -> Timestamp,
}

/// What was restored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Got {
    /// Files that were written.
    pub written: u64,
    /// Files that were there and right.
    pub kept: u64,
    /// Bytes of all.
    pub bytes: u64,
}

/// Why a file is not restored. Those that were whole before are in place; repeat the command to go on.
#[derive(Debug, thiserror::Error)]
pub enum GetError {
    /// It cannot be written.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// There is another one.
    #[error("{}: is there with other content; --overwrite replaces it", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A block cannot be had.
    #[error("{}: {error}", path.display())]
    Unread {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: Unread,
    },
}

/// Restores `tree` in `destination`, which is made if it is new.
///
/// # Errors
/// The first file, in the order of paths, that cannot be restored.
pub async fn get(
    tree: &Tree,
    destination: &Path,
    nodes: &Nodes,
    getting: Getting,
    progress: &dyn Progress,
) -> Result<Got, GetError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| GetError::Io { path, error }
    };
    let target = Target::new(destination).map_err(failed(destination))?;
    let mut directories = vec![destination.to_owned()];
    for (path, _) in tree.directories() {
        directories.push(target.directory(path).map_err(failed(destination))?);
    }
    let blocks = Blocks {
        nodes,
        now: getting.now,
        recent: Mutex::default(),
        kept: getting.at_once.max(1) + 1,
    };
    let files: Vec<(TreePath, Vec<Segment>)> =
        tree.files().map(|(path, file)| (path, file.segments().to_vec())).collect();
    let restored = files.iter().map(|(path, segments)| {
        restore(&target, path, segments, &blocks, getting.existing, progress)
    });
    // Collected first: a lazily mapped stream of borrowing futures does not prove that it can be sent.
    let restored: Vec<_> = restored.collect();
    let mut restored = stream::iter(restored).buffered(getting.at_once.max(1));
    let mut got = Got::default();
    while let Some(done) = restored.next().await {
        let (outcome, bytes) = done?;
        got.bytes += bytes;
        match outcome {
            Outcome::Written => got.written += 1,
            Outcome::Kept => got.kept += 1,
        }
    }
    for directory in directories {
        let synced = File::open(&directory).and_then(|directory| directory.sync_all());
        synced.map_err(failed(&directory))?;
    }
    Ok(got)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Written,
    Kept,
}

/// Restores one file.
async fn restore(
    target: &Target,
    path: &TreePath,
    segments: &[Segment],
    blocks: &Blocks<'_>,
    existing: Existing,
    progress: &dyn Progress,
) -> Result<(Outcome, u64), GetError> {
    let shown = PathBuf::from(String::from_utf8_lossy(path.as_bytes()).into_owned());
    let io = |error| GetError::Io { path: shown.clone(), error };
    let (place, part) = target.file(path).map_err(io)?;
    let size: u64 = segments.iter().map(|segment| u64::from(segment.length())).sum();
    let unread = |error| GetError::Unread { path: shown.clone(), error };
    match fs::symlink_metadata(&place) {
        Ok(there) => {
            let same = there.is_file() && there.len() == size && {
                let file = File::open(&place).map_err(io)?;
                holds(&file, segments, blocks).await.map_err(|error| error.at(&shown))?
            };
            if same {
                progress.bytes(size);
                return Ok((Outcome::Kept, size));
            }
            if existing == Existing::Keep {
                return Err(GetError::Exists { path: place });
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(io(error)),
    }
    let mut options = OpenOptions::new();
    // A link in the place of the part is not followed.
    options
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    let file = options.open(&part).map_err(io)?;
    let mut offset = 0;
    for segment in segments {
        if !has_whole(&file, offset, *segment).map_err(io)? {
            let data = blocks.get(segment.block()).await.map_err(unread)?;
            let start = usize::try_from(segment.offset()).expect("a block is at most 64 MiB");
            let length = usize::try_from(segment.length()).expect("a block is at most 64 MiB");
            file.write_all_at(&data[start..start + length], offset).map_err(io)?;
        }
        offset += u64::from(segment.length());
        progress.bytes(segment.length().into());
    }
    file.set_len(size).map_err(io)?;
    file.sync_all().map_err(io)?;
    fs::rename(&part, &place).map_err(io)?;
    Ok((Outcome::Written, size))
}

/// Why a comparison failed.
enum NotCompared {
    Io(io::Error),
    Unread(Unread),
}

impl NotCompared {
    fn at(self, path: &Path) -> GetError {
        let path = path.to_owned();
        match self {
            NotCompared::Io(error) => GetError::Io { path, error },
            NotCompared::Unread(error) => GetError::Unread { path, error },
        }
    }
}

/// Whether the file holds these bytes. What is a whole block is compared by its hash, without asking a node.
async fn holds(
    file: &File,
    segments: &[Segment],
    blocks: &Blocks<'_>,
) -> Result<bool, NotCompared> {
    let mut offset = 0;
    for segment in segments {
        if !has_whole(file, offset, *segment).map_err(NotCompared::Io)? {
            if is_whole(*segment) {
                return Ok(false);
            }
            let data = blocks.get(segment.block()).await.map_err(NotCompared::Unread)?;
            let start = usize::try_from(segment.offset()).expect("a block is at most 64 MiB");
            let mut there =
                vec![0; usize::try_from(segment.length()).expect("a block is at most 64 MiB")];
            file.read_exact_at(&mut there, offset).map_err(NotCompared::Io)?;
            if data[start..start + there.len()] != there {
                return Ok(false);
            }
        }
        offset += u64::from(segment.length());
    }
    Ok(true)
}

/// Whether the segment is all of its block.
fn is_whole(segment: Segment) -> bool {
    segment.offset() == 0 && segment.length() == segment.block().size()
}

/// Whether the file has a whole block at this place, found by its hash.
fn has_whole(file: &File, offset: u64, segment: Segment) -> io::Result<bool> {
    if !is_whole(segment) || file.metadata()?.len() < offset + u64::from(segment.length()) {
        return Ok(false);
    }
    let mut there = vec![0; usize::try_from(segment.length()).expect("a block is at most 64 MiB")];
    file.read_exact_at(&mut there, offset)?;
    Ok(BlockHash::from_bytes(Md5::digest(&there).into()) == segment.block().hash())
}

/// A block in memory, or on its way.
type Place = Arc<Mutex<Option<Bytes>>>;

/// The blocks that were read last: files that lie side by side share one.
struct Blocks<'n> {
    nodes: &'n Nodes,
    now: fn() -> Timestamp,
    recent: Mutex<VecDeque<(BlockRef, Place)>>,
    kept: usize,
}

impl Blocks<'_> {
    /// The block: from memory, or from a node, once for all who want it now.
    async fn get(&self, block: BlockRef) -> Result<Bytes, Unread> {
        let place = self.place(block).await;
        let mut place = place.lock().await;
        if let Some(data) = &*place {
            return Ok(data.clone());
        }
        let data = self.nodes.fetch(block, (self.now)()).await?;
        *place = Some(data.clone());
        Ok(data)
    }

    async fn place(&self, block: BlockRef) -> Place {
        let mut recent = self.recent.lock().await;
        if let Some((_, place)) = recent.iter().find(|(known, _)| *known == block) {
            return Arc::clone(place);
        }
        while recent.len() >= self.kept {
            recent.pop_front();
        }
        let place = Place::default();
        recent.push_back((block, Arc::clone(&place)));
        place
    }
}
