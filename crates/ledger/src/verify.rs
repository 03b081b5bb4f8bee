//! The whole chain, link by link.

use std::path::Path;

use crate::header::Header;
use crate::line::{self, LINE_BYTES_MAX, RecordBody};
use crate::lines::{Found, Lines};
use crate::{ChainValue, FileNumber, Flaw, LedgerError, Problem, RecordNumber, files};

/// How many problems are reported; more are only counted.
pub const PROBLEMS_MAX: usize = 1000;

/// What [`verify()`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many files there are.
    pub files: u64,
    /// How many records can be read.
    pub records: u64,
    /// The oldest file that is left. Unless it is the first, records before it were deleted, and nothing is said of them.
    pub first_file: Option<FileNumber>,
    /// What the oldest file continues from: [`ChainValue::START`] if nothing was deleted.
    pub first_chain: Option<ChainValue>,
    /// What the last whole line ends with.
    pub last_chain: Option<ChainValue>,
    /// What is wrong, in order; the first [`PROBLEMS_MAX`].
    pub problems: Vec<Problem>,
    /// How much is wrong.
    pub problems_total: u64,
}

impl Report {
    /// Whether nothing wrong was found.
    pub fn is_sound(&self) -> bool {
        self.problems_total == 0
    }

    /// Whether the ledger is there from its start: no old file was deleted.
    pub fn is_complete(&self) -> bool {
        self.first_file.is_none_or(|file| file == FileNumber::FIRST)
    }
}

/// Checks every line of the ledger in a directory, in constant memory.
///
/// Finds lines that were changed, removed, inserted or moved, files that end early, were renamed, or are missing
/// between others. If the oldest files are missing, the check starts at the first that is left: [`Report::first_file`]
/// says which.
///
/// It cannot find, from the files alone, that records, or whole files, were cut off the end, that well-made records were
/// added there, or that all was written anew from some line on: there is no secret in the chain. Give the chain value of
/// a [`crate::Head`] that was noted elsewhere as `expected_head`: if the ledger never had it, that is a problem. It need
/// not be the newest: records that came after it are no problem.
///
/// While a writer appends, the last line may be seen half written, and is then reported as [`Flaw::Torn`]; so is one that
/// a crash left, until the ledger is opened.
///
/// # Errors
/// If a file cannot be read. What is in the files is never an error, but a problem.
pub fn verify(dir: &Path, expected_head: Option<ChainValue>) -> Result<Report, LedgerError> {
    let mut check = Check::new(expected_head);
    for number in files::list(dir)? {
        check.file(dir, number)?;
    }
    Ok(check.finish())
}

struct Check {
    report: Report,
    expected: Expected,
    /// What the next line must follow from; `None` after a line that does not say.
    link: Option<ChainValue>,
    /// The number that the next record must have, if that is known.
    next: Option<RecordNumber>,
    /// The last line that was looked at.
    last: Problem,
}

/// The chain value that the caller knows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// It knows none, or it was found.
    Nothing,
    Still(ChainValue),
}

impl Check {
    fn new(expected_head: Option<ChainValue>) -> Self {
        let nowhere =
            Problem { file: FileNumber::FIRST, line: 1, byte: 0, what: Flaw::HeadMissing };
        Check {
            report: Report::default(),
            expected: expected_head.map_or(Expected::Nothing, Expected::Still),
            link: None,
            next: None,
            last: nowhere,
        }
    }

    fn finish(mut self) -> Report {
        if self.expected != Expected::Nothing {
            let end = self.last.clone();
            self.found(end);
        }
        self.report
    }

    fn file(&mut self, dir: &Path, number: FileNumber) -> Result<(), LedgerError> {
        let lines = Lines::open(dir, number);
        let mut lines = lines.map_err(|error| LedgerError::io("open", &number.path(dir), error))?;
        let mut line = Vec::with_capacity(LINE_BYTES_MAX);
        let before = (self.report.files > 0).then_some(self.last.file);
        self.report.files += 1;
        self.report.first_file.get_or_insert(number);
        loop {
            let found = lines.next(&mut line)?;
            if found == Found::End && lines.line() > 1 {
                return Ok(());
            }
            self.last = lines.problem(Flaw::HeadMissing);
            let outcome = match found {
                Found::Line if lines.line() == 1 => self.header(number, before, &mut line),
                Found::Line => self.record(&mut line),
                Found::TooLong => self.broken(Flaw::TooLong),
                Found::Torn => self.broken(Flaw::Torn),
                Found::End => self.broken(Flaw::NoHeader),
            };
            if let Err(flaw) = outcome {
                self.found(lines.problem(flaw));
            }
            if found == Found::End {
                return Ok(());
            }
        }
    }

    /// The first line of a file.
    fn header(
        &mut self,
        number: FileNumber,
        before: Option<FileNumber>,
        line: &mut Vec<u8>,
    ) -> Result<(), Flaw> {
        let missing = before.map_or(0, |before| number.0 - before.0 - 1);
        let stated = line::unseal(line).or_else(|flaw| self.broken(flaw))?;
        let expected = self.link.replace(stated);
        let header = Header::read(line)?;
        let expected_number = self.next.replace(header.first);
        self.report.last_chain = Some(stated);
        self.report.first_chain.get_or_insert(header.continues);
        self.meets(header.continues);
        self.meets(stated);
        if header.continues.then(line) != stated {
            return Err(Flaw::Altered);
        }
        if header.file != number {
            return Err(Flaw::Misnamed(header.file));
        }
        if missing > 0 {
            return Err(Flaw::FilesMissing { missing });
        }
        if number == FileNumber::FIRST && header.continues != ChainValue::START {
            return Err(Flaw::NoStart);
        }
        if expected.is_some_and(|expected| expected != header.continues) {
            return Err(Flaw::Discontinued);
        }
        match expected_number {
            Some(expected) if expected != header.first => {
                Err(Flaw::Misnumbered { expected, found: header.first })
            }
            _ => Ok(()),
        }
    }

    fn record(&mut self, line: &mut Vec<u8>) -> Result<(), Flaw> {
        let stated = line::unseal(line).or_else(|flaw| self.broken(flaw))?;
        let link = self.link.replace(stated);
        let expected = self.next.take();
        self.report.last_chain = Some(stated);
        self.meets(stated);
        let parsed = RecordBody::read(line);
        if let Ok((number, _)) = &parsed {
            self.report.records += 1;
            self.next = Some(number.next());
        }
        if link.is_some_and(|link| link.then(line) != stated) {
            return Err(Flaw::Altered);
        }
        let (found, _) = parsed?;
        match expected {
            Some(expected) if expected != found => Err(Flaw::Misnumbered { expected, found }),
            _ => Ok(()),
        }
    }

    /// A line that states no chain value: what the next one must follow from is not known.
    fn broken<T>(&mut self, flaw: Flaw) -> Result<T, Flaw> {
        self.link = None;
        self.next = None;
        Err(flaw)
    }

    fn meets(&mut self, chain: ChainValue) {
        if self.expected == Expected::Still(chain) {
            self.expected = Expected::Nothing;
        }
    }

    fn found(&mut self, problem: Problem) {
        self.report.problems_total += 1;
        if self.report.problems.len() < PROBLEMS_MAX {
            self.report.problems.push(problem);
        }
    }
}
