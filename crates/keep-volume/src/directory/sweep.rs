//! Removing temp files that nobody holds: what crashes and other programs left behind.

use std::ffi::CString;
use std::path::Path;

use keep_rules::Timestamp;
use rustix::fs::{FileType, Stat};

use super::empty::Deleted;
use super::list::HexKind;
use super::lock::{Attempt, try_to_lock};
use super::name::{Name, Writer};
use super::root::FileId;
use super::trashed::mtime;
use super::tree::Tree;
use crate::{Error, Operation, Swept};

/// What becomes of a temp file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Keep,
    /// It goes, if nobody has it locked.
    RemoveUnheld,
    /// It cannot be locked, and it goes.
    Remove,
}

/// Decides on a temp file. Ours is locked as long as it is written, so its age does not matter.
fn judge(writer: Writer, stat: &Stat, before: Timestamp) -> Verdict {
    let old = mtime(stat) < before;
    let kind = FileType::from_raw_mode(stat.st_mode);
    if kind == FileType::RegularFile && (old || writer == Writer::Donjon) {
        Verdict::RemoveUnheld
    } else if kind == FileType::Symlink && old {
        // It was to become a full marker.
        Verdict::Remove
    } else {
        Verdict::Keep
    }
}

impl Tree {
    /// Deletes temp files that nobody holds: of this program all, of others those that are older than `before`.
    pub(super) fn sweep(&self, before: Timestamp) -> Result<Swept, Error> {
        self.root.verify()?;
        let mut swept = Swept::default();
        // In the root itself: what a check or a full marker left behind.
        self.sweep_directory(self.root.path(), before, &mut swept)?;
        for entry in self.hex_entries()? {
            if entry.kind == HexKind::Subdirectory {
                self.sweep_directory(&self.root.path().join(entry.name), before, &mut swept)?;
            }
        }
        Ok(swept)
    }

    fn sweep_directory(
        &self,
        path: &Path,
        before: Timestamp,
        swept: &mut Swept,
    ) -> Result<(), Error> {
        let listing = self.list(path, |entry| match Name::parse(entry.file_name().to_bytes()) {
            Name::Temp(writer) => Some((CString::from(entry.file_name()), writer)),
            Name::Block(_) | Name::Trash { .. } | Name::Other => None,
        })?;
        let Some(listing) = listing else { return Ok(()) };
        for (name, writer) in listing.entries {
            let Some(stat) = self.look_in(&listing.directory, &name)? else { continue };
            let file = path.join(name.to_string_lossy().as_ref());
            let removed = match judge(writer, &stat, before) {
                Verdict::Keep => continue,
                Verdict::RemoveUnheld => self.remove_unheld(&file),
                Verdict::Remove => {
                    self.delete(&file).map_err(|error| Error::device("remove a temp file", error))
                }
            };
            match removed {
                Ok(Deleted::ByUs) => swept.deleted += 1,
                Ok(Deleted::NotThere) => {}
                Err(error) => {
                    swept.failed += 1;
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(name = ?name, error, "cannot remove an orphaned temp file");
                }
            }
        }
        Ok(())
    }

    /// Removes a temp file unless its writer has it, or has given it its final name.
    fn remove_unheld(&self, path: &Path) -> Result<Deleted, Error> {
        let Some(file) = self.open_to_lock(path)? else { return Ok(Deleted::NotThere) };
        let attempt = self.call(Operation::Flock, || try_to_lock(&file));
        match attempt.map_err(|error| Error::device("lock a temp file", error))? {
            Attempt::Locked => {}
            Attempt::Taken => return Ok(Deleted::NotThere),
        }
        let locked = self.metadata(Operation::Stat, || file.metadata(), "look at a temp file")?;
        let named = self.named(path)?;
        if named.is_none_or(|named| FileId::of(&named) != FileId::of(&locked)) {
            return Ok(Deleted::NotThere);
        }
        // Held until it is gone: a writer that comes upon it now finds that it has no name any more.
        self.delete(path).map_err(|error| Error::device("remove a temp file", error))
    }
}
