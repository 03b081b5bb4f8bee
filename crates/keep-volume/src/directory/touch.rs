//! Setting a replica's mtime.

use keep_rules::{BlockHash, Timestamp};

use super::lock::{ATTEMPTS_MAX, Locked, too_often};
use super::root::FileId;
use super::tree::Tree;
use crate::Error;

impl Tree {
    /// Sets the mtime of the live replica to `now`, durably. Its name is made durable too: whoever wrote it may not have
    /// got that far, and after this answer someone relies on it.
    pub(super) fn touch(&self, hash: BlockHash, now: Timestamp) -> Result<(), Error> {
        let exclusive = self.stripes.lock(hash);
        let touched = self.set_mtime_of_live(hash, now)?.ok_or_else(|| self.absent())?;
        drop(exclusive);
        self.sync_live(hash, &touched.file)?;
        drop(touched);
        self.settle_names(hash)
    }

    /// Sets the mtime of the live replica, if there is one. The caller holds the hash's lock.
    pub(super) fn set_mtime_of_live(
        &self,
        hash: BlockHash,
        now: Timestamp,
    ) -> Result<Option<Locked>, Error> {
        let path = self.block(hash);
        for _attempt in 0..ATTEMPTS_MAX {
            let Some(locked) = self.lock_file(&path)? else { return Ok(None) };
            self.set_mtime(&locked.file, now)?;
            // A Go keepstore may have put a new copy in its place: then that one is touched as well.
            let named = self.named(&path)?;
            if named.is_some_and(|named| FileId::of(&named) == locked.id) {
                return Ok(Some(locked));
            }
        }
        Err(too_often("touch a block"))
    }
}
