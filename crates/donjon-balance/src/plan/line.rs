//! Lines as they are read and written.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::plan::check;
use crate::plan::digest::Sha256Digest;
use crate::plan::entry::Entry;
use crate::plan::error::{Place, PlanError};
use crate::plan::footer::Footer;
use crate::plan::header::{FORMAT, Header};

/// The longest line, in bytes, its end included: 16 MiB. Readers need no more memory than this.
pub const LINE_BYTES_MAX: usize = 16 << 20;

/// What an entry's line begins with; the hash follows.
pub(crate) const ENTRY_START: &[u8] = b"{\"block\":\"";
/// What the footer's line begins with.
pub(crate) const FOOTER_START: &[u8] = b"{\"footer\":";
/// What the writer puts before the digits of the digest. It is covered by it.
const SEAL: &[u8] = b",\"sha256\":\"";
/// Digits of the digest.
const DIGITS: usize = 64;
/// What comes after them: the end of the file.
const CLOSE: &[u8] = b"\"}\n";

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeaderLine<H> {
    pub(crate) header: H,
}

/// The last line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FooterLine {
    footer: Footer,
    sha256: Sha256Digest,
}

/// The part of a header by which newer formats are told.
#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

/// The bytes of the footer's line that its digest covers.
pub(crate) fn open_footer(footer: &Footer) -> serde_json::Result<Vec<u8>> {
    let mut line = FOOTER_START.to_vec();
    serde_json::to_writer(&mut line, footer)?;
    line.extend_from_slice(SEAL);
    Ok(line)
}

/// Ends the footer's line.
pub(crate) fn seal_footer(line: &mut Vec<u8>, digest: Sha256Digest) {
    line.extend_from_slice(digest.to_string().as_bytes());
    line.extend_from_slice(CLOSE);
}

/// A line of a plan, and where it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    pub(crate) path: &'a Path,
    /// Its first byte.
    pub(crate) place: Place,
    /// Its end included.
    pub(crate) bytes: &'a [u8],
}

impl Line<'_> {
    pub(crate) fn damaged(&self, what: impl Into<String>) -> PlanError {
        PlanError::damaged(self.path, self.place, what)
    }

    fn parse<T: DeserializeOwned>(&self) -> Result<T, PlanError> {
        serde_json::from_slice(self.bytes).map_err(|error| {
            let text = error.to_string();
            // It counts lines and columns of this line alone.
            let what = text.rsplit_once(" at line ").map_or(&*text, |(what, _)| what);
            let byte = self.place.byte + (error.column() as u64).saturating_sub(1);
            PlanError::damaged(self.path, Place { byte, ..self.place }, what)
        })
    }

    /// The header, checked.
    pub(crate) fn header(&self) -> Result<Header, PlanError> {
        let found = self.parse::<HeaderLine<FormatOnly>>()?.header.format;
        if found > FORMAT {
            return Err(PlanError::Version { path: self.path.to_owned(), found, known: FORMAT });
        }
        let header = self.parse::<HeaderLine<Header>>()?.header;
        check::header(&header).map_err(|what| self.damaged(what))?;
        Ok(header)
    }

    /// The entry, checked.
    pub(crate) fn entry(&self, header: &Header) -> Result<Entry, PlanError> {
        let entry: Entry = self.parse()?;
        check::entry(&entry, header)
            .map_err(|what| self.damaged(format!("of block {}: {what}", entry.block)))?;
        Ok(entry)
    }

    /// The bytes that the digest of the last line covers: all but its digits and what ends the line.
    pub(crate) fn covered(&self) -> Result<&[u8], PlanError> {
        let covered = self.bytes.strip_suffix(CLOSE);
        let covered = covered.and_then(|line| line.get(..line.len().checked_sub(DIGITS)?));
        covered.ok_or_else(|| self.damaged("the last line does not end with its digest"))
    }

    /// What the last line states. Its digest was not looked at.
    pub(crate) fn footer(&self, header: &Header) -> Result<(Footer, Sha256Digest), PlanError> {
        self.covered()?;
        let FooterLine { footer, sha256 } = self.parse()?;
        if footer.servers.len() != header.servers.len() {
            return Err(self.damaged("it counts for other servers than the first line names"));
        }
        Ok((footer, sha256))
    }
}

/// Reads a file from some byte on, whatever else is read of it meanwhile.
#[derive(Debug)]
pub(crate) struct At {
    file: Arc<File>,
    at: u64,
}

impl Read for At {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read_at(bytes, self.at)?;
        self.at += length as u64;
        Ok(length)
    }
}

/// Reads lines, one after the other.
#[derive(Debug)]
pub(crate) struct Lines {
    path: PathBuf,
    reader: BufReader<At>,
    line: Vec<u8>,
    place: Place,
}

impl Lines {
    /// The lines from the first byte of one on. They are counted if that is the first of the file.
    pub(crate) fn from(path: &Path, file: &Arc<File>, at: u64, buffer_bytes: usize) -> Self {
        let reader = BufReader::with_capacity(buffer_bytes, At { file: file.clone(), at });
        let line = (at == 0).then_some(0);
        Lines { path: path.to_owned(), reader, line: Vec::new(), place: Place { line, byte: at } }
    }

    /// The next line; none at the end of the file.
    pub(crate) fn next(&mut self) -> Result<Option<Line<'_>>, PlanError> {
        let place = Place { line: self.place.line.map(|line| line + 1), byte: self.end() };
        self.place = place;
        self.line.clear();
        let limit = LINE_BYTES_MAX as u64;
        let read = self.reader.by_ref().take(limit).read_until(b'\n', &mut self.line);
        read.map_err(|error| PlanError::failed("read", &self.path, error))?;
        let line = Line { path: &self.path, place, bytes: &self.line };
        match line.bytes {
            [] => Ok(None),
            [.., b'\n'] => Ok(Some(line)),
            bytes if bytes.len() == LINE_BYTES_MAX => {
                Err(line.damaged(format!("the line is longer than {LINE_BYTES_MAX} bytes")))
            }
            _ => Err(line.damaged("the line is cut off")),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the line is that was read last, or should have been.
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// Where the next line begins.
    pub(crate) fn end(&self) -> u64 {
        self.place.byte + self.line.len() as u64
    }
}
