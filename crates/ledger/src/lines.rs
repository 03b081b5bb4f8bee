//! Files line by line, forwards, in little memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::line::LINE_BYTES_MAX;
use crate::{FileNumber, Flaw, LedgerError, Problem};

/// Bytes read at once: many lines.
const BUFFER: usize = 64 << 10;

/// One file, and where in it the reader is.
#[derive(Debug)]
pub(crate) struct Lines {
    file: FileNumber,
    path: PathBuf,
    reader: BufReader<File>,
    /// The number of the line that was read last, from 1.
    line: u64,
    /// Where it starts.
    start: u64,
    /// Where the next one starts.
    end: u64,
}

/// What was found where a line could be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A line. The buffer holds it without its newline.
    Line,
    /// A line of more than [`LINE_BYTES_MAX`] bytes. The buffer holds nothing of use.
    TooLong,
    /// A line without its newline, at the end of the file.
    Torn,
    /// The end of the file.
    End,
}

impl Lines {
    pub(crate) fn open(dir: &Path, file: FileNumber) -> io::Result<Self> {
        let path = file.path(dir);
        let reader = BufReader::with_capacity(BUFFER, File::open(&path)?);
        Ok(Lines { file, path, reader, line: 0, start: 0, end: 0 })
    }

    /// Reads the next line into the buffer.
    pub(crate) fn next(&mut self, line: &mut Vec<u8>) -> Result<Found, LedgerError> {
        self.try_next(line).map_err(|error| LedgerError::io("read", &self.path, error))
    }

    /// Takes a line from one read of the file. A half that was read before must not be joined to what the writer put in
    /// its place: that could look like a record.
    fn try_next(&mut self, line: &mut Vec<u8>) -> io::Result<Found> {
        line.clear();
        self.line += 1;
        self.start = self.end;
        if !self.reader.buffer().contains(&b'\n') {
            self.reader.seek(SeekFrom::Start(self.start))?;
        }
        let buffer = self.reader.fill_buf()?;
        let buffer = &buffer[..buffer.len().min(LINE_BYTES_MAX)];
        let newline = buffer.iter().position(|byte| *byte == b'\n');
        line.extend_from_slice(&buffer[..newline.unwrap_or(0)]);
        let (read, found) = match newline {
            Some(at) => (at + 1, Found::Line),
            None if buffer.is_empty() => (0, Found::End),
            None if buffer.len() < LINE_BYTES_MAX => (buffer.len(), Found::Torn),
            None => (LINE_BYTES_MAX, Found::TooLong),
        };
        self.consume(read);
        if found == Found::TooLong { self.skip_rest() } else { Ok(found) }
    }

    /// Of a line that is too long, unless the file ends before it does.
    fn skip_rest(&mut self) -> io::Result<Found> {
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok(Found::Torn);
            }
            let newline = buffer.iter().position(|byte| *byte == b'\n');
            let read = newline.map_or(buffer.len(), |at| at + 1);
            self.consume(read);
            if newline.is_some() {
                return Ok(Found::TooLong);
            }
        }
    }

    fn consume(&mut self, bytes: usize) {
        self.reader.consume(bytes);
        self.end += bytes as u64;
    }

    /// Goes back to where the last line starts: the file may have grown.
    pub(crate) fn again(&mut self) -> Result<(), LedgerError> {
        let sought = self.reader.seek(SeekFrom::Start(self.start));
        sought.map_err(|error| LedgerError::io("read", &self.path, error))?;
        self.end = self.start;
        self.line -= 1;
        Ok(())
    }

    pub(crate) fn file(&self) -> FileNumber {
        self.file
    }

    /// The number of the line that was read last.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// Where the line starts that was read last.
    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    /// What is wrong with the line that was read last.
    pub(crate) fn problem(&self, what: Flaw) -> Problem {
        Problem { file: self.file, line: self.line, byte: self.start, what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content: &[u8], expected: &[(Found, u64)]) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(FileNumber::FIRST.path(dir.path()), content).unwrap();
        let mut lines = Lines::open(dir.path(), FileNumber::FIRST).unwrap();
        let mut line = Vec::new();
        for (number, found) in (1..).zip(expected) {
            assert_eq!((lines.next(&mut line).unwrap(), lines.start()), *found);
            assert_eq!(lines.line(), number);
            assert!(line.len() <= LINE_BYTES_MAX);
        }
    }

    #[test]
    fn lines_end_with_a_newline() {
        check(b"", &[(Found::End, 0)]);
        check(b"one\n\ntwo", &[(Found::Line, 0), (Found::Line, 4), (Found::Torn, 5)]);
        check(b"one\n", &[(Found::Line, 0), (Found::End, 4), (Found::End, 4)]);
    }

    #[test]
    fn long_lines_are_skipped() {
        let longest = [vec![b'x'; LINE_BYTES_MAX - 1], vec![b'\n']].concat();
        check(&longest, &[(Found::Line, 0), (Found::End, 4096)]);
        let long = [vec![b'x'; LINE_BYTES_MAX], b"\ny\n".to_vec()].concat();
        check(&long, &[(Found::TooLong, 0), (Found::Line, 4097), (Found::End, 4099)]);
        let longer = [vec![b'x'; 200_000], b"\ny\n".to_vec()].concat();
        check(&longer, &[(Found::TooLong, 0), (Found::Line, 200_001), (Found::End, 200_003)]);
        check(&[0; 200_000], &[(Found::Torn, 0), (Found::End, 200_000)]);
        check(&[0; LINE_BYTES_MAX], &[(Found::Torn, 0), (Found::End, 4096)]);
    }
}
