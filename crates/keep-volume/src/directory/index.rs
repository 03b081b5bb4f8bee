//! Listing the replicas, sorted, one sub-directory after the other.

use std::ffi::CString;
use std::vec::IntoIter;

use async_trait::async_trait;
use keep_rules::{BLOCK_SIZE_MAX, BlockHash, HashPrefix};
use rustix::fs::{DirEntry, FileType, Stat};

use super::Directory;
use super::empty::size;
use super::list::{HexEntry, HexKind};
use super::name::Name;
use super::trashed::mtime;
use super::tree::Tree;
use crate::{Error, IndexCursor, IndexEntry, Replica, Strange};

/// Sub-directories are read until there are this many entries: fewer hops to a blocking thread.
const BATCH_ENTRIES: usize = 1024;
/// Strange things beyond these are not remembered.
const STRANGE_MAX: usize = 1000;

/// A listing on its way. Holds what is left to do.
#[derive(Debug)]
pub(super) struct Walk {
    prefix: HashPrefix,
    left: IntoIter<HexEntry>,
    strange: Vec<Strange>,
}

impl Walk {
    fn report(&mut self, place: String, why: &'static str) {
        if self.strange.len() < STRANGE_MAX {
            self.strange.push(Strange { place, why });
        }
    }
}

impl Tree {
    /// Reads the root. The sub-directories come sorted, so the listing will be.
    pub(super) fn begin_index(&self, prefix: HashPrefix) -> Result<Walk, Error> {
        self.root.verify()?;
        let mut entries = self.hex_entries()?;
        entries.retain(|entry| prefix.touches(&entry.name));
        Ok(Walk { prefix, left: entries.into_iter(), strange: Vec::new() })
    }

    /// The next entries; none when the listing is complete, and this is still the right volume.
    pub(super) fn continue_index(&self, walk: &mut Walk) -> Result<Vec<IndexEntry>, Error> {
        let mut entries = Vec::new();
        while entries.len() < BATCH_ENTRIES {
            let Some(HexEntry { name, kind }) = walk.left.next() else { break };
            match kind {
                HexKind::Subdirectory => self.index_subdirectory(&name, walk, &mut entries)?,
                HexKind::OtherDirectory => {
                    walk.report(name, "a directory of blocks has a name of three digits");
                }
                HexKind::NoDirectory => walk.report(name, "named as a directory, but it is none"),
            }
        }
        if entries.is_empty() {
            self.root.verify()?;
        }
        Ok(entries)
    }

    fn index_subdirectory(
        &self,
        subdirectory: &str,
        walk: &mut Walk,
        entries: &mut Vec<IndexEntry>,
    ) -> Result<(), Error> {
        let prefix = walk.prefix;
        let pick = |entry: &DirEntry| match Name::parse(entry.file_name().to_bytes()) {
            Name::Block(hash) if prefix.contains(hash) => Some((entry.ino(), hash)),
            Name::Block(hash) if !hash.to_string().starts_with(subdirectory) => {
                Some((entry.ino(), hash))
            }
            Name::Block(_) | Name::Trash { .. } | Name::Temp(_) | Name::Other => None,
        };
        // Vanished: someone removed an empty directory, or the volume. The end of the listing tells which.
        let Some(mut listing) = self.list(&self.root.path().join(subdirectory), pick)? else {
            return Ok(());
        };
        // In the order in which inodes lie on the disk: far fewer seeks when nothing is cached.
        listing.entries.sort_unstable();
        let first = entries.len();
        for (_inode, hash) in listing.entries {
            let name = CString::new(hash.to_hex()).unwrap_or_default();
            let Some(stat) = self.look_in(&listing.directory, &name)? else { continue };
            match judge(subdirectory, hash, &stat) {
                Ok(replica) => entries.push(IndexEntry { hash, replica }),
                Err(why) => walk.report(format!("{subdirectory}/{hash}"), why),
            }
        }
        entries[first..].sort_unstable_by_key(|entry| entry.hash);
        Ok(())
    }
}

/// Whether something that has a hash as its name is a replica.
fn judge(subdirectory: &str, hash: BlockHash, stat: &Stat) -> Result<Replica, &'static str> {
    if !hash.to_string().starts_with(subdirectory) {
        return Err("a block in the wrong directory is never found");
    }
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err("named as a block, but it is no regular file");
    }
    let size = size(stat);
    if size > BLOCK_SIZE_MAX {
        return Err("larger than a block can be");
    }
    Ok(Replica { size, mtime: mtime(stat) })
}

/// The listing as the node reads it.
pub(super) struct Cursor {
    directory: Directory,
    /// `None` while a hop has it, and after an error.
    walk: Option<Walk>,
    strange: Vec<Strange>,
}

impl Cursor {
    pub(super) fn new(directory: Directory, walk: Walk) -> Self {
        Cursor { directory, walk: Some(walk), strange: Vec::new() }
    }
}

#[async_trait]
impl IndexCursor for Cursor {
    async fn next(&mut self) -> Result<Option<Vec<IndexEntry>>, Error> {
        let Some(mut walk) = self.walk.take() else {
            let source = std::io::Error::other("it was dropped on the way, or failed before");
            return Err(Error::Device { doing: "go on with a listing", source });
        };
        let (mut walk, entries) = self
            .directory
            .hop(move |tree| {
                let entries = tree.continue_index(&mut walk)?;
                Ok((walk, entries))
            })
            .await?;
        let room = STRANGE_MAX.saturating_sub(self.strange.len());
        self.strange.extend(walk.strange.drain(..).take(room));
        self.walk = Some(walk);
        Ok(if entries.is_empty() { None } else { Some(entries) })
    }

    fn strange(&self) -> &[Strange] {
        &self.strange
    }
}
