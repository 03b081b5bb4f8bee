//! Which files there are, and how a new one begins.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::header::Header;
use crate::{ChainValue, LedgerError};

/// The number of a file, the first of a ledger being 1. Shown as the file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FileNumber(pub u64);

impl FileNumber {
    pub(crate) const FIRST: FileNumber = FileNumber(1);

    pub(crate) fn next(self) -> Self {
        FileNumber(self.0.saturating_add(1))
    }

    /// The file before this one, which may be gone. The first has none.
    pub(crate) fn before(self) -> Option<Self> {
        (self > FileNumber::FIRST).then(|| FileNumber(self.0 - 1))
    }

    pub(crate) fn path(self, dir: &Path) -> PathBuf {
        dir.join(self.to_string())
    }

    fn from_name(name: &str) -> Option<Self> {
        let number = name.strip_prefix("ledger-")?.strip_suffix(".jsonl")?.parse().ok()?;
        let number = FileNumber(number);
        (number >= FileNumber::FIRST && number.to_string() == name).then_some(number)
    }
}

impl fmt::Display for FileNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ledger-{:08}.jsonl", self.0)
    }
}

/// Every file, the oldest first. What is not named as one is none.
pub(crate) fn list(dir: &Path) -> Result<Vec<FileNumber>, LedgerError> {
    let failed = |error| LedgerError::io("list the files of the ledger in", dir, error);
    let mut numbers = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        numbers.extend(name.to_str().and_then(FileNumber::from_name));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// A file that holds nothing but its header.
#[derive(Debug)]
pub(crate) struct NewFile {
    pub(crate) file: File,
    pub(crate) length: u64,
    pub(crate) chain: ChainValue,
}

/// Begins a file. It has its name only when the header is in it and synced, so no crash leaves one without; an old file
/// of that name is replaced.
pub(crate) fn create(dir: &Path, header: &Header) -> Result<NewFile, LedgerError> {
    let (line, chain) = header.write()?;
    let path = header.file.path(dir);
    let unnamed = path.with_extension("new");
    let begin = || -> io::Result<File> {
        let mut file = File::create(&unnamed)?;
        file.write_all(&line)?;
        file.sync_all()?;
        fs::rename(&unnamed, &path)?;
        sync_directory(dir)?;
        Ok(file)
    };
    let file = begin().map_err(|error| LedgerError::io("begin", &path, error))?;
    Ok(NewFile { file, length: line.len() as u64, chain })
}

/// Makes names in a directory survive a power loss.
pub(crate) fn sync_directory(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_of_a_number_is_a_name() {
        for number in [1, 99_999_999, 100_000_000, u64::MAX] {
            let number = FileNumber(number);
            assert_eq!(FileNumber::from_name(&number.to_string()), Some(number));
        }
        for name in [
            "ledger-00000000.jsonl",
            "ledger-1.jsonl",
            "ledger-+0000001.jsonl",
            "ledger-00000001.new",
            "lock",
        ] {
            assert_eq!(FileNumber::from_name(name), None, "{name}");
        }
    }

    #[test]
    fn files_are_listed_by_number() {
        let dir = tempfile::tempdir().unwrap();
        for name in [FileNumber(100_000_000), FileNumber(99_999_999), FileNumber(2)] {
            File::create(name.path(dir.path())).unwrap();
        }
        File::create(dir.path().join("lock")).unwrap();
        let listed = list(dir.path()).unwrap();
        assert_eq!(listed, [FileNumber(2), FileNumber(99_999_999), FileNumber(100_000_000)]);
    }
}
