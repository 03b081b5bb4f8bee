//! Removing temp files that nobody holds: what crashes and other programs left behind.

use std::ffi::CString;
use std::path::Path;

use keep_rules::Timestamp;
use rustix::fs::FileType;

use super::list::HexKind;
use super::lock::timestamp;
use super::name::Name;
use super::tree::Tree;
use crate::{Error, Swept};

impl Tree {
    /// Deletes temp files that no writer of this process holds and that are older than `before`.
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
        let listing = self.list(path, |entry| {
            let name = entry.file_name();
            (Name::parse(name.to_bytes()) == Name::Temp).then(|| CString::from(name))
        })?;
        let Some(listing) = listing else { return Ok(()) };
        for name in listing.entries {
            let file = path.join(name.to_string_lossy().as_ref());
            // Before the age: a temp file that its writer let go of meanwhile is gone.
            if self.held.contains(&file) {
                continue;
            }
            let Some(stat) = self.look_in(&listing.directory, &name)? else { continue };
            let kind = FileType::from_raw_mode(stat.st_mode);
            let age = timestamp(stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0));
            if age >= before || !matches!(kind, FileType::RegularFile | FileType::Symlink) {
                continue;
            }
            match self.remove(&file) {
                Ok(()) => swept.deleted += 1,
                Err(error) => {
                    swept.failed += 1;
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(name = ?name, error, "cannot remove an orphaned temp file");
                }
            }
        }
        Ok(())
    }
}
