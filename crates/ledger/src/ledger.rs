//! The one writer of a ledger: append, rotate, sync.

use std::io;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keep_rules::Timestamp;

use crate::open::Lock;
use crate::writer::Writer;
use crate::{ChainValue, LedgerError, Record, RecordNumber, files};

/// When the next file begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Once a file has this many bytes. It gets longer than that by one line at most.
    pub size: u64,
    /// Once a file is this old, by the times of its header and of the record that comes next.
    pub age: Option<Duration>,
}

/// At 64 MiB, some 200,000 records; at any age.
impl Default for Rotation {
    fn default() -> Self {
        Rotation { size: 64 << 20, age: None }
    }
}

/// The end of a chain. Noted elsewhere, it lets [`crate::verify()`] find what was cut off since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last record; `None` if there never was one.
    pub record: Option<RecordNumber>,
    /// The chain value of the last line.
    pub chain: ChainValue,
}

/// A ledger that is open for appending. There is one at a time for a directory, in this and in any other process.
///
/// Opened by [`Ledger::open`]; the lock goes with it.
#[derive(Debug)]
pub struct Ledger {
    dir: PathBuf,
    node: String,
    rotation: Rotation,
    state: Mutex<State>,
    /// Signalled when a sync ends.
    synced: Condvar,
    /// Locked as long as it is open.
    _lock: Lock,
}

#[derive(Debug)]
struct State {
    writer: Writer,
    /// Records before this one survive a power loss.
    safe: RecordNumber,
    /// Someone syncs, without the lock.
    syncing: bool,
    failed: Option<Failure>,
}

/// The next step of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Write the record.
    Write,
    /// Sync the file and begin the next one.
    Rotate,
    /// Wait for the end of the sync that runs.
    Wait,
}

/// A failed sync, in a form that can be told to every later caller.
#[derive(Clone, Copy, Debug)]
struct Failure {
    kind: io::ErrorKind,
    code: Option<i32>,
}

impl Failure {
    fn of(error: &io::Error) -> Self {
        Failure { kind: error.kind(), code: error.raw_os_error() }
    }

    fn into_error(self) -> io::Error {
        self.code.map_or_else(|| self.kind.into(), io::Error::from_raw_os_error)
    }
}

impl Ledger {
    pub(crate) fn new(
        dir: PathBuf,
        node: String,
        rotation: Rotation,
        writer: Writer,
        lock: Lock,
    ) -> Self {
        // What another process wrote may not be synced.
        let state = State { writer, safe: RecordNumber(0), syncing: false, failed: None };
        Ledger {
            dir,
            node,
            rotation,
            state: Mutex::new(state),
            synced: Condvar::new(),
            _lock: lock,
        }
    }

    /// Records it, and returns its number. Once this returns, the record outlives the process, and, after the next
    /// [`Ledger::sync`], a power loss. Records are in the order in which the calls got hold of the file.
    ///
    /// # Errors
    /// Nothing was recorded then, and the ledger ends with a whole record as before. After [`LedgerError::Full`] the
    /// call may be repeated; after [`LedgerError::SyncFailed`] only a newly opened ledger records anything.
    ///
    /// # Blocking
    /// One `write` as a rule. When the file is full, the call also waits for a sync that runs, syncs it and begins the next
    /// one, and other appends wait for that.
    pub fn append(&self, record: &Record) -> Result<RecordNumber, LedgerError> {
        let mut state = self.lock();
        loop {
            self.usable(&state)?;
            match self.step(&state, record.time) {
                Step::Write => return state.writer.append(record),
                Step::Rotate => self.rotate(&mut state, record.time)?,
                Step::Wait => state = self.wait_for_sync(state),
            }
        }
    }

    /// What has to be done first.
    ///
    /// The kernel tells once that it could not write, to whichever sync of the file comes first. So no two syncs of one
    /// file run beside each other: one would be told, and the other would believe that all is well.
    fn step(&self, state: &State, now: Timestamp) -> Step {
        match (self.is_due(&state.writer, now), state.syncing) {
            (false, _) => Step::Write,
            (true, false) => Step::Rotate,
            (true, true) => Step::Wait,
        }
    }

    fn is_due(&self, writer: &Writer, now: Timestamp) -> bool {
        let old = self.rotation.age.is_some_and(|age| now.since(writer.created()) >= age);
        writer.holds_records() && (old || writer.length() >= self.rotation.size)
    }

    /// Syncs the file before the next one gets its name: a chain that goes on after a hole would be taken for tampering.
    fn rotate(&self, state: &mut State, now: Timestamp) -> Result<(), LedgerError> {
        if let Err(error) = state.writer.sync() {
            state.failed = Some(Failure::of(&error));
            return self.usable(state);
        }
        state.safe = state.writer.next();
        let header = state.writer.next_header(&self.node, now);
        let new = files::create(&self.dir, &header)?;
        state.writer = Writer::begin(&self.dir, &header, new);
        Ok(())
    }

