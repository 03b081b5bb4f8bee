//! One block of millions.

use std::cmp::Ordering;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keep_rules::BlockHash;

use crate::plan::digest::Sha256Digest;
use crate::plan::entry::Entry;
use crate::plan::error::{Place, PlanError};
use crate::plan::footer::Footer;
use crate::plan::header::Header;
use crate::plan::line::{ENTRY_START, LINE_BYTES_MAX, Lines};
use crate::plan::reader::PlanReader;

/// A plan that is open, to be looked at in any place.
///
/// Opening it reads its first and its last line. What else it says is checked where it is read; the whole is checked by
/// [`PlanFile::verify`].
#[derive(Debug)]
pub struct PlanFile {
    path: PathBuf,
    pub(crate) file: Arc<File>,
    header: Arc<Header>,
    footer: Footer,
    digest: Sha256Digest,
    /// Where the first entry begins.
    entries_at: u64,
    /// Where the last line begins.
    footer_at: u64,
    verification: Verification,
}

/// How much of a plan was found right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// All of it: every byte is what was written.
    Whole,
    /// Its first and its last line, and what was looked at. It may be damaged elsewhere.
    Ends,
}

/// What a plan says of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Its entry; none if the plan has nothing to do and nothing to report about it.
    pub entry: Option<Entry>,
    /// How far that is to be believed.
    pub verification: Verification,
}

/// What is searched line by line.
const SCAN_BYTES: u64 = 16 << 10;
/// What is read at once to find the end of a line.
const CHUNK_BYTES: usize = 4096;

impl PlanFile {
    /// Opens a plan.
    ///
    /// # Errors
    /// [`PlanError::Io`]; [`PlanError::Damaged`] also if the file is no plan; [`PlanError::Version`].
    pub fn open(path: &Path) -> Result<Self, PlanError> {
        let failed = |error| PlanError::failed("open", path, error);
        let file = Arc::new(File::open(path).map_err(failed)?);
        let length = file.metadata().map_err(failed)?.len();
        let mut lines = Lines::from(path, &file, 0, CHUNK_BYTES);
        let header = match lines.next()? {
            Some(line) => Arc::new(line.header()?),
            None => return Err(PlanError::damaged(path, lines.place(), "it is empty")),
        };
        let entries_at = lines.end();
        let footer_at = last_line(path, &file, length)?;
        let mut lines = Lines::from(path, &file, footer_at, CHUNK_BYTES);
        let (footer, digest) = match lines.next()? {
            Some(line) if footer_at >= entries_at => line.footer(&header)?,
            Some(_) | None => {
                let what = "it ends here, without its last line";
                return Err(PlanError::damaged(path, lines.place(), what));
            }
        };
        let path = path.to_owned();
        let verification = Verification::Ends;
        Ok(PlanFile { path, file, header, footer, digest, entries_at, footer_at, verification })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The first line.
    pub fn header(&self) -> &Arc<Header> {
        &self.header
    }

    /// The last line.
    pub fn footer(&self) -> &Footer {
        &self.footer
    }

    /// The digest that the plan states: its name among plans. It was found right if the verification is of the whole.
    pub fn digest(&self) -> Sha256Digest {
        self.digest
    }

    /// How much of it was found right.
    pub fn verification(&self) -> Verification {
        self.verification
    }

    /// Reads all of it, and finds every byte right.
    ///
    /// # Errors
    /// [`PlanError::Damaged`] with the line and the byte; [`PlanError::Io`].
    pub fn verify(&mut self) -> Result<(), PlanError> {
        let mut reader = self.entries()?;
        while reader.next_entry()?.is_some() {}
        if reader.digest() != Some(self.digest) {
            let place = Place { line: None, byte: self.footer_at };
            return Err(PlanError::damaged(&self.path, place, "it was changed while it was read"));
        }
        self.verification = Verification::Whole;
        Ok(())
    }

    /// All entries, from the first to the last.
    ///
    /// # Errors
    /// [`PlanError::Io`] and [`PlanError::Damaged`].
    pub fn entries(&self) -> Result<PlanReader, PlanError> {
        PlanReader::over(&self.path, &self.file)
    }

    /// What the plan says of a block: a search that reads some dozens of places, however long the plan is.
    ///
    /// # Errors
    /// [`PlanError::Damaged`] if what it comes across is not right; [`PlanError::Io`].
    pub fn explain(&self, hash: BlockHash) -> Result<Explained, PlanError> {
        let entry = self.search(hash)?;
        Ok(Explained { entry, verification: self.verification })
    }

    fn search(&self, wanted: BlockHash) -> Result<Option<Entry>, PlanError> {
        // The entry, if there is one, begins within low..high. `low` is the beginning of a line.
        let (mut low, mut high) = (self.entries_at, self.footer_at);
        let mut around: (Option<BlockHash>, Option<BlockHash>) = (None, None);
        while high - low > SCAN_BYTES {
            let middle = low + (high - low) / 2;
            let at = self.line_after(middle)?;
            if at >= high {
                high = middle;
                continue;
            }
            let found = self.hash_at(at)?;
            let ordered = around.0.is_none_or(|before| before < found)
                && around.1.is_none_or(|after| found < after);
            if !ordered {
                return Err(self.damaged(at, "blocks are not in the order of their hashes"));
            }
            match found.cmp(&wanted) {
                Ordering::Less => (low, around.0) = (at, Some(found)),
                Ordering::Greater => (high, around.1) = (at, Some(found)),
                Ordering::Equal => return self.entry_at(at).map(Some),
            }
        }
        self.scan(wanted, low, high)
    }

    /// Looks at every line that begins within low..high.
    fn scan(&self, wanted: BlockHash, low: u64, high: u64) -> Result<Option<Entry>, PlanError> {
        let mut at = low;
        let mut last = None;
        let mut lines = Lines::from(&self.path, &self.file, low, CHUNK_BYTES);
        while at < high {
            let line =
                lines.next()?.ok_or_else(|| self.damaged(at, "it ends within its blocks"))?;
            let found = self.hash_of(line.bytes, at)?;
            if last.is_some_and(|last| found <= last) {
                return Err(self.damaged(at, "blocks are not in the order of their hashes"));
            }
            match found.cmp(&wanted) {
                Ordering::Less => last = Some(found),
                Ordering::Equal => return line.entry(&self.header).map(Some),
                Ordering::Greater => return Ok(None),
            }
            at = lines.end();
        }
        Ok(None)
    }

    /// Where the first line begins that does so behind this byte. The last line does.
    fn line_after(&self, byte: u64) -> Result<u64, PlanError> {
        let mut chunk = [0; CHUNK_BYTES];
        let mut at = byte;
        while at - byte < LINE_BYTES_MAX as u64 {
            let chunk = &mut chunk[..];
            let read = self.file.read_at(chunk, at);
            let read = read.map_err(|error| PlanError::failed("read", &self.path, error))?;
            if read == 0 {
                return Err(self.damaged(at, "it ends within its blocks"));
            }
            if let Some(end) = chunk[..read].iter().position(|byte| *byte == b'\n') {
                return Ok(at + end as u64 + 1);
            }
            at += read as u64;
        }
        Err(self.damaged(byte, "a line is too long"))
    }

    /// The hash of the entry whose line begins here.
    fn hash_at(&self, at: u64) -> Result<BlockHash, PlanError> {
        let mut start = [0; ENTRY_START.len() + 32];
        match self.file.read_exact_at(&mut start, at) {
            Ok(()) => self.hash_of(&start, at),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                Err(self.damaged(at, "it ends within its blocks"))
            }
            Err(error) => Err(PlanError::failed("read", &self.path, error)),
        }
    }

