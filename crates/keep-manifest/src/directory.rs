//! The files of one directory.

use std::collections::BTreeMap;

use crate::file::File;
use crate::path::FileName;

/// The files of one directory, by name. What it has of directories is elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    files: BTreeMap<FileName, File>,
}

impl Directory {
    /// A directory without files.
    pub fn new() -> Self {
        Directory::default()
    }

    /// The file `name`, made empty if it is not there.
    pub fn file_mut(&mut self, name: FileName) -> &mut File {
        self.files.entry(name).or_default()
    }

    /// The file `name`.
    pub fn file(&self, name: &FileName) -> Option<&File> {
        self.files.get(name)
    }

    /// The files, in the order of their names.
    pub fn files(&self) -> impl Iterator<Item = (&FileName, &File)> {
        self.files.iter()
    }

    /// Whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}
