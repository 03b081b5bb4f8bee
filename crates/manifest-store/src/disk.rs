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
    pub(crate) failure: std::cell::Cell<Option<Failure>>,
}

/// How a disk of a test fails.
#[cfg(test)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure {
    /// So many changes work before.
    pub(crate) after: u32,
    pub(crate) of: Fails,
}

/// What fails then.
#[cfg(test)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fails {
    /// Every change from then on; what is there can be read.
    Changes,
    /// One change.
    OneChange,
    /// One change, and nothing can be read from then on.
    OneChangeAndReads,
    /// What one change has led to.
    Reads,
}

impl Disk {
    /// Every change of the disk passes here.
    #[cfg(test)]
    fn step(&self) -> io::Result<()> {
        let Some(mut failure) = self.failure.get() else { return Ok(()) };
        if failure.of == Fails::Reads {
            return Ok(());
        }
        if let Some(after) = failure.after.checked_sub(1) {
            failure.after = after;
            self.failure.set(Some(failure));
            return Ok(());
        }
        self.failure.set(match failure.of {
            Fails::Changes => Some(failure),
            Fails::OneChange => None,
            Fails::OneChangeAndReads | Fails::Reads => Some(Failure { after: 0, of: Fails::Reads }),
        });
        Err(io::Error::other("the power went out"))
    }

    /// Before it is looked what a change has led to.
    #[cfg(test)]
    pub(crate) fn look(&self) -> io::Result<()> {
        match self.failure.get() {
            Some(Failure { of: Fails::Reads, .. }) => Err(io::Error::other("it cannot be read")),
            Some(_) | None => Ok(()),
        }
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "tests make it fail")]
    pub(crate) fn look(&self) -> io::Result<()> {
        Ok(())
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
