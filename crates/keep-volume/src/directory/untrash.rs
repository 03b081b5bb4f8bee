//! Bringing back a trashed copy.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;

use keep_rules::{BlockHash, Timestamp};

use super::lock::{ATTEMPTS_MAX, too_often};
use super::trashed::InTrash;
use super::tree::Tree;
use crate::{Error, Untrashed};

impl Tree {
    /// Brings back the copy with the latest deadline, unless a live one is there.
    pub(super) fn untrash(&self, hash: BlockHash, now: Timestamp) -> Result<Untrashed, Error> {
        let exclusive = self.stripes.lock(hash);
        for _attempt in 0..ATTEMPTS_MAX {
            let latest = self.in_trash(hash)?.into_iter().next().ok_or_else(|| self.absent())?;
            let (file, untrashed) = match self.set_mtime_of_live(hash, now)? {
                Some(live) => (live.file, Untrashed::AlreadyLive),
                None => match self.revive(hash, &latest, now)? {
                    Some(file) => (file, Untrashed::Restored),
                    None => continue,
                },
            };
            drop(exclusive);
            self.sync_live(hash, &file)?;
            drop(file);
            self.settle_names(hash)?;
            return Ok(untrashed);
        }
        Err(too_often("untrash a block"))
    }

    /// Gives a trashed copy its old name back. The new mtime is durable before it has the name, so no crash leaves an
    /// old mtime live. `None` if the copy vanished, or another one is live by now.
    fn revive(
        &self,
        hash: BlockHash,
        latest: &InTrash,
        now: Timestamp,
    ) -> Result<Option<std::fs::File>, Error> {
        let trashed = self.subdirectory(hash).join(OsStr::from_bytes(latest.name.to_bytes()));
        let Some(locked) = self.lock_file(&trashed)? else { return Ok(None) };
        self.set_mtime(&locked.file, now)?;
        self.sync_live(hash, &locked.file)?;
        match self.rename_to_free_name(&trashed, &self.block(hash)) {
            Ok(()) => Ok(Some(locked.file)),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(Error::device("bring a block back from the trash", error)),
        }
    }
}
