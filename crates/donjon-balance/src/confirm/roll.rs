//! The collections, in the order in which they were read, in a file without a name.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::postgres::DatabaseTime;
use crate::runs::SortError;

const WRITING: &str = "write the roll of collections";
const READING: &str = "read the roll of collections";

/// A collection, as it was when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// `uuid`.
    pub uuid: String,
    /// `modified_at`.
    pub modified_at: DatabaseTime,
    /// `portable_data_hash`.
    pub portable_data_hash: String,
    /// How many copies it wants: no more are confirmed.
    pub copies: u32,
    /// `storage_classes_desired`, in order.
    pub classes: Vec<String>,
}

/// Why there is no roll.
#[derive(Debug, thiserror::Error)]
pub enum RollError {
    /// The file cannot be written or read.
    #[error(transparent)]
    File(#[from] SortError),
    /// More collections than have numbers.
    #[error("there are more than {} collections; set BalanceUpdateLimit to 0", u32::MAX)]
    TooMany,
    /// What was written is not what is read.
    #[error("the roll of collections in {directory} is damaged at line {line}; check the disk")]
    Damaged {
        /// Where it lies.
        directory: PathBuf,
        /// The line; the first is 1.
        line: u64,
    },
}

/// A roll that grows. A line for each collection: a checksum, then JSON.
#[derive(Debug)]
pub struct RollWriter {
    file: BufWriter<File>,
    directory: PathBuf,
    at: RollMark,
}

/// How far a roll goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RollMark {
    collections: u32,
    bytes: u64,
}

/// A roll that is complete.
#[derive(Debug)]
pub struct Roll {
    file: File,
    directory: PathBuf,
    at: RollMark,
}

/// Gives the collections of a roll, in their order.
#[derive(Debug)]
pub struct RollReader {
    lines: BufReader<std::io::Take<File>>,
    directory: PathBuf,
    line: u64,
    collections: u32,
}

impl RollWriter {
    /// An empty roll, whose file lies in `directory`.
    ///
    /// # Errors
    /// [`RollError::File`].
    pub fn create(directory: &Path) -> Result<Self, RollError> {
        let file = tempfile::tempfile_in(directory)
            .map_err(|error| SortError::failed("create a file", directory, error))?;
        Ok(RollWriter {
            file: BufWriter::new(file),
            directory: directory.to_owned(),
            at: RollMark { collections: 0, bytes: 0 },
        })
    }

    /// Adds a collection; its number, from 0.
    ///
    /// # Errors
    /// [`RollError::File`], [`RollError::TooMany`].
    pub fn add(&mut self, listed: &Listed) -> Result<u32, RollError> {
        let number = self.at.collections;
        let after = number.checked_add(1).ok_or(RollError::TooMany)?;
        let line = line(listed);
        self.file.write_all(line.as_bytes()).map_err(|error| self.failed(error))?;
        self.at = RollMark { collections: after, bytes: self.at.bytes + line.len() as u64 };
        Ok(number)
    }

    /// How far it goes now.
    pub fn mark(&self) -> RollMark {
        self.at
    }

    /// Forgets all collections after `mark`: they will be read again.
    ///
    /// # Errors
    /// [`RollError::File`]. The roll is of no use then.
    pub fn rewind(&mut self, mark: RollMark) -> Result<(), RollError> {
        self.file.seek(SeekFrom::Start(mark.bytes)).map_err(|error| self.failed(error))?;
        self.at = mark;
        Ok(())
    }

    /// All collections were added.
    ///
    /// # Errors
    /// [`RollError::File`].
    pub fn finish(mut self) -> Result<Roll, RollError> {
        self.file.flush().map_err(|error| self.failed(error))?;
        let (directory, at) = (self.directory, self.at);
        let file = self.file.into_inner().map_err(|error| {
            RollError::File(SortError::failed(WRITING, &directory, error.into_error()))
        })?;
        Ok(Roll { file, directory, at })
    }

    fn failed(&self, error: std::io::Error) -> RollError {
        SortError::failed(WRITING, &self.directory, error).into()
    }
}

impl Roll {
    /// How many collections are on it.
    pub fn collections(&self) -> u32 {
        self.at.collections
    }

