//! Several runs as one.

use std::marker::PhantomData;
use std::sync::Arc;

use crate::runs::budget::Shares;
use crate::runs::error::SortError;
use crate::runs::record::{Key, Record, Repeats};
use crate::runs::run::{Run, RunReader};
use crate::runs::span::Span;
use crate::runs::spool::Spool;
use crate::runs::tournament::{NONE, Tournament};

/// Records in order, read from the disk.
///
/// Ends after the last record and nowhere else: what cannot be read is an error, and after an error every further one is
/// [`SortError::Failed`]. So an iteration that goes on after an error does not end.
#[derive(Debug)]
pub struct Merged<R> {
    readers: Vec<RunReader>,
    tournament: Tournament,
    last: Option<Key>,
    state: State,
    of: PhantomData<fn() -> R>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Reading,
    Failed,
}

impl<R: Record> Merged<R> {
    pub(crate) fn new(
        spool: &Arc<Spool>,
        runs: &[Arc<Run>],
        shares: Shares,
        span: Span,
    ) -> Result<Self, SortError> {
        let at_once = shares.blocks_at_once(runs.len());
        let reader = |run| RunReader::new(spool, run, shares, span, at_once);
        let mut readers: Vec<RunReader> = runs.iter().map(reader).collect();
        let firsts = readers.iter_mut().map(next_or_none).collect::<Result<_, _>>()?;
        let tournament = Tournament::new(firsts);
        Ok(Merged { readers, tournament, last: None, state: State::Reading, of: PhantomData })
    }

    /// The next key, repeats left out if the record wants that.
    pub(crate) fn next_key(&mut self) -> Result<Option<Key>, SortError> {
        if self.state == State::Failed {
            return Err(SortError::Failed);
        }
        let next = self.merge();
        if next.is_err() {
            self.state = State::Failed;
        }
        next
    }

    /// Leaves out records with a lower head: without reading those that lie between what was read ahead and `head`.
    ///
    /// # Errors
    /// [`SortError::Io`] and [`SortError::Damaged`].
    pub fn skip_to(&mut self, head: u128) -> Result<(), SortError> {
        if self.state == State::Failed {
            return Err(SortError::Failed);
        }
        let skipped = self.skip(head);
        if skipped.is_err() {
            self.state = State::Failed;
        }
        skipped
    }

    fn skip(&mut self, head: u128) -> Result<(), SortError> {
        let tournament = std::mem::replace(&mut self.tournament, Tournament::new(Vec::new()));
        let mut keys = tournament.into_keys();
        for (key, reader) in keys.iter_mut().zip(&mut self.readers) {
            if key.head < head {
                reader.skip_to(head);
                *key = next_or_none(reader)?;
            }
        }
        self.tournament = Tournament::new(keys);
        Ok(())
    }

    fn merge(&mut self) -> Result<Option<Key>, SortError> {
        while let Some((reader, key)) = self.tournament.smallest() {
            self.tournament.advance(next_or_none(&mut self.readers[reader])?);
            if self.last.is_some_and(|last| key < last) {
                return Err(SortError::Disordered);
            }
            let repeated = self.last.replace(key) == Some(key);
            if !(repeated && R::REPEATS == Repeats::Drop) {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }
}

fn next_or_none(reader: &mut RunReader) -> Result<Key, SortError> {
    Ok(reader.next()?.unwrap_or(NONE))
}

impl<R: Record> Iterator for Merged<R> {
    type Item = Result<R, SortError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_key().map(|key| key.map(R::from_key)).transpose()
    }
}
