//! Reading an index while it arrives.

use keep_rules::{HashPrefix, Timestamp};

use super::line::{BadIndexLine, IndexLine};

/// A longer line is none: hash, size and mtime with some leading zeros fit.
const LINE_BYTES_MAX: usize = 128;

/// mtimes below this are seconds, which old nodes gave (spec section 10).
const NANOS_FROM: i64 = 1_000_000_000_000;

/// Reads the frames of an index and tells whether it is whole.
///
/// Only [`IndexReader::finish`] says so: it wants the empty line, once and last. A node leaves it out when it fails halfway,
/// so that an index that was cut anywhere never passes for a complete one.
///
/// # Examples
/// ```
/// use keep_protocol::index::IndexReader;
/// use keep_rules::HashPrefix;
///
/// let mut lines = Vec::new();
/// let mut reader = IndexReader::new(HashPrefix::ALL);
/// reader.feed(b"acbd18db4cc2f85cedef654fccc4a4d8+3 17072494513", |line| lines.push(line))?;
/// reader.feed(b"08502672\n\n", |line| lines.push(line))?;
/// assert_eq!(reader.finish()?, 1);
/// assert_eq!(lines[0].mtime.as_nanos(), 1_707_249_451_308_502_672);
/// # Ok::<(), keep_protocol::index::IndexError>(())
/// ```
#[derive(Debug)]
pub struct IndexReader {
    prefix: HashPrefix,
    /// The beginning of a line whose end is in a later frame.
    carry: Vec<u8>,
    lines: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    Lines,
    /// The empty line was read.
    Complete,
    Failed(IndexError),
}

/// An index that cannot be relied upon.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the index: {problem}; ask for the index again")]
pub struct IndexError {
    /// The line; the first is 1.
    pub line: u64,
    /// What is wrong there.
    pub problem: IndexProblem,
}

/// What is wrong with an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexProblem {
    /// A line is malformed.
    #[error(transparent)]
    BadLine(#[from] BadIndexLine),
    /// A line is longer than any could be.
    #[error("longer than {LINE_BYTES_MAX} bytes")]
    LineTooLong,
    /// A hash does not begin as was asked for.
    #[error("the hash does not begin with the prefix that was asked for")]
    OtherPrefix,
    /// Something follows the empty line.
    #[error("text after the empty line that ends an index")]
    TextAfterEnd,
    /// The index ended without the empty line: the node failed, or the answer was cut.
    #[error("the index ends without an empty line, so it is not complete")]
    Incomplete,
}

impl IndexReader {
    /// A reader of the answer to a request for the blocks of this prefix.
    pub fn new(prefix: HashPrefix) -> Self {
        IndexReader { prefix, carry: Vec::new(), lines: 0, state: State::Lines }
    }

    /// Reads the next frame and hands its lines to `take`. Frames may be cut anywhere; lines may end with CR LF. An mtime below
    /// 10^12 counts as seconds.
    ///
    /// # Errors
    /// What is wrong with the index. It stays so: every later call gives the same error.
    pub fn feed(
        &mut self,
        frame: &[u8],
        mut take: impl FnMut(IndexLine),
    ) -> Result<(), IndexError> {
        if let State::Failed(error) = &self.state {
            return Err(error.clone());
        }
        self.read(frame, &mut take).map_err(|problem| {
            let error = IndexError { line: self.lines + 1, problem };
            self.state = State::Failed(error.clone());
            error
        })
    }

    /// Ends the index; gives the number of its blocks.
    ///
    /// # Errors
    /// [`IndexProblem::Incomplete`] without the empty line at its end, or what [`IndexReader::feed`] said.
    pub fn finish(self) -> Result<u64, IndexError> {
        match self.state {
            State::Complete => Ok(self.lines),
            State::Lines => {
                Err(IndexError { line: self.lines + 1, problem: IndexProblem::Incomplete })
            }
            State::Failed(error) => Err(error),
        }
    }

    fn read(&mut self, frame: &[u8], take: &mut impl FnMut(IndexLine)) -> Result<(), IndexProblem> {
        for piece in frame.split_inclusive(|byte| *byte == b'\n') {
            match (piece.strip_suffix(b"\n"), self.carry.is_empty()) {
                (Some(line), true) => self.line(line, take)?,
                (Some(rest), false) => {
                    let mut line = std::mem::take(&mut self.carry);
                    line.extend_from_slice(rest);
                    self.line(&line, take)?;
                    line.clear();
                    self.carry = line;
                }
                (None, _) => self.hold(piece)?,
            }
        }
        Ok(())
    }

