//! The file that is appended to.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keep_rules::Timestamp;

use crate::files::NewFile;
use crate::header::Header;
use crate::line::{self, LINE_BYTES_MAX, RecordBody};
use crate::tail::End;
use crate::{ChainValue, FileNumber, LedgerError, Record, RecordNumber};

/// The last file of a ledger, and the end of its chain.
///
/// Invariant: the first `length` bytes of the file are whole lines, and `chain` is the value of the last one.
#[derive(Debug)]
pub(crate) struct Writer {
    file: Arc<File>,
    path: PathBuf,
    number: FileNumber,
    created: Timestamp,
    /// The first record of this file.
    first: RecordNumber,
    length: u64,
    chain: ChainValue,
    next: RecordNumber,
    rest: Rest,
    /// Used again for every record.
    line: Vec<u8>,
}

/// What comes after the last whole line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    Nothing,
    /// Perhaps the beginning of a line that could not be written.
    Unknown,
}

impl Writer {
    /// In a file that was just begun.
    pub(crate) fn begin(dir: &Path, header: &Header, new: NewFile) -> Self {
        Writer {
            file: Arc::new(new.file),
            path: header.file.path(dir),
            number: header.file,
            created: header.created,
            first: header.first,
            length: new.length,
            chain: new.chain,
            next: header.first,
            rest: Rest::Nothing,
            line: Vec::with_capacity(LINE_BYTES_MAX),
        }
    }

    /// After the last whole line of a file. What follows it is cut off.
    pub(crate) fn resume(dir: &Path, end: End) -> Result<Self, LedgerError> {
        let path = end.header.file.path(dir);
        let file = File::options().write(true).open(&path);
        let file = file.map_err(|error| LedgerError::io("open", &path, error))?;
        let mut writer = Writer {
            file: Arc::new(file),
            path,
            number: end.header.file,
            created: end.header.created,
            first: end.header.first,
            length: end.length,
            chain: end.chain,
            next: end.next,
            rest: if end.torn.is_some() { Rest::Unknown } else { Rest::Nothing },
            line: Vec::with_capacity(LINE_BYTES_MAX),
        };
        writer.cut_off_rest()?;
        Ok(writer)
    }

    /// Writes one line. When it returns, the record is with the kernel.
    pub(crate) fn append(&mut self, record: &Record) -> Result<RecordNumber, LedgerError> {
        self.cut_off_rest()?;
        self.line.clear();
        RecordBody::of(self.next, record).write(&mut self.line);
        let chain = line::seal(&mut self.line, self.chain);
        if self.line.len() > LINE_BYTES_MAX {
            return Err(LedgerError::LineTooLong { bytes: self.line.len() });
        }
        if let Err(error) = self.file.write_all_at(&self.line, self.length) {
            self.rest = Rest::Unknown;
            // If this fails, too, the next append or the next open does it.
            drop(self.cut_off_rest());
            return Err(LedgerError::io("write", &self.path, error));
        }
        self.length += self.line.len() as u64;
        self.chain = chain;
        let number = self.next;
        self.next = number.next();
        Ok(number)
    }

    fn cut_off_rest(&mut self) -> Result<(), LedgerError> {
        if self.rest == Rest::Unknown {
            let cut = self.file.set_len(self.length);
            cut.map_err(|error| LedgerError::io("cut off a torn record in", &self.path, error))?;
            self.rest = Rest::Nothing;
        }
        Ok(())
    }

    /// Makes all records of this file survive a power loss.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// The file, to sync it while others append.
    pub(crate) fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// The header of a file that continues this one.
    pub(crate) fn next_header(&self, node: &str, now: Timestamp) -> Header {
        Header::new(node, self.number.next(), self.next, now, self.chain)
    }

    pub(crate) fn number(&self) -> FileNumber {
        self.number
    }

    pub(crate) fn created(&self) -> Timestamp {
        self.created
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    pub(crate) fn chain(&self) -> ChainValue {
        self.chain
    }

    /// The number of the record that comes next.
    pub(crate) fn next(&self) -> RecordNumber {
        self.next
    }

    /// Whether there is a record in this file.
    pub(crate) fn holds_records(&self) -> bool {
        self.next > self.first
    }
}
