//! Looking at the trashed copies of a block.

use std::cmp::Reverse;
use std::ffi::CString;

use keep_rules::{BlockHash, Timestamp};
use rustix::fs::{FileType, Stat};

use super::empty::size;
use super::list::Listing;
use super::lock::timestamp;
use super::name::Name;
use super::tree::Tree;
use crate::{Error, TrashedCopy};

impl Tree {
    /// The copies in the trash, the latest deadline first.
    pub(super) fn trashed(&self, hash: BlockHash) -> Result<Vec<TrashedCopy>, Error> {
        // What is deleted at once goes through the trash, and is not to be seen there.
        let exclusive = self.stripes.lock(hash);
        let mut copies = Vec::new();
        if let Some(mut listing) = self.deadlines(hash)? {
            listing.entries.sort_unstable_by_key(|(deadline, _name)| Reverse(*deadline));
            for (seconds, name) in listing.entries {
                let Some(stat) = self.look_in(&listing.directory, &name)? else { continue };
                if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
                    let deadline = Timestamp::from_seconds(seconds);
                    copies.push(TrashedCopy { size: size(&stat), mtime: mtime(&stat), deadline });
                }
            }
        }
        drop(exclusive);
        // That there are no others is a fact only on the right volume.
        self.root.verify()?;
        Ok(copies)
    }

    /// Deadlines in seconds and file names of what the trash holds of `hash`. `None` if there is no sub-directory.
    pub(super) fn deadlines(
        &self,
        hash: BlockHash,
    ) -> Result<Option<Listing<(i64, CString)>>, Error> {
        self.list(&self.subdirectory(hash), |entry| {
            match Name::parse(entry.file_name().to_bytes()) {
                Name::Trash { hash: found, deadline } if found == hash => {
                    Some((deadline, CString::from(entry.file_name())))
                }
                Name::Trash { .. } | Name::Block(_) | Name::Temp(_) | Name::Other => None,
            }
        })
    }
}

/// When a file was last written or touched.
pub(super) fn mtime(stat: &Stat) -> Timestamp {
    timestamp(stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0))
}
