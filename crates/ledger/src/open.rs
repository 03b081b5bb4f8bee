//! Where the chain goes on, and what a crash left there.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use keep_rules::Timestamp;
use rustix::fs::{FlockOperation, flock};

use crate::header::Header;
use crate::tail::{self, End, Tail};
use crate::writer::Writer;
use crate::{
    ChainValue, FileNumber, Flaw, Head, Ledger, LedgerError, Problem, RecordNumber, Rotation, files,
};

/// What was found when a ledger was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The end of the chain: what is appended comes after it.
    pub head: Head,
    /// The file that is appended to.
    pub file: FileNumber,
    /// What was cut off its end: a record that a crash tore.
    pub repaired: Option<TornRecord>,
}

/// The beginning of a line without its end. Its append never returned, or a power loss came before the sync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornRecord {
    /// In which file it was.
    pub file: FileNumber,
    /// How many bytes of the file come before it.
    pub byte: u64,
    /// How many bytes were cut off, zeros at the end included.
    pub bytes: u64,
    /// What could be read of it, without those zeros. A line at most.
    pub text: String,
}

impl fmt::Display for TornRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TornRecord { file, byte, bytes, text } = self;
        write!(f, "{file} ended within a line; {bytes} bytes were cut off at byte {byte}: {text:?}")
    }
}

impl Ledger {
    /// Opens the ledger in a directory for appending; begins it if there is none. The directory is created if its parent
    /// is there. Files rotate as [`Rotation::default`] says.
    ///
    /// A torn line at the end is cut off, and reported. The last line must follow from the one before it; whether all
    /// others do, [`crate::verify()`] tells. If `node` is not whom the last file was begun by, the next file begins.
    ///
    /// # Errors
    /// [`LedgerError::InUse`] if it is open elsewhere; [`LedgerError::Damaged`] if its end is not as a ledger wrote it:
    /// nothing was changed then.
    pub fn open(dir: &Path, node: &str, now: Timestamp) -> Result<(Ledger, Opened), LedgerError> {
        Ledger::open_rotating(dir, node, Rotation::default(), now)
    }

    /// As [`Ledger::open`], with files that rotate as `rotation` says.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open_rotating(
        dir: &Path,
        node: &str,
        rotation: Rotation,
        now: Timestamp,
    ) -> Result<(Ledger, Opened), LedgerError> {
        create_directory(dir)?;
        let lock = lock(dir)?;
        let opening = Opening { dir, node, now };
        let (writer, repaired) = opening.writer()?;
        let file = writer.number();
        let ledger = Ledger::new(dir.to_owned(), node.to_owned(), rotation, writer, lock);
        let opened = Opened { head: ledger.head(), file, repaired };
        Ok((ledger, opened))
    }
}

fn create_directory(dir: &Path) -> Result<(), LedgerError> {
    let create = || match fs::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        // Also if it was there: whoever made it may have been killed before its name was safe.
        _there_now => dir.parent().map_or(Ok(()), |parent| {
            files::sync_directory(if parent.as_os_str().is_empty() {
                Path::new(".")
            } else {
                parent
            })
        }),
    };
    create().map_err(|error| LedgerError::io("create the directory of the ledger", dir, error))
}

/// A ledger is locked for this process.
#[derive(Debug)]
pub(crate) struct Lock(pub(crate) File);

impl Drop for Lock {
    /// Closing is not enough: a child on its way to `exec` has the same lock open for a moment.
    fn drop(&mut self) {
        // If the system refuses, the lock goes with the last file that is open.
        let _gone_or_not = flock(&self.0, FlockOperation::Unlock);
    }
}

fn lock(dir: &Path) -> Result<Lock, LedgerError> {
    let path = dir.join("lock");
    let file = File::options().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|error| LedgerError::io("open", &path, error))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Lock(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(LedgerError::InUse { dir: dir.to_owned() }),
        Err(error) => Err(LedgerError::io("lock", &path, error.into())),
    }
}

struct Opening<'a> {
    dir: &'a Path,
    node: &'a str,
    now: Timestamp,
}

/// Where a chain goes on: its last value, and the number of the record that comes next.
type Joint = (ChainValue, RecordNumber);

impl Opening<'_> {
    fn writer(&self) -> Result<(Writer, Option<TornRecord>), LedgerError> {
        let Some(last) = files::list(self.dir)?.pop() else {
            let joint = (ChainValue::START, RecordNumber::FIRST);
            return Ok((self.begin(FileNumber::FIRST, joint)?, None));
        };
        // Whoever began the last file may have been killed before its name was safe.
        files::sync_directory(self.dir)
            .map_err(|error| LedgerError::io("sync the directory", self.dir, error))?;
        match tail::read(self.dir, last)? {
            Tail::Whole(end) => self.resume(end),
            Tail::Headless(torn) => match self.joint_before(last)? {
                Some(joint) => Ok((self.begin(last, joint)?, Some(torn))),
                None => Err(damaged(last, Flaw::NoHeader)),
            },
        }
    }

    fn begin(&self, number: FileNumber, (chain, next): Joint) -> Result<Writer, LedgerError> {
        self.begin_with(&Header::new(self.node, number, next, self.now, chain))
    }

    fn begin_with(&self, header: &Header) -> Result<Writer, LedgerError> {
        let new = files::create(self.dir, header)?;
        Ok(Writer::begin(self.dir, header, new))
    }

    fn resume(&self, end: End) -> Result<(Writer, Option<TornRecord>), LedgerError> {
        let header = &end.header;
        if end.next == header.first {
            // Its end is its header, which must follow from the file before, unless that was deleted.
            let joint = (header.continues, header.first);
            if self.joint_before(header.file)?.is_some_and(|before| before != joint) {
                return Err(damaged(header.file, Flaw::Discontinued));
            }
        }
        let renamed = header.node != self.node;
        let torn = end.torn.clone();
        let writer = Writer::resume(self.dir, end)?;
        if !renamed {
            return Ok((writer, torn));
        }
        writer.sync().map_err(|error| LedgerError::io("sync the ledger in", self.dir, error))?;
        Ok((self.begin_with(&writer.next_header(self.node, self.now))?, torn))
    }

    /// Where the file ends that comes before this one; `None` if it was deleted.
    fn joint_before(&self, number: FileNumber) -> Result<Option<Joint>, LedgerError> {
        let Some(before) = number.before() else {
            return Ok(Some((ChainValue::START, RecordNumber::FIRST)));
        };
        if !files::list(self.dir)?.contains(&before) {
            return Ok(None);
        }
        match tail::read(self.dir, before)? {
            Tail::Whole(End { torn: None, chain, next, .. }) => Ok(Some((chain, next))),
            Tail::Whole(_) => Err(damaged(before, Flaw::Torn)),
            Tail::Headless(_) => Err(damaged(before, Flaw::NoHeader)),
        }
    }
}

/// A file as a whole is wrong: told of its first line.
fn damaged(file: FileNumber, what: Flaw) -> LedgerError {
    LedgerError::Damaged(Problem { file, line: 1, byte: 0, what })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_goes_with_its_owner_also_while_a_child_has_it_open() {
        let dir = tempfile::tempdir().unwrap();
        let first = lock(dir.path()).unwrap();
        // As a child has it between its fork and its exec.
        let of_a_child = first.0.try_clone().unwrap();
        assert!(matches!(lock(dir.path()), Err(LedgerError::InUse { .. })));
        drop(first);
        lock(dir.path()).unwrap();
        drop(of_a_child);
    }
}