    fn hash_of(&self, line: &[u8], at: u64) -> Result<BlockHash, PlanError> {
        let hash = line.strip_prefix(ENTRY_START).and_then(|rest| rest.get(..32));
        let hash = hash.and_then(|hash| BlockHash::from_hex(hash).ok());
        hash.ok_or_else(|| self.damaged(at, "no block begins here"))
    }

    /// The entry whose line begins here.
    pub(crate) fn entry_at(&self, at: u64) -> Result<Entry, PlanError> {
        let mut lines = Lines::from(&self.path, &self.file, at, CHUNK_BYTES);
        let line = lines.next()?.ok_or_else(|| self.damaged(at, "it ends within its blocks"))?;
        line.entry(&self.header)
    }

    pub(crate) fn damaged(&self, byte: u64, what: &'static str) -> PlanError {
        PlanError::damaged(&self.path, Place { line: None, byte }, what)
    }
}

/// Where the last line begins.
fn last_line(path: &Path, file: &File, length: u64) -> Result<u64, PlanError> {
    let mut chunk = [0; CHUNK_BYTES];
    // The file's last byte ends the last line, and is not looked at.
    let mut end = length.saturating_sub(1);
    while end > 0 && length - end <= LINE_BYTES_MAX as u64 {
        let start = end.saturating_sub(CHUNK_BYTES as u64);
        let bytes = usize::try_from(end - start).expect("at most a chunk");
        let chunk = &mut chunk[..bytes];
        let read = file.read_exact_at(chunk, start);
        read.map_err(|error| PlanError::failed("read", path, error))?;
        if let Some(before) = chunk.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + before as u64 + 1);
        }
        end = start;
    }
    let place = Place { line: None, byte: end };
    Err(PlanError::damaged(path, place, "it has no last line"))
}
