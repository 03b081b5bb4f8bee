//! Steps that survive a power loss: contents, then name, then directory.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// How the names of files begin that are not finished.
pub(crate) const DRAFT: &str = ".draft-";

/// The file system, as this crate uses it. Tests make it fail at any step.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    #[cfg(test)]
    pub(crate) steps_left: std::cell::Cell<Option<u32>>,
}

impl Disk {
    /// Every change of the disk passes here.
    #[cfg(test)]
    fn step(&self) -> io::Result<()> {
        match self.steps_left.get() {
            None => Ok(()),
            Some(0) => Err(io::Error::other("the power went out")),
            Some(left) => {
                self.steps_left.set(Some(left - 1));
                Ok(())
            }
        }
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "tests make it fail")]
    fn step(&self) -> io::Result<()> {
        Ok(())
    }

    /// Makes a directory; one that is there is fine.
    pub(crate) fn make_directory(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        match fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made,
        }
    }

    /// Gives a file that `write` fills its name, durably. `to` may be replaced.
    pub(crate) fn place(
        &self,
        to: &Path,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<()> {
        let directory = to.parent().unwrap_or(Path::new("."));
        self.step()?;
        let mut draft = tempfile::Builder::new().prefix(DRAFT).tempfile_in(directory)?;
        write(draft.as_file_mut())?;
        draft.as_file_mut().flush()?;
        self.step()?;
        draft.as_file().sync_all()?;
        self.step()?;
        draft.persist(to).map_err(|error| error.error)?;
        self.step()?;
        self.sync_directory(directory)
    }

    /// Makes the names in a directory durable.
    pub(crate) fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        File::open(path)?.sync_all()
    }

    /// Removes a file; one that is gone is fine.
    pub(crate) fn remove(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}