    /// Reads it from its beginning.
    ///
    /// # Errors
    /// [`RollError::File`].
    pub fn read(mut self) -> Result<RollReader, RollError> {
        let directory = self.directory;
        self.file
            .seek(SeekFrom::Start(0))
            .map_err(|error| SortError::failed(READING, &directory, error))?;
        let lines = BufReader::new(self.file.take(self.at.bytes));
        Ok(RollReader { lines, directory, line: 0, collections: self.at.collections })
    }
}

impl RollReader {
    /// The next collection; none after the last.
    ///
    /// # Errors
    /// [`RollError::File`], [`RollError::Damaged`].
    pub fn next_listed(&mut self) -> Result<Option<Listed>, RollError> {
        if self.line == u64::from(self.collections) {
            return Ok(None);
        }
        self.line += 1;
        let mut text = String::new();
        match self.lines.read_line(&mut text) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::InvalidData => text.clear(),
            Err(error) => return Err(SortError::failed(READING, &self.directory, error).into()),
        }
        let damaged = || RollError::Damaged { directory: self.directory.clone(), line: self.line };
        parse(&text).map(Some).ok_or_else(damaged)
    }
}

fn line(listed: &Listed) -> String {
    let Listed { uuid, modified_at, portable_data_hash, copies, classes } = listed;
    let fields = (uuid, modified_at.as_micros(), portable_data_hash, copies, classes);
    let json = serde_json::to_string(&fields).expect("texts and numbers are JSON");
    format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes()))
}

fn parse(line: &str) -> Option<Listed> {
    let (sum, json) = line.strip_suffix('\n')?.split_once(' ')?;
    if u32::from_str_radix(sum, 16).ok()? != crc32fast::hash(json.as_bytes()) {
        return None;
    }
    let (uuid, micros, portable_data_hash, copies, classes) = serde_json::from_str(json).ok()?;
    let modified_at = DatabaseTime::from_micros(micros);
    Some(Listed { uuid, modified_at, portable_data_hash, copies, classes })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    fn listed(number: i64) -> Listed {
        Listed {
            uuid: format!("zzzzz-4zz18-{number:015}\n\""),
            modified_at: DatabaseTime::from_micros(number),
            portable_data_hash: format!("pdh+{number}"),
            copies: 2,
            classes: vec!["default".to_owned(), "with \n a line".to_owned()],
        }
    }

    fn all(roll: Roll) -> Result<Vec<Listed>, RollError> {
        let mut reader = roll.read()?;
        std::iter::from_fn(|| reader.next_listed().transpose()).collect()
    }

    #[test]
    fn what_was_added_is_read_in_order() {
        let mut writer = RollWriter::create(&std::env::temp_dir()).unwrap();
        for number in 0..1000 {
            assert_eq!(i64::from(writer.add(&listed(number)).unwrap()), number);
        }
        let roll = writer.finish().unwrap();
        assert_eq!(roll.collections(), 1000);
        assert_eq!(all(roll).unwrap(), (0..1000).map(listed).collect::<Vec<_>>());
    }

    #[test]
    fn what_comes_after_the_mark_is_forgotten() {
        let mut writer = RollWriter::create(&std::env::temp_dir()).unwrap();
        writer.add(&listed(1)).unwrap();
        let mark = writer.mark();
        for number in 2..9 {
            writer.add(&listed(number)).unwrap();
        }
        writer.rewind(mark).unwrap();
        assert_eq!(writer.add(&listed(9)).unwrap(), 1);
        assert_eq!(all(writer.finish().unwrap()).unwrap(), [listed(1), listed(9)]);
    }

    #[test]
    fn damage_is_noticed_wherever_it_is() {
        let length = line(&listed(1)).len() as u64;
        for at in 0..length {
            let mut writer = RollWriter::create(&std::env::temp_dir()).unwrap();
            writer.add(&listed(1)).unwrap();
            let roll = writer.finish().unwrap();
            roll.file.write_all_at(b"\xff", at).unwrap();
            assert!(matches!(all(roll), Err(RollError::Damaged { line: 1, .. })), "byte {at}");
        }
        let mut writer = RollWriter::create(&std::env::temp_dir()).unwrap();
        writer.add(&listed(1)).unwrap();
        let roll = writer.finish().unwrap();
        roll.file.set_len(length - 1).unwrap();
        assert!(matches!(all(roll), Err(RollError::Damaged { line: 1, .. })));
    }
}
