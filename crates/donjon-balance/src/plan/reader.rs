//! All of a plan, checked.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use keep_rules::BlockHash;
use sha2::{Digest, Sha256};

use crate::plan::batch::ascending;
use crate::plan::digest::Sha256Digest;
use crate::plan::entry::Entry;
use crate::plan::error::PlanError;
use crate::plan::footer::Footer;
use crate::plan::header::Header;
use crate::plan::line::{ENTRY_START, FOOTER_START, Line, Lines};
use crate::plan::tally::Tally;

/// Reads a plan from its first line to its last, in constant memory.
///
/// Entries are checked one by one. The whole is to be believed once [`PlanReader::next_entry`] has given `None`: the
/// digest, the order and the totals were right then.
#[derive(Debug)]
pub struct PlanReader {
    lines: Lines,
    header: Arc<Header>,
    digest: Sha256,
    last: Option<BlockHash>,
    tally: Tally,
    state: State,
}

#[derive(Debug)]
enum State {
    Reading,
    Failed,
    Ended { footer: Footer, digest: Sha256Digest },
}

/// An entry, and the first byte of its line.
#[derive(Debug)]
pub(crate) struct Located {
    pub(crate) entry: Entry,
    pub(crate) byte: u64,
}

/// What a line was.
enum Read {
    Entry(Located),
    End(Footer, Sha256Digest),
}

const BUFFER_BYTES: usize = 256 << 10;

impl PlanReader {
    /// Opens a plan and reads its header.
    ///
    /// # Errors
    /// [`PlanError::Io`]; [`PlanError::Damaged`] also if the file is no plan; [`PlanError::Version`].
    pub fn open(path: &Path) -> Result<Self, PlanError> {
        let file = File::open(path).map_err(|error| PlanError::failed("open", path, error))?;
        PlanReader::over(path, &Arc::new(file))
    }

    pub(crate) fn over(path: &Path, file: &Arc<File>) -> Result<Self, PlanError> {
        let mut lines = Lines::from(path, file, 0, BUFFER_BYTES);
        let mut digest = Sha256::new();
        let header = match lines.next()? {
            Some(line) => {
                digest.update(line.bytes);
                line.header()?
            }
            None => return Err(ends_too_early(path, &lines)),
        };
        let tally = Tally::new(&header);
        let header = Arc::new(header);
        Ok(PlanReader { lines, header, digest, last: None, tally, state: State::Reading })
    }

    /// The header.
    pub fn header(&self) -> &Arc<Header> {
        &self.header
    }

    /// The next entry; none after the last, and then the plan is whole and right.
    ///
    /// # Errors
    /// [`PlanError::Damaged`] with the line and the byte; [`PlanError::Io`]. Further calls are [`PlanError::Failed`].
    pub fn next_entry(&mut self) -> Result<Option<Entry>, PlanError> {
        Ok(self.next_located()?.map(|located| located.entry))
    }

    /// The last line; none before [`PlanReader::next_entry`] has given `None`.
    pub fn footer(&self) -> Option<&Footer> {
        match &self.state {
            State::Ended { footer, .. } => Some(footer),
            State::Reading | State::Failed => None,
        }
    }

    /// The digest, which was found right; none before [`PlanReader::next_entry`] has given `None`.
    pub fn digest(&self) -> Option<Sha256Digest> {
        match self.state {
            State::Ended { digest, .. } => Some(digest),
            State::Reading | State::Failed => None,
        }
    }

    pub(crate) fn next_located(&mut self) -> Result<Option<Located>, PlanError> {
        match self.state {
            State::Failed => return Err(PlanError::Failed),
            State::Ended { .. } => return Ok(None),
            State::Reading => self.state = State::Failed, // until this line is read
        }
        match self.read()? {
            Read::Entry(located) => {
                self.tally.count(&located.entry, &self.header);
                self.last = Some(located.entry.block.hash);
                self.state = State::Reading;
                Ok(Some(located))
            }
            Read::End(footer, digest) => {
                self.state = State::Ended { footer, digest };
                Ok(None)
            }
        }
    }

    fn read(&mut self) -> Result<Read, PlanError> {
        let path = self.lines.path().to_owned();
        let Some(line) = self.lines.next()? else {
            return Err(ends_too_early(&path, &self.lines));
        };
        if line.bytes.starts_with(ENTRY_START) {
            self.digest.update(line.bytes);
            let entry = line.entry(&self.header)?;
            ascending(self.last, entry.block.hash)
                .map_err(|error| line.damaged(error.to_string()))?;
            return Ok(Read::Entry(Located { entry, byte: line.place.byte }));
        }
        let (footer, digest) = end(&line, &self.header, &self.digest, &self.tally)?;
        match self.lines.next()? {
            None => Ok(Read::End(footer, digest)),
            Some(line) => Err(line.damaged("something comes after the last line")),
        }
    }
}

/// The last line, if it is right.
fn end(
    line: &Line<'_>,
    header: &Header,
    before: &Sha256,
    tally: &Tally,
) -> Result<(Footer, Sha256Digest), PlanError> {
    if !line.bytes.starts_with(FOOTER_START) {
        return Err(line.damaged("this is neither a block nor the last line"));
    }
    let found = before.clone().chain_update(line.covered()?).finalize();
    let (footer, stated) = line.footer(header)?;
    if stated != Sha256Digest(found.into()) {
        return Err(line.damaged("the digest is not that of the plan"));
    }
    if !tally.is_in(&footer) {
        return Err(line.damaged("the totals are not those of the blocks"));
    }
    Ok((footer, stated))
}

fn ends_too_early(path: &Path, lines: &Lines) -> PlanError {
    PlanError::damaged(path, lines.place(), "it ends here, without its last line")
}
