//! Steps that survive a power loss: contents, then name, then directory.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::error::StoreError;

/// How the names of files begin that are not finished.
pub(crate) const DRAFT: &str = ".draft-";

/// The file system, as this crate uses it. Tests make it fail at any step.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    #[cfg(test)]
    pub(crate) failure: std::cell::Cell<Option<Failure>>,
    #[cfg(test)]
    pub(crate) intruder: Intruder,
}

/// What becomes of a file that has the name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It stays, and the name is refused: two writers never have one file.
    Refuse,
    /// It is replaced.
    Replace,
}

/// Who comes between two changes of a disk of a test, once.
#[cfg(test)]
#[derive(Default)]
pub(crate) struct Intruder(std::cell::RefCell<Option<(u32, Deed)>>);

/// What an intruder does.
#[cfg(test)]
type Deed = Box<dyn FnOnce()>;

#[cfg(test)]
impl std::fmt::Debug for Intruder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Intruder")
    }
}

#[cfg(test)]
impl Intruder {
    /// It comes after so many changes.
    pub(crate) fn comes(&self, after: u32, and_does: impl FnOnce() + 'static) {
        self.0.replace(Some((after, Box::new(and_does))));
    }

    /// Whether it is still to come.
    pub(crate) fn is_awaited(&self) -> bool {
        self.0.borrow().is_some()
    }

    fn step(&self) {
        let Some((after, and_does)) = self.0.take() else { return };
        match after.checked_sub(1) {
            Some(after) => drop(self.0.replace(Some((after, and_does)))),
            None => and_does(),
        }
    }
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
        self.intruder.step();
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

    /// A file that `write` fills, durably. It has no name that counts yet, and is gone when it is dropped.
    pub(crate) fn draft(
        &self,
        directory: &Path,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<NamedTempFile> {
        self.step()?;
        let mut draft =
            tempfile::Builder::new().prefix(DRAFT).rand_bytes(16).tempfile_in(directory)?;
        write(draft.as_file_mut())?;
        draft.as_file_mut().flush()?;
        self.step()?;
        draft.as_file().sync_all()?;
        Ok(draft)
    }

    /// Gives a draft its name, durably, if `is_allowed` right before: as late as it can be asked.
    pub(crate) fn name(
        &self,
        draft: NamedTempFile,
        to: &Path,
        taken: Taken,
        is_allowed: impl FnOnce() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let failed = || StoreError::io("cannot be written", to);
        self.step().map_err(failed())?;
        is_allowed()?;
        let named = match taken {
            Taken::Refuse => draft.persist_noclobber(to),
            Taken::Replace => draft.persist(to),
        };
        named.map_err(|error| failed()(error.error))?;
        self.step().map_err(failed())?;
        self.sync_directory(to.parent().unwrap_or(Path::new("."))).map_err(failed())
    }

    /// Makes the names in a directory durable.
    pub(crate) fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        File::open(path)?.sync_all()
    }

    /// Removes a file, if `is_allowed` right before; one that is gone is fine.
    pub(crate) fn remove(
        &self,
        path: &Path,
        is_allowed: impl FnOnce() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let failed = || StoreError::io("cannot be removed", path);
        self.step().map_err(failed())?;
        is_allowed()?;
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(failed()),
        }
    }
}
