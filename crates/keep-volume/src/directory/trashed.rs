//! Looking at the trashed copies of a block.

use std::cmp::Reverse;
use std::ffi::CString;

use keep_rules::{BlockHash, Timestamp};
use rustix::fs::{DirEntry, FileType, Stat};

use super::empty::size;
use super::lock::timestamp;
use super::name::Name;
use super::tree::Tree;
use crate::{Error, TrashedCopy};

/// A copy in the trash.
#[derive(Debug)]
pub(super) struct InTrash {
    /// Its file in the block's sub-directory. It may have zeros in front of the deadline, which ours never have.
    pub(super) name: CString,
    pub(super) copy: TrashedCopy,
}

impl Tree {
    /// The copies in the trash, the latest deadline first.
    pub(super) fn trashed(&self, hash: BlockHash) -> Result<Vec<TrashedCopy>, Error> {
        // What is deleted at once goes through the trash, and is not to be seen there.
        let exclusive = self.stripes.lock(hash);
        let copies = self.in_trash(hash)?.into_iter().map(|found| found.copy).collect();
        drop(exclusive);
        // That there are no others is a fact only on the right volume.
        self.root.verify()?;
        Ok(copies)
    }

    /// What the trash holds of `hash`, the latest deadline first. What has the name of a copy and is no regular file is
    /// none. That there are none says nothing about the root.
    pub(super) fn in_trash(&self, hash: BlockHash) -> Result<Vec<InTrash>, Error> {
        let of_hash = |entry: &DirEntry| match Name::parse(entry.file_name().to_bytes()) {
            Name::Trash { hash: found, deadline } if found == hash => {
                Some((deadline, CString::from(entry.file_name())))
            }
            Name::Trash { .. } | Name::Block(_) | Name::Temp(_) | Name::Other => None,
        };
        let Some(listing) = self.list(&self.subdirectory(hash), of_hash)? else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for (seconds, name) in listing.entries {
            let Some(stat) = self.look_in(&listing.directory, &name)? else { continue };
            if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
                let deadline = Timestamp::from_seconds(seconds);
                let copy = TrashedCopy { size: size(&stat), mtime: mtime(&stat), deadline };
                found.push(InTrash { name, copy });
            }
        }
        found.sort_by_key(|found| Reverse(found.copy.deadline));
        Ok(found)
    }
}

/// When a file was last written or touched.
pub(super) fn mtime(stat: &Stat) -> Timestamp {
    timestamp(stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0))
}
