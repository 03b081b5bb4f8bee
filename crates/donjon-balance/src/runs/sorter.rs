//! All feeders together, and what comes of them.

use std::marker::PhantomData;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::runs::budget::{Budget, Shares};
use crate::runs::error::SortError;
use crate::runs::feeder::{Ending, Feeder};
use crate::runs::merge::Merged;
use crate::runs::record::Record;
use crate::runs::run::{Run, RunWriter};
use crate::runs::span::Span;
use crate::runs::spool::Spool;

/// Sorts the records that its feeders take.
#[derive(Debug)]
pub struct Sorter<R> {
    shared: Arc<Shared>,
    feeders: usize,
    of: PhantomData<fn(R) -> R>,
}

/// What a sorter and its feeders share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) spool: Arc<Spool>,
    pub(crate) shares: Shares,
    taken: Mutex<Taken>,
}

/// What became of the feeders.
#[derive(Debug, Default)]
struct Taken {
    /// Runs of feeders that were finished.
    runs: Vec<Run>,
    /// Feeders in use.
    open: usize,
    /// Feeders whose records are missing.
    lost: usize,
}

impl<R: Record> Sorter<R> {
    /// A sorter whose runs lie in `directory`, in a file without a name.
    ///
    /// # Errors
    /// [`SortError::Full`] and [`SortError::Io`], also if there is no such directory: it is not made.
    pub fn new(directory: &Path, budget: Budget) -> Result<Self, SortError> {
        let shares = budget.shares::<R>();
        let spool = Arc::new(Spool::create(directory)?);
        let shared = Arc::new(Shared { spool, shares, taken: Mutex::default() });
        Ok(Sorter { shared, feeders: budget.feeders.get(), of: PhantomData })
    }

    /// The place for one stream of records. It can go to another thread.
    ///
    /// # Errors
    /// [`SortError::TooManyFeeders`] if as many as the budget is for are in use; [`SortError::NoMemory`].
    pub fn feeder(&self) -> Result<Feeder<R>, SortError> {
        let mut taken = self.shared.taken();
        if taken.open == self.feeders {
            return Err(SortError::TooManyFeeders { max: self.feeders });
        }
        let records = self.shared.shares.buffer_records;
        let mut buffer = Vec::new();
        buffer
            .try_reserve_exact(records)
            .map_err(|source| SortError::NoMemory { records, source })?;
        taken.open += 1;
        drop(taken);
        Ok(Feeder::new(self.shared.clone(), buffer))
    }

    /// What all finished feeders took, sorted. Merges runs until few enough are left to be read at once.
    ///
    /// # Errors
    /// [`SortError::Unfinished`] if records are missing; [`SortError::Full`], [`SortError::Io`]; [`SortError::Damaged`] and
    /// [`SortError::Disordered`] if what was written is not what is read.
    pub fn finish(self) -> Result<Sorted<R>, SortError> {
        let mut taken = self.shared.taken();
        let Taken { open, lost, .. } = *taken;
        if (open, lost) != (0, 0) {
            return Err(SortError::Unfinished { open, lost });
        }
        let runs = std::mem::take(&mut taken.runs).into_iter().map(Arc::new).collect();
        drop(taken);
        let (spool, shares) = (self.shared.spool.clone(), self.shared.shares);
        let mut sorted = Sorted { spool, shares, runs, of: PhantomData };
        while sorted.runs.len() > shares.fan_in {
            sorted.merge_some()?;
        }
        Ok(sorted)
    }
}

impl Shared {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A feeder ended like this.
    pub(crate) fn ended(&self, ending: Ending, runs: Vec<Run>) {
        let mut taken = self.taken();
        taken.open -= 1;
        match ending {
            Ending::Finished => taken.runs.extend(runs),
            Ending::Lost => taken.lost += 1,
            Ending::Discarded => {
                drop(taken);
                runs.iter().for_each(|run| self.spool.release(run.bytes(&self.shares)));
            }
        }
    }
}

/// Sorted records on the disk, to be read as often as wanted, by several threads at once.
#[derive(Debug)]
pub struct Sorted<R> {
    spool: Arc<Spool>,
    shares: Shares,
    runs: Vec<Arc<Run>>,
    of: PhantomData<fn() -> R>,
}

impl<R: Record> Sorted<R> {
    /// How many records there are at most: those that are the same and will be dropped while reading are counted.
    pub fn records_max(&self) -> u64 {
        self.runs.iter().map(|run| run.records()).sum()
    }

    /// Bytes that they take on the disk.
    pub fn bytes(&self) -> u64 {
        let bytes = self.runs.iter().map(|run| run.bytes(&self.shares));
        bytes.map(|bytes| bytes.end - bytes.start).sum()
    }

    /// The records of a span, in order. Uses a reader's share of the memory.
    ///
    /// # Errors
    /// [`SortError::Io`] and [`SortError::Damaged`].
    pub fn stream(&self, span: Span) -> Result<Merged<R>, SortError> {
        Merged::new(&self.spool, &self.runs, self.shares, span)
    }

    /// Makes one run of several: of the shortest, and of no more than needed.
    fn merge_some(&mut self) -> Result<(), SortError> {
        self.runs.sort_by_key(|run| std::cmp::Reverse(run.records()));
        let excess = self.runs.len() - self.shares.fan_in;
        let merged = (excess + 1).min(self.shares.fan_in);
        let shortest = self.runs.split_off(self.runs.len() - merged);
        let records = shortest.iter().map(|run| run.records()).sum();
        let mut keys = Merged::<R>::new(&self.spool, &shortest, self.shares, Span::ALL)?;
        let mut run = RunWriter::start(&self.spool, self.shares, records);
        while let Some(key) = keys.next_key()? {
            run.push(key)?;
        }
        self.runs.push(Arc::new(run.finish()?));
        shortest.iter().for_each(|run| self.spool.release(run.bytes(&self.shares)));
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn spool(&self) -> &Spool {
        &self.spool
    }

    #[cfg(test)]
    pub(crate) fn block_bytes(&self) -> usize {
        self.shares.block_bytes()
    }

    #[cfg(test)]
    pub(crate) fn runs(&self) -> usize {
        self.runs.len()
    }
}
