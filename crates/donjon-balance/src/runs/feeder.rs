//! A thread's buffer, and the runs that came of it.

use std::marker::PhantomData;
use std::mem::take;
use std::sync::Arc;

use crate::runs::error::SortError;
use crate::runs::record::{Key, Record, Repeats};
use crate::runs::run::{Run, RunWriter};
use crate::runs::sorter::Shared;

/// Takes the records of one stream, in any order.
///
/// Nothing of it counts until [`Feeder::finish`]. A stream that broke off and is to be read again is
/// [discarded](Feeder::discard) on purpose; a feeder that is just dropped makes [`crate::runs::Sorter::finish`] fail.
#[derive(Debug)]
pub struct Feeder<R> {
    shared: Arc<Shared>,
    /// Never more than the budget has for it.
    buffer: Vec<Key>,
    runs: Vec<Run>,
    ending: Ending,
    of: PhantomData<fn(R)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All its records count.
    Finished,
    /// None counts, and none is missed.
    Discarded,
    /// Records are missing.
    Lost,
}

impl<R: Record> Feeder<R> {
    /// Takes `buffer`, which is empty and has room for its share of the memory.
    pub(crate) fn new(shared: Arc<Shared>, buffer: Vec<Key>) -> Self {
        Feeder { shared, buffer, runs: Vec::new(), ending: Ending::Lost, of: PhantomData }
    }

    /// Takes a record. Sorts the buffer and writes it down if it is full.
    ///
    /// # Errors
    /// [`SortError::Full`] and [`SortError::Io`]. The record was not taken then; it can be tried again.
    pub fn push(&mut self, record: R) -> Result<(), SortError> {
        if self.buffer.len() == self.shared.shares.buffer_records {
            self.make_room()?;
        }
        self.buffer.push(record.key());
        Ok(())
    }

    /// All records were pushed: they count now.
    ///
    /// # Errors
    /// [`SortError::Full`] and [`SortError::Io`]. Records are missing then, so the sorter cannot be finished.
    pub fn finish(mut self) -> Result<(), SortError> {
        self.sort();
        self.spill()?;
        self.ending = Ending::Finished;
        Ok(())
    }

    /// Forgets all that was pushed, as if there had been no such feeder.
    pub fn discard(mut self) {
        self.ending = Ending::Discarded;
    }

    fn make_room(&mut self) -> Result<(), SortError> {
        self.sort();
        // Many references to few blocks stay in memory for as long as they can. Half the buffer must be free, or a sort
        // would not pay.
        if self.buffer.len() > self.shared.shares.buffer_records / 2 {
            self.spill()?;
        }
        Ok(())
    }

    fn sort(&mut self) {
        self.buffer.sort_unstable();
        match R::REPEATS {
            Repeats::Keep => {}
            Repeats::Drop => self.buffer.dedup(),
        }
    }

    /// Writes the sorted buffer down as a run.
    fn spill(&mut self) -> Result<(), SortError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let records = self.buffer.len() as u64;
        let mut run = RunWriter::start(&self.shared.spool, self.shared.shares, records);
        for key in &self.buffer {
            run.push(*key)?;
        }
        self.runs.push(run.finish()?);
        self.buffer.clear();
        Ok(())
    }
}

impl<R> Drop for Feeder<R> {
    fn drop(&mut self) {
        self.shared.ended(self.ending, take(&mut self.runs));
    }
}
