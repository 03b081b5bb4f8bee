//! All records in order, while the writer appends.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::header::Header;
use crate::line::{self, LINE_BYTES_MAX, RecordBody};
use crate::lines::{Found, Lines};
use crate::{ChainValue, FileNumber, Filter, Flaw, LedgerError, Record, RecordNumber, files};

/// A record, and where it stands. Serialized as the line in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number in the ledger.
    pub number: RecordNumber,
    /// What is on record.
    pub record: Record,
    /// The chain value that its line states. Only [`crate::verify()`] tells whether it is right.
    pub chain: ChainValue,
    /// The file it is in.
    pub file: FileNumber,
    /// The line of that file, the first being 1.
    pub line: u64,
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Sealed<'a> {
            #[serde(flatten)]
            body: RecordBody<'a>,
            chain: ChainValue,
        }
        let body = RecordBody::of(self.number, &self.record);
        Sealed { body, chain: self.chain }.serialize(serializer)
    }
}

/// Reads the records that `filter` wants, the oldest first, in constant memory. Any process may do so while another one
/// appends: the reading ends with the last whole record that was there when it came to it.
///
/// The chain is not checked: [`crate::verify()`] does that.
///
/// # Errors
/// [`LedgerError::Io`] if the directory cannot be listed, because there is none for example.
pub fn read(dir: &Path, filter: Filter) -> Result<Entries, LedgerError> {
    files::list(dir)?;
    Ok(Entries {
        dir: dir.to_owned(),
        filter,
        at: At::Before(FileNumber::FIRST),
        line: Vec::with_capacity(LINE_BYTES_MAX),
    })
}

/// Records in order, made by [`read()`].
///
/// A line that is no record is an error; the records after it follow. After any other error nothing does.
#[derive(Debug)]
pub struct Entries {
    dir: PathBuf,
    filter: Filter,
    at: At,
    line: Vec<u8>,
}

#[derive(Debug)]
enum At {
    /// The next file is the oldest of this number or a higher one.
    Before(FileNumber),
    In(Lines, Growth),
    End,
}

/// Whether a file may still get longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Growth {
    /// It was the last one.
    Possible,
    /// There is a later one.
    Over,
}

impl Iterator for Entries {
    type Item = Result<Entry, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.step() {
                Ok(Some(entry)) if self.filter.wants(&entry.record) => return Some(Ok(entry)),
                Ok(_) if matches!(self.at, At::End) => return None,
                Ok(_) => {}
                Err(error) => {
                    if !matches!(error, LedgerError::Damaged(_)) {
                        self.at = At::End;
                    }
                    return Some(Err(error));
                }
            }
        }
    }
}

impl Entries {
    /// Goes on by a line, or to another file.
    fn step(&mut self) -> Result<Option<Entry>, LedgerError> {
        let (lines, growth) = match &mut self.at {
            At::End => return Ok(None),
            At::Before(number) => {
                let number = *number;
                self.at = open_from(&self.dir, number)?;
                return Ok(None);
            }
            At::In(lines, growth) => (lines, growth),
        };
        match (lines.next(&mut self.line)?, *growth) {
            (Found::Line, _) => parse(lines, &mut self.line),
            (Found::TooLong, _) => Err(LedgerError::Damaged(lines.problem(Flaw::TooLong))),
            (Found::Torn | Found::End, Growth::Possible) => {
                // The writer may have gone on to the next file since, after writing more to this one.
                let later = first_from(&self.dir, lines.file().next())?;
                if later.is_some() {
                    lines.again()?;
                    *growth = Growth::Over;
                } else {
                    self.at = At::End;
                }
                Ok(None)
            }
            (Found::Torn, Growth::Over) => {
                let problem = lines.problem(Flaw::Torn);
                self.at = At::Before(lines.file().next());
                Err(LedgerError::Damaged(problem))
            }
            (Found::End, Growth::Over) => {
                self.at = At::Before(lines.file().next());
                Ok(None)
            }
        }
    }
}

/// The record in a line; none in the header.
fn parse(lines: &Lines, line: &mut Vec<u8>) -> Result<Option<Entry>, LedgerError> {
    let parsed = line::unseal(line).and_then(|chain| {
        if lines.line() == 1 {
            return Header::read(line).map(|_header| None);
        }
        let (number, record) = RecordBody::read(line)?;
        Ok(Some(Entry { number, record, chain, file: lines.file(), line: lines.line() }))
    });
    parsed.map_err(|flaw| LedgerError::Damaged(lines.problem(flaw)))
}

fn first_from(dir: &Path, number: FileNumber) -> Result<Option<FileNumber>, LedgerError> {
    Ok(files::list(dir)?.into_iter().find(|there| *there >= number))
}

/// Opens the oldest file from `number` on. One that is deleted at that moment is passed over.
fn open_from(dir: &Path, number: FileNumber) -> Result<At, LedgerError> {
    let mut number = number;
    while let Some(found) = first_from(dir, number)? {
        match Lines::open(dir, found) {
            Ok(lines) => return Ok(At::In(lines, Growth::Possible)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => number = found.next(),
            Err(error) => return Err(LedgerError::io("open", &found.path(dir), error)),
        }
    }
    Ok(At::End)
}
