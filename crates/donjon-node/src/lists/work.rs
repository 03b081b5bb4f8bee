//! A work list with its books.
//!
//! Lock order: the books, then the work list. A list and its book are replaced under one lock of the books, and an item
//! is settled in its book and dropped from the work list under one lock, so every reading of the books is one instant.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use block_work_list::{BlockWork, BlockWorkList, Claim};
use keep_protocol::list::{Names, Request};
use keep_protocol::status::{ListName, ListStatus, Outcomes};
use keep_rules::{BlockHash, MountUuid, Timestamp};

use super::books::{Book, Books, Counts, OutcomeLabel};
use super::outcomes::{OutcomeLog, Record};
use super::{Ending, Failed};
use crate::clock::Clock;

/// One of the node's two lists. A clone is another handle on the same list.
#[derive(Clone, Debug)]
pub(crate) struct WorkList<R>(Arc<Inner<R>>);

#[derive(Debug)]
struct Inner<R> {
    name: ListName,
    clock: Clock,
    work: BlockWorkList<BlockHash, R>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    books: Books,
    outcomes: OutcomeLog,
}

/// Numbers for the metrics, since the node's start.
#[derive(Debug)]
pub(crate) struct Totals {
    pub(crate) waiting: u64,
    pub(crate) running: u64,
    pub(crate) ended: Counts,
}

/// The list is closed: the node is shutting down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node is shutting down and takes no list")]
pub(crate) struct ListClosed;

impl<R: Request + Send + Sync + 'static> WorkList<R> {
    /// No list yet.
    pub(crate) fn new(name: ListName, clock: Clock) -> WorkList<R> {
        let state = State { books: Books::new(), outcomes: OutcomeLog::default() };
        WorkList(Arc::new(Inner {
            name,
            clock,
            work: BlockWorkList::new(),
            state: Mutex::new(state),
        }))
    }

    /// Makes `items` the current list. When this returns, no worker gets an item of the old one.
    pub(crate) fn replace(
        &self,
        items: Vec<BlockWork<BlockHash, R>>,
        names: Arc<Names>,
    ) -> Result<(), ListClosed> {
        let received = items.len() as u64;
        let received_at = Some(self.0.clock.now());
        let mut state = self.lock();
        let replaced = self.0.work.replace(items).map_err(|_closed| ListClosed)?;
        let book = Book {
            generation: replaced.generation,
            received_at,
            received,
            names,
            ended: Counts::new(),
        };
        state.books.replace(book, replaced.discarded.len() as u64);
        drop(state);
        // Millions of items are freed here, when nobody waits for the lock any more.
        drop(replaced.discarded);
        Ok(())
    }

    /// Claims the next item; `None` once the list is closed.
    ///
    /// # Cancel safety
    /// Dropping the future claims nothing.
    pub(crate) async fn next(&self) -> Option<Held<R>> {
        let claim = self.0.work.next().await?;
        let names = self.lock().books.names(claim.generation());
        Some(Held { list: self.clone(), names, claim: Some(claim) })
    }

    /// Ends the list: workers stop after what they hold. What waits is counted as superseded.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        let waiting = self.0.work.close();
        let superseded = waiting.len() as u64;
        let generation = state.books.current.generation;
        let closed = Book { generation: generation + 1, ..Book::none() };
        state.books.replace(closed, superseded);
    }

    /// The books of the current list.
    pub(crate) fn status(&self, workers: u64, idle_because: Option<String>) -> ListStatus {
        let state = self.lock();
        let waiting = self.0.work.status().queued;
        let book = &state.books.current;
        ListStatus {
            list: self.0.name,
            generation: book.generation,
            received_at_ns: book.received_at.map(Timestamp::as_nanos),
            received: book.received,
            waiting,
            running: book.running(waiting),
            running_before: state.books.running_before(),
            done: book.count(OutcomeLabel::Done),
            skipped: book.by_reason(OutcomeLabel::Skipped),
            failed: book.by_reason(OutcomeLabel::Failed),
            superseded: book.count(OutcomeLabel::Superseded),
            removed: book.count(OutcomeLabel::Removed),
            workers,
            idle_because,
            ..ListStatus::none(self.0.name)
        }
    }

    /// Numbers for the metrics.
    pub(crate) fn totals(&self) -> Totals {
        let state = self.lock();
        let status = self.0.work.status();
        Totals {
            waiting: status.queued,
            running: status.in_progress,
            ended: state.books.totals.clone(),
        }
    }

    /// The items that wait, and the texts that they refer to.
    pub(crate) fn waiting(&self) -> (u64, Vec<BlockWork<BlockHash, R>>, Arc<Names>) {
        let state = self.lock();
        (state.books.current.generation, self.0.work.snapshot(), state.books.current.names.clone())
    }

    /// What became of the last items.
    pub(crate) fn outcomes(&self, after: u64, limit: usize) -> Outcomes {
        self.lock().outcomes.after(after, limit)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An item that a worker holds. Dropping it unsettled, as a panic does, counts it as interrupted.
#[derive(Debug)]
pub(crate) struct Held<R: Request + Send + Sync + 'static> {
    list: WorkList<R>,
    pub(super) names: Arc<Names>,
    claim: Option<Claim<BlockHash, R>>,
}

impl<R: Request + Send + Sync + 'static> Held<R> {
    pub(super) fn hash(&self) -> BlockHash {
        self.claim().hash
    }

    pub(super) fn request(&self) -> R {
        self.claim().data
    }

    /// Notes what became of the item on one mount.
    pub(super) fn note(&self, locator: &str, mount: Option<&MountUuid>, ending: &Ending) {
        let record = Record {
            generation: self.claim().generation(),
            time: self.list.0.clock.now(),
            locator: locator.into(),
            mount: mount.cloned(),
            ending: ending.clone(),
        };
        self.list.lock().outcomes.push(record);
    }

    /// The item has ended.
    pub(super) fn settle(mut self, ending: &Ending) {
        self.end(ending);
    }

    fn end(&mut self, ending: &Ending) {
        if let Some(claim) = self.claim.take() {
            let mut state = self.list.lock();
            state.books.end(claim.generation(), ending);
            claim.finish();
        }
    }

    fn claim(&self) -> &Claim<BlockHash, R> {
        self.claim.as_ref().expect("held until settled")
    }
}

impl<R: Request + Send + Sync + 'static> Drop for Held<R> {
    fn drop(&mut self) {
        self.end(&Ending::Failed(Failed::Interrupted, None));
    }
}

#[cfg(test)]
mod tests;
