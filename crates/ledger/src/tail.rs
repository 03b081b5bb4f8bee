//! The end of a file, read backwards: where the chain goes on, and what a crash left there.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::header::Header;
use crate::line::{self, LINE_BYTES_MAX, RecordBody};
use crate::lines::Lines;
use crate::open::TornRecord;
use crate::{ChainValue, FileNumber, Flaw, LedgerError, Problem, RecordNumber};

/// Bytes read at once.
const CHUNK: usize = 8 << 10;

/// How a file ends.
#[derive(Debug)]
pub(crate) enum Tail {
    /// With a whole line that verifies.
    Whole(End),
    /// Before its header does: there is nothing in it.
    Headless(TornRecord),
}

/// The last whole line of a file, which follows from the one before it.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) header: Header,
    /// Of the last whole line.
    pub(crate) chain: ChainValue,
    /// The number of the record that comes next.
    pub(crate) next: RecordNumber,
    /// Where the last whole line ends.
    pub(crate) length: u64,
    /// What follows it.
    pub(crate) torn: Option<TornRecord>,
}

/// Looks at the end of a file, and at its header.
///
/// # Errors
/// [`LedgerError::Damaged`] if its last line does not follow from the one before, or if more than a torn line comes
/// after it.
pub(crate) fn read(dir: &Path, number: FileNumber) -> Result<Tail, LedgerError> {
    Backwards::open(dir, number)?.read()
}

struct Backwards<'a> {
    dir: &'a Path,
    number: FileNumber,
    path: PathBuf,
    file: File,
}

impl<'a> Backwards<'a> {
    fn open(dir: &'a Path, number: FileNumber) -> Result<Self, LedgerError> {
        let path = number.path(dir);
        let file = File::open(&path).map_err(|error| LedgerError::io("open", &path, error))?;
        Ok(Backwards { dir, number, path, file })
    }

    fn read(&self) -> Result<Tail, LedgerError> {
        let size = self.file.metadata().map_err(|error| self.failed(error))?.len();
        let length = self.start_of_line(size)?;
        let torn = self.torn(length, size)?;
        if length == 0 {
            let nothing = TornRecord { file: self.number, byte: 0, bytes: 0, text: String::new() };
            return Ok(Tail::Headless(torn.unwrap_or(nothing)));
        }
        let header = self.header()?;
        let last = self.start_of_line(length - 1)?;
        let (chain, body) = self.line(last, length - 1)?;
        if last == 0 {
            let next = header.first;
            return Ok(Tail::Whole(End { header, chain, next, length, torn }));
        }
        let (before, _) = self.line(self.start_of_line(last - 1)?, last - 1)?;
        if before.then(&body) != chain {
            return Err(self.damaged(last, Flaw::Altered));
        }
        let (record, _) = RecordBody::read(&body).map_err(|flaw| self.damaged(last, flaw))?;
        Ok(Tail::Whole(End { header, chain, next: record.next(), length, torn }))
    }

    fn header(&self) -> Result<Header, LedgerError> {
        let newline = self.first_newline()?.ok_or_else(|| self.damaged(0, Flaw::TooLong))?;
        let (chain, body) = self.line(0, newline)?;
        let header = Header::read(&body).map_err(|flaw| self.damaged(0, flaw))?;
        if header.continues.then(&body) != chain {
            return Err(self.damaged(0, Flaw::Altered));
        }
        if header.file != self.number {
            return Err(self.damaged(0, Flaw::Misnamed(header.file)));
        }
        Ok(header)
    }

    /// What comes after the last whole line. A torn write leaves the beginning of a line, a power loss also zeros.
    fn torn(&self, start: u64, size: u64) -> Result<Option<TornRecord>, LedgerError> {
        if start == size {
            return Ok(None);
        }
        let end = self.after_last(size, |byte| byte != 0)?.max(start);
        if end - start > LINE_BYTES_MAX as u64 {
            return Err(self.damaged(start, Flaw::TooLong));
        }
        let text = String::from_utf8_lossy(&self.bytes(start, end)?).into_owned();
        Ok(Some(TornRecord { file: self.number, byte: start, bytes: size - start, text }))
    }

    /// The chain value and the body of the line at these bytes.
    fn line(&self, start: u64, end: u64) -> Result<(ChainValue, Vec<u8>), LedgerError> {
        if end - start >= LINE_BYTES_MAX as u64 {
            return Err(self.damaged(start, Flaw::TooLong));
        }
        let mut line = self.bytes(start, end)?;
        let chain = line::unseal(&mut line).map_err(|flaw| self.damaged(start, flaw))?;
        Ok((chain, line))
    }

    fn start_of_line(&self, end: u64) -> Result<u64, LedgerError> {
        self.after_last(end, |byte| byte == b'\n')
    }

    /// Where the byte ends that is the last of its kind before `end`; 0 if there is none.
    fn after_last(&self, end: u64, kind: fn(u8) -> bool) -> Result<u64, LedgerError> {
        let mut end = end;
        while end > 0 {
            let start = end.saturating_sub(CHUNK as u64);
            let bytes = self.bytes(start, end)?;
            if let Some(at) = bytes.iter().rposition(|byte| kind(*byte)) {
                return Ok(start + at as u64 + 1);
            }
            end = start;
        }
        Ok(0)
    }

    fn first_newline(&self) -> Result<Option<u64>, LedgerError> {
        let mut start = vec![0; LINE_BYTES_MAX];
        let read = self.file.read_at(&mut start, 0).map_err(|error| self.failed(error))?;
        let newline = start[..read].iter().position(|byte| *byte == b'\n');
        Ok(newline.map(|at| at as u64))
    }

    /// The bytes from `start` to `end`: never more than a line or a chunk.
    fn bytes(&self, start: u64, end: u64) -> Result<Vec<u8>, LedgerError> {
        let length = usize::try_from(end - start).unwrap_or(usize::MAX);
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start).map_err(|error| self.failed(error))?;
        Ok(bytes)
    }

    fn failed(&self, error: io::Error) -> LedgerError {
        LedgerError::io("read", &self.path, error)
    }

    /// Says in which line it is by counting them: that is done only when something is wrong.
    fn damaged(&self, byte: u64, what: Flaw) -> LedgerError {
        match self.count_lines(byte) {
            Ok(before) => {
                LedgerError::Damaged(Problem { file: self.number, line: before + 1, byte, what })
            }
            Err(error) => error,
        }
    }

    /// Lines before the one that starts at `byte`.
    fn count_lines(&self, byte: u64) -> Result<u64, LedgerError> {
        let mut lines = Lines::open(self.dir, self.number).map_err(|error| self.failed(error))?;
        let mut line = Vec::new();
        let mut before = 0;
        loop {
            lines.next(&mut line)?;
            if lines.start() >= byte {
                return Ok(before);
            }
            before = lines.line();
        }
    }
}