    fn hold(&mut self, piece: &[u8]) -> Result<(), IndexProblem> {
        if matches!(self.state, State::Complete) {
            return Err(IndexProblem::TextAfterEnd);
        }
        if self.carry.len() + piece.len() > LINE_BYTES_MAX {
            return Err(IndexProblem::LineTooLong);
        }
        self.carry.extend_from_slice(piece);
        Ok(())
    }

    fn line(&mut self, line: &[u8], take: &mut impl FnMut(IndexLine)) -> Result<(), IndexProblem> {
        if matches!(self.state, State::Complete) {
            return Err(IndexProblem::TextAfterEnd);
        }
        if line.len() > LINE_BYTES_MAX {
            return Err(IndexProblem::LineTooLong);
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            self.state = State::Complete;
            return Ok(());
        }
        let text = std::str::from_utf8(line).or(Err(BadIndexLine::Hash))?;
        let mut line: IndexLine = text.parse()?;
        if !self.prefix.contains(line.hash) {
            return Err(IndexProblem::OtherPrefix);
        }
        if line.mtime.as_nanos() < NANOS_FROM {
            line.mtime = Timestamp::from_seconds(line.mtime.as_nanos());
        }
        self.lines += 1;
        take(line);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOO: &str = "acbd18db4cc2f85cedef654fccc4a4d8+3 1707249451308502672";

    #[track_caller]
    fn check(body: &str, prefix: &str, expected: Result<u64, (u64, IndexProblem)>) {
        for frame in [body.len().max(1), 1, 7] {
            let mut reader = IndexReader::new(prefix.parse().unwrap());
            let mut lines = 0;
            let fed = body
                .as_bytes()
                .chunks(frame)
                .try_for_each(|frame| reader.feed(frame, |_| lines += 1));
            let found = fed.and_then(|()| reader.finish());
            assert_eq!(
                found,
                expected.map_err(|(line, problem)| IndexError { line, problem }),
                "frames of {frame}"
            );
            assert!(found.is_err() || found == Ok(lines));
        }
    }

    #[test]
    fn only_an_index_with_its_empty_line_is_complete() {
        check("\n", "", Ok(0));
        check("\r\n", "", Ok(0));
        check(&format!("{FOO}\n{FOO}\r\n\n"), "acb", Ok(2));
        check("", "", Err((1, IndexProblem::Incomplete)));
        check(&format!("{FOO}\n"), "", Err((2, IndexProblem::Incomplete)));
        check(&format!("{FOO}\n{FOO}"), "", Err((2, IndexProblem::Incomplete)));
        check(&format!("{FOO}\n\r"), "", Err((2, IndexProblem::Incomplete)));
    }

    #[test]
    fn nothing_may_follow_the_empty_line() {
        check("\n\n", "", Err((1, IndexProblem::TextAfterEnd)));
        check(&format!("{FOO}\n\n{FOO}\n"), "", Err((2, IndexProblem::TextAfterEnd)));
        check("\n ", "", Err((1, IndexProblem::TextAfterEnd)));
    }

    #[test]
    fn lines_are_checked() {
        check(&format!("{FOO}\n\n"), "acc", Err((1, IndexProblem::OtherPrefix)));
        check(
            &format!("{FOO}\nxyz 1\n\n"),
            "",
            Err((2, IndexProblem::BadLine(BadIndexLine::Hash))),
        );
        check(&"0".repeat(1000), "", Err((1, IndexProblem::LineTooLong)));
        check(&format!("{}\n\n", "0".repeat(1000)), "", Err((1, IndexProblem::LineTooLong)));
    }

    #[test]
    fn small_mtimes_are_seconds() {
        let mut mtimes = Vec::new();
        let mut reader = IndexReader::new(HashPrefix::ALL);
        let hash = "acbd18db4cc2f85cedef654fccc4a4d8";
        let body = format!("{hash}+3 1707249451\n{hash}+3 1000000000000\n\n");
        reader.feed(body.as_bytes(), |line| mtimes.push(line.mtime.as_nanos())).unwrap();
        assert_eq!(mtimes, [1_707_249_451_000_000_000, 1_000_000_000_000]);
    }
}
