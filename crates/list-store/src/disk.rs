//! How files get on the disk to stay: contents, then name, then directory.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::StoreError;

/// A new file, removed when this is dropped unless it was kept.
#[derive(Debug)]
pub(crate) struct NewFile {
    file: File,
    name: NewName,
}

/// Removes the file of this name when dropped.
#[derive(Debug)]
struct NewName(PathBuf);

impl Drop for NewName {
    fn drop(&mut self) {
        // What cannot be removed now goes when the store is opened the next time. An empty path is that of a kept file.
        drop(fs::remove_file(&self.0));
    }
}

impl NewFile {
    /// Creates the file; one that is there already is a leftover and goes.
    pub(crate) fn create(path: PathBuf) -> Result<NewFile, StoreError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        let file =
            options.open(&path).map_err(|error| StoreError::failed("create", &path, error))?;
        Ok(NewFile { file, name: NewName(path) })
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn path(&self) -> &Path {
        &self.name.0
    }

    /// Writes the contents to the disk.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_all().map_err(|error| StoreError::failed("sync", self.path(), error))
    }

    /// Gives the file another name, also if a leftover has it. Dropping this removes it there.
    pub(crate) fn rename(&mut self, to: PathBuf) -> Result<(), StoreError> {
        fs::rename(self.path(), &to).map_err(|error| StoreError::failed("rename", &to, error))?;
        self.name.0 = to;
        Ok(())
    }

    /// The file stays.
    pub(crate) fn keep(self) -> (File, PathBuf) {
        let NewFile { file, mut name } = self;
        (file, std::mem::take(&mut name.0))
    }
}

/// Why a file was not replaced.
#[derive(Debug)]
pub(crate) enum Unreplaced {
    /// The old file is there, also after a power loss.
    OldStays(StoreError),
    /// The new file is there, but a power loss may bring the old one back.
    Unsure(StoreError),
}

/// Replaces the file `path`, or makes it: after a crash or a power loss it is the old one or the new one, and once this has
/// succeeded the new one. `draft` is the name of the new file until then.
pub(crate) fn replace(path: &Path, draft: PathBuf, contents: &[u8]) -> Result<(), Unreplaced> {
    write_beside(path, draft, contents).map_err(Unreplaced::OldStays)?;
    let directory = path.parent().expect("a file is in a directory");
    sync_directory(directory).map_err(Unreplaced::Unsure)
}

fn write_beside(path: &Path, draft: PathBuf, contents: &[u8]) -> Result<(), StoreError> {
    let mut new = NewFile::create(draft)?;
    new.file()
        .write_all(contents)
        .map_err(|error| StoreError::failed("write", new.path(), error))?;
    new.sync()?;
    new.rename(path.to_owned())?;
    new.keep();
    Ok(())
}

/// What was created, renamed or removed in the directory stays so after a power loss.
pub(crate) fn sync_directory(path: &Path) -> Result<(), StoreError> {
    let synced = File::open(path).and_then(|directory| directory.sync_all());
    synced.map_err(|error| StoreError::failed("sync", path, error))
}