    /// Makes every record survive a power loss whose append returned before this was called. Callers that come while a
    /// sync runs share the next one; appends go on meanwhile. Costs nothing if nothing was appended.
    ///
    /// # Errors
    /// [`LedgerError::SyncFailed`], from then on always: the kernel may have dropped what it could not write, and would
    /// report the next sync as a success.
    pub fn sync(&self) -> Result<(), LedgerError> {
        let mut state = self.lock();
        let wanted = state.writer.next();
        loop {
            self.usable(&state)?;
            if state.safe >= wanted {
                return Ok(());
            }
            if !state.syncing {
                state = self.lead(state);
            } else {
                state = self.wait_for_sync(state);
            }
        }
    }

    fn wait_for_sync<'a>(&'a self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.synced.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Syncs for everyone, without holding the lock.
    fn lead<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.syncing = true;
        let (file, covered) = (state.writer.file(), state.writer.next());
        drop(state);
        let outcome = file.sync_data();
        let mut state = self.lock();
        state.syncing = false;
        match outcome {
            Ok(()) => state.safe = state.safe.max(covered),
            Err(error) => state.failed = Some(Failure::of(&error)),
        }
        self.synced.notify_all();
        state
    }

    /// The end of the chain as it is now.
    pub fn head(&self) -> Head {
        let state = self.lock();
        let record = state.writer.next().before();
        Head { record, chain: state.writer.chain() }
    }

    fn usable(&self, state: &State) -> Result<(), LedgerError> {
        match state.failed {
            None => Ok(()),
            Some(failure) => {
                Err(LedgerError::SyncFailed { dir: self.dir.clone(), source: failure.into_error() })
            }
        }
    }

    /// Every change of the state is whole before anything can panic, so a panic elsewhere spoils nothing.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::NewFile;
    use crate::header::Header;
    use crate::{FileNumber, Operation, Outcome};

    /// A ledger on a device that takes what is written, and cannot sync: `/dev/null`.
    fn without_sync(rotation: Rotation) -> Ledger {
        let device = || std::fs::File::options().write(true).open("/dev/null").unwrap();
        let (number, start) = (RecordNumber::FIRST, ChainValue::START);
        let header = Header::new("keep0", FileNumber::FIRST, number, Timestamp::EPOCH, start);
        let new = NewFile { file: device(), length: 0, chain: start };
        let dir = PathBuf::from("/nowhere");
        let writer = Writer::begin(&dir, &header, new);
        Ledger::new(dir, "keep0".to_owned(), rotation, writer, Lock(device()))
    }

    fn record() -> Record {
        let block = keep_rules::BlockHash::EMPTY;
        Record::new(Timestamp::EPOCH, Operation::Empty, block, Outcome::Done)
    }

    #[track_caller]
    fn assert_failed<T: std::fmt::Debug>(outcome: Result<T, LedgerError>) {
        assert!(matches!(outcome, Err(LedgerError::SyncFailed { .. })), "{outcome:?}");
    }

    #[test]
    fn after_a_failed_sync_nothing_is_recorded() {
        let ledger = without_sync(Rotation::default());
        ledger.append(&record()).unwrap();
        assert_failed(ledger.sync());
        assert_failed(ledger.sync());
        assert_failed(ledger.append(&record()));
        assert_eq!(ledger.head().record, Some(RecordNumber(1)));
    }

    #[test]
    fn a_file_does_not_end_beside_a_sync_and_hears_how_that_ended() {
        let ledger = without_sync(Rotation { size: 1, age: None });
        assert_eq!(ledger.step(&ledger.lock(), Timestamp::EPOCH), Step::Write);
        ledger.append(&record()).unwrap();
        assert_eq!(ledger.step(&ledger.lock(), Timestamp::EPOCH), Step::Rotate);
        ledger.lock().syncing = true;
        assert_eq!(ledger.step(&ledger.lock(), Timestamp::EPOCH), Step::Wait);
        std::thread::scope(|scope| {
            let append = scope.spawn(|| ledger.append(&record()));
            let mut state = ledger.lock();
            state.syncing = false;
            state.failed = Some(Failure { kind: io::ErrorKind::Other, code: Some(5) });
            drop(state);
            ledger.synced.notify_all();
            assert_failed(append.join().unwrap());
        });
        assert_eq!(ledger.head().record, Some(RecordNumber(1)));
    }

    #[test]
    fn a_file_that_cannot_be_synced_is_not_continued() {
        let ledger = without_sync(Rotation { size: 1, age: None });
        ledger.append(&record()).unwrap();
        assert_failed(ledger.append(&record()));
        assert_eq!(ledger.head().record, Some(RecordNumber(1)));
    }
}
