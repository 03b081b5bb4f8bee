//! Taking a replica away.

use std::io;
use std::path::{Path, PathBuf};

use keep_rules::trash::Fate;
use keep_rules::{BlockHash, Timestamp};

use super::lock::{replica, too_often};
use super::name;
use super::root::FileId;
use super::tree::Tree;
use crate::Error;

/// How many seconds a deadline is put off because other copies of the block have it already.
const DEADLINES_TRIED_MAX: i64 = 1000;

impl Tree {
    /// Takes the live replica away if its mtime is exactly `unchanged_since`.
    ///
    /// It always goes by way of the trash: a file taken away by name is looked at before it is deleted for good.
    pub(super) fn trash(
        &self,
        hash: BlockHash,
        unchanged_since: Timestamp,
        fate: Fate,
    ) -> Result<(), Error> {
        let path = self.block(hash);
        let _exclusive = self.stripes.lock(hash);
        let locked = self.lock_file(&path)?.ok_or_else(|| self.absent())?;
        let found = locked.replica.mtime;
        if found != unchanged_since {
            return Err(Error::Changed { found });
        }
        let deadline = match fate {
            Fate::Until(deadline) => deadline,
            // Long past, so if we get no further the emptier finishes the work.
            Fate::Delete => unchanged_since,
        };
        let trashed = self.move_to_trash(&path, hash, name::deadline_seconds(deadline))?;
        let moved = self.named(&trashed)?;
        if let Some(other) = moved.filter(|moved| FileId::of(moved) != locked.id) {
            // A Go keepstore wrote a new copy after we compared. If yet another one is there by now, this one may stay.
            return match self.rename_to_free_name(&trashed, &path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    Err(Error::device("bring back a block that was rewritten", error))
                }
                _live => Err(Error::Changed { found: replica(&other).mtime }),
            };
        }
        match fate {
            Fate::Until(_deadline) => Ok(()),
            Fate::Delete => {
                self.remove(&trashed).map_err(|error| Error::device("delete a block", error))
            }
        }
    }

    /// Renames to the first free trash name from `deadline` on. A copy that has the name already is not overwritten.
    fn move_to_trash(&self, path: &Path, hash: BlockHash, deadline: i64) -> Result<PathBuf, Error> {
        let directory = self.subdirectory(hash);
        for seconds in deadline..deadline.saturating_add(DEADLINES_TRIED_MAX) {
            let trashed = directory.join(name::trash(hash, seconds));
            match self.take_to_free_name(path, &trashed) {
                Ok(()) => return Ok(trashed),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(self.absent()),
                Err(error) => return Err(Error::device("move a block to the trash", error)),
            }
        }
        Err(too_often("find a free name in the trash"))
    }
}
