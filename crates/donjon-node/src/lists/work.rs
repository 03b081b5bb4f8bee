//! A work list with its books.
//!
//! Lock order: the state, then the work list. A list and its book are replaced under one lock of the state, and an item
//! is settled in its book and dropped from the work list under one lock, so every reading of the books is one instant.

mod held;
mod holding;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use block_work_list::{BlockWork, BlockWorkList, Closed};
use keep_protocol::list::{Names, Request};
use keep_protocol::status::{ListName, ListState, ListStatus, Outcome, Outcomes};
use keep_rules::BlockHash;
use list_store::StoredList;

use super::books::{Book, Books, Counts, OutcomeLabel, Speed};
use super::code::End;
use super::outcomes::OutcomeLog;
use super::pace::{Pace, Rates};
use super::progress::Progress;
use super::receipt::Receipt;
use crate::clock::Clock;

pub(crate) use held::Held;

/// What the work list holds for an item: the request, and its place in the list, by which its end is recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item<R> {
    pub(crate) request: R,
    pub(crate) index: u32,
}

/// An item with its hash.
pub(crate) type Work<R> = BlockWork<BlockHash, Item<R>>;

/// One of the node's work lists. A clone is another handle on the same list.
#[derive(Debug)]
pub(crate) struct WorkList<R>(Arc<Inner<R>>);

impl<R> Clone for WorkList<R> {
    fn clone(&self) -> Self {
        WorkList(self.0.clone())
    }
}

#[derive(Debug)]
struct Inner<R> {
    name: ListName,
    clock: Clock,
    work: BlockWorkList<BlockHash, Item<R>>,
    state: Mutex<State<R>>,
    /// One list is accepted at a time, so that ids and epochs grow in the order of the lists.
    accepting: tokio::sync::Mutex<()>,
    closed: tokio::sync::watch::Sender<bool>,
}

#[derive(Debug)]
struct State<R> {
    books: Books,
    outcomes: OutcomeLog,
    speed: Speed,
    pace: Pace,
    parked: Option<Parked<R>>,
    progress: Progress,
    /// The highest epoch so far.
    last_epoch: Option<u64>,
    /// Claims of an earlier generation of the work list are from before an absence.
    fresh_from: u64,
}

/// A list that no worker may have yet.
#[derive(Debug)]
struct Parked<R> {
    items: Vec<Work<R>>,
    hold: Hold,
}

/// Why a list is parked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// The guard is counting.
    Checking,
    /// The guard holds it: a sentence.
    Held(String),
}

/// A list that may become the current one.
#[derive(Debug)]
pub(crate) struct NewList<R> {
    pub(crate) receipt: Receipt,
    pub(crate) items: Vec<Work<R>>,
    pub(crate) names: Arc<Names>,
    /// What ended of it before a restart.
    pub(crate) ended: Counts,
    /// The list on the disk, if it is there.
    pub(crate) stored: Option<StoredList<End>>,
    /// Whether it waits for the guard first.
    pub(crate) hold: Option<Hold>,
}

/// Items that wait: a part of all that do.
#[derive(Debug)]
pub(crate) struct Waiting<R> {
    /// The list's id.
    pub(crate) id: u64,
    /// How many wait in all.
    pub(crate) of: u64,
    pub(crate) items: Vec<Work<R>>,
    /// The texts that they refer to.
    pub(crate) names: Arc<Names>,
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

/// The sender of a list was replaced by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "epoch {given} is below {last}, that of an earlier list: its sender was replaced by another"
)]
pub(crate) struct StaleEpoch {
    given: u64,
    last: u64,
}

/// A list cannot be released.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotReleased {
    /// It is not held.
    #[error("list {0} is not held")]
    NotHeld(u64),
    /// The digest is that of another list.
    #[error("list {id} has another digest; look at it again before you release it")]
    OtherDigest {
        /// The list.
        id: u64,
    },
    /// The node is shutting down.
    #[error(transparent)]
    Closed(#[from] ListClosed),
}

impl<R: Request + Send + Sync + 'static> WorkList<R> {
    /// No list yet.
    pub(crate) fn new(name: ListName, clock: Clock) -> WorkList<R> {
        let state = State {
            books: Books::new(name),
            outcomes: OutcomeLog::default(),
            speed: Speed::new(),
            pace: Pace::new(),
            parked: None,
            progress: Progress::default(),
            last_epoch: None,
            fresh_from: 0,
        };
        WorkList(Arc::new(Inner {
            name,
            clock,
            work: BlockWorkList::new(),
            state: Mutex::new(state),
            accepting: tokio::sync::Mutex::default(),
            closed: tokio::sync::watch::Sender::new(false),
        }))
    }

    /// Which list this is.
    pub(crate) fn name(&self) -> ListName {
        self.0.name
    }

    /// The turn to accept a list: held from the choice of its id until it is current.
    pub(crate) fn turn(&self) -> &tokio::sync::Mutex<()> {
        &self.0.accepting
    }

    /// The id of the current list; 0 if there was none.
    pub(crate) fn current_id(&self) -> u64 {
        self.lock().books.current.id()
    }

    /// Whether a list of this epoch may become the current one. A list without an epoch may always.
    pub(crate) fn check_epoch(&self, epoch: Option<u64>) -> Result<(), StaleEpoch> {
        match (epoch, self.lock().last_epoch) {
            (Some(given), Some(last)) if given < last => Err(StaleEpoch { given, last }),
            _newer_or_none => Ok(()),
        }
    }

    /// The highest epoch of lists before a restart.
    pub(crate) fn remember_epoch(&self, epoch: Option<u64>) {
        let mut state = self.lock();
        state.last_epoch = state.last_epoch.max(epoch);
    }

    /// Makes a list the current one. When this returns, no worker gets an item of the old one.
    pub(crate) fn replace(&self, list: NewList<R>) -> Result<(), ListClosed> {
        let NewList { receipt, items, names, ended, stored, hold } = list;
        let (now, parked) = match hold {
            None => (items, None),
            Some(hold) => (Vec::new(), Some(Parked { items, hold })),
        };
        let epoch = receipt.epoch;
        let book = Book { receipt: Some(Arc::new(receipt)), names, ended };
        let mut state = self.lock();
        let replaced = self.0.work.replace(now).map_err(|_closed| ListClosed)?;
        let old_parked = std::mem::replace(&mut state.parked, parked);
        let superseded =
            replaced.discarded.len() + old_parked.as_ref().map_or(0, |parked| parked.items.len());
        state.books.replace(book, replaced.generation, superseded as u64);
        state.last_epoch = state.last_epoch.max(epoch);
        let old_progress = std::mem::replace(&mut state.progress, Progress::of(stored));
        drop(state);
        // Millions of items are freed here, when nobody waits for the lock any more.
        drop((replaced.discarded, old_parked, old_progress));
        Ok(())
    }

    /// The guard has counted: the list of this id may run, or is held. Nothing happens if another list is current.
    pub(crate) fn checked(&self, id: u64, verdict: Result<(), String>) -> Result<(), ListClosed> {
        let mut state = self.lock();
        if state.books.current.id() != id {
            return Ok(());
        }
        match (verdict, &mut state.parked) {
            (Err(why), Some(parked)) => {
                parked.hold = Hold::Held(why);
                Ok(())
            }
            (Ok(()), Some(Parked { hold: Hold::Checking, .. })) => self.unpark(&mut state),
            // It is held for another reason.
            (Ok(()), Some(_)) | (_, None) => Ok(()),
        }
    }

    /// Whether the list of this id is the current one, and no worker may have it yet.
    pub(crate) fn is_parked(&self, id: u64) -> bool {
        let state = self.lock();
        state.books.current.id() == id && state.parked.is_some()
    }

    /// Whether [`WorkList::release`] would let the list through now.
    pub(crate) fn may_release(&self, id: u64, digest: &str) -> Result<(), NotReleased> {
        let state = self.lock();
        let receipt = state.books.current.receipt.as_ref().filter(|receipt| receipt.id == id);
        let receipt = receipt.ok_or(NotReleased::NotHeld(id))?;
        if receipt.digest.to_string() != digest {
            return Err(NotReleased::OtherDigest { id });
        }
        if state.parked.is_none() { Err(NotReleased::NotHeld(id)) } else { Ok(()) }
    }

    /// Lets a held list through.
    pub(crate) fn release(&self, id: u64, digest: &str) -> Result<(), NotReleased> {
        self.may_release(id, digest)?;
        let mut state = self.lock();
        if state.books.current.id() != id {
            return Err(NotReleased::NotHeld(id));
        }
        self.unpark(&mut state)?;
        Ok(())
    }

    fn unpark(&self, state: &mut State<R>) -> Result<(), ListClosed> {
        let Some(parked) = state.parked.take() else { return Ok(()) };
        // The generation of the work list goes on; the book owns every generation up to the next list.
        match self.0.work.replace(parked.items) {
            Ok(_nothing_was_queued) => Ok(()),
            Err(Closed(items)) => {
                state.parked = Some(Parked { items, ..parked });
                Err(ListClosed)
            }
        }
    }

    /// Takes everything that waits off the list. Says how many items that were.
    pub(crate) fn cancel(&self) -> Result<u64, ListClosed> {
        let mut state = self.lock();
        let replaced = self.0.work.replace(Vec::new()).map_err(|_closed| ListClosed)?;
        let parked = state.parked.take();
        let count = (replaced.discarded.len()
            + parked.as_ref().map_or(0, |parked| parked.items.len())) as u64;
        state.books.end_many(OutcomeLabel::Removed, count);
        drop(state);
        drop((parked, replaced.discarded));
        Ok(count)
    }

    /// Takes the items of a block off the list. Says how many there were.
    pub(crate) fn remove(&self, hash: BlockHash) -> u64 {
        let mut state = self.lock();
        let mut removed = self.0.work.remove(&hash);
        if let Some(parked) = &mut state.parked {
            let before = parked.items.len();
            parked.items.retain(|item| item.hash != hash);
            removed += before - parked.items.len();
        }
        if removed > 0 {
            state.books.end_many(OutcomeLabel::Removed, removed as u64);
        }
        removed as u64
    }

    /// How long a worker must wait before it begins an item. Zero: it may, and the item has been charged.
    pub(crate) fn begin(&self, rates: Rates) -> Duration {
        let now = self.0.clock.now();
        self.lock().pace.begin(rates, now)
    }

    /// An item that was begun moves these bytes.
    pub(crate) fn charge_bytes(&self, bytes: u64, rates: Rates) {
        let now = self.0.clock.now();
        self.lock().pace.charge_bytes(bytes, rates, now);
    }

    /// Claims the next item; `None` once the list is closed.
    ///
    /// # Cancel safety
    /// Dropping the future claims nothing.
    pub(crate) async fn next(&self) -> Option<Held<R>> {
        let claim = self.0.work.next().await?;
        let (id, names) = self.lock().books.of_claim(claim.generation());
        Some(Held::new(self.clone(), id, names, claim))
    }

    /// Ends the list: workers stop after what they hold. What waits is on the disk, if the list is durable, and goes on
    /// after the restart; the books of this process end with it waiting.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        let waiting = self.0.work.close();
        // They are counted as waiting until the end.
        let hold = Hold::Held("the node is shutting down".to_owned());
        match &mut state.parked {
            None => state.parked = Some(Parked { items: waiting, hold }),
            Some(parked) => parked.items.extend(waiting),
        }
        state.progress.write();
        drop(state);
        self.0.closed.send_replace(true);
    }

    /// Whether a list can still become the current one.
    pub(crate) fn is_open(&self) -> Result<(), ListClosed> {
        if *self.0.closed.borrow() { Err(ListClosed) } else { Ok(()) }
    }

    /// Returns when the list is closed.
    pub(crate) async fn closed(&self) {
        let mut closed = self.0.closed.subscribe();
        // An error means that the sender is gone, and the list with it.
        drop(closed.wait_for(|closed| *closed).await);
    }

    /// The receipt and the books of the current list.
    pub(crate) fn status(&self) -> ListStatus {
        let now = self.0.clock.now();
        let mut state = self.lock();
        let (waiting, hold) = self.waiting_of(&state);
        let ended_last_minute = state.speed.last_minute(now);
        let book = state.books.current.status(self.0.name, waiting);
        let eta_seconds = (hold.is_none() && waiting > 0 && ended_last_minute > 0)
            .then(|| waiting.saturating_mul(60) / ended_last_minute);
        let list_state = match hold {
            Some(Hold::Checking) => ListState::Checking,
            Some(Hold::Held(_)) => ListState::Held,
            None if waiting + book.running > 0 => ListState::Running,
            None => ListState::Idle,
        };
        let idle_because = match hold {
            Some(Hold::Checking) => Some("The guard is counting what the volumes hold.".to_owned()),
            Some(Hold::Held(why)) => Some(why),
            None => None,
        };
        let running_before = state.books.running_before();
        ListStatus {
            state: list_state,
            idle_because,
            running_before,
            ended_last_minute,
            eta_seconds,
            ..book
        }
    }

    fn waiting_of(&self, state: &State<R>) -> (u64, Option<Hold>) {
        let queued = self.0.work.status().queued;
        let parked = state.parked.as_ref();
        (
            queued + parked.map_or(0, |parked| parked.items.len() as u64),
            parked.map(|parked| parked.hold.clone()),
        )
    }

    /// A list by its id, if it is remembered.
    pub(crate) fn past(&self, id: u64) -> Option<ListStatus> {
        self.lock().books.past(id)
    }

    /// Every list that is over and remembered.
    pub(crate) fn all_past(&self) -> Vec<ListStatus> {
        self.lock().books.all_past()
    }

    /// What was over before a restart.
    pub(crate) fn remember_all(&self, past: Vec<ListStatus>) {
        self.lock().books.remember_all(past);
    }

    /// Numbers for the metrics.
    pub(crate) fn totals(&self) -> Totals {
        let state = self.lock();
        let (waiting, _hold) = self.waiting_of(&state);
        Totals {
            waiting,
            running: self.0.work.status().in_progress,
            ended: state.books.totals.clone(),
        }
    }

    /// A page of the items that wait.
    pub(crate) fn waiting(&self, offset: usize, limit: usize) -> Waiting<R> {
        self.look(
            |parked| parked.iter().skip(offset).take(limit).cloned().collect(),
            |work| work.snapshot_page(offset, limit),
        )
    }

    /// The items of a block that wait.
    pub(crate) fn find(&self, hash: BlockHash, limit: usize) -> Waiting<R> {
        self.look(
            |parked| parked.iter().filter(|item| item.hash == hash).take(limit).cloned().collect(),
            |work| work.find(&hash, limit),
        )
    }

    fn look(
        &self,
        in_parked: impl FnOnce(&[Work<R>]) -> Vec<Work<R>>,
        in_work: impl FnOnce(&BlockWorkList<BlockHash, Item<R>>) -> Vec<Work<R>>,
    ) -> Waiting<R> {
        let state = self.lock();
        let items = match &state.parked {
            Some(parked) => in_parked(&parked.items),
            None => in_work(&self.0.work),
        };
        let (of, _hold) = self.waiting_of(&state);
        Waiting {
            id: state.books.current.id(),
            of,
            items,
            names: state.books.current.names.clone(),
        }
    }

    /// The last outcomes of a block that were not "done", newest first.
    pub(crate) fn undone(&self, hash: BlockHash, most: usize) -> Vec<Outcome> {
        self.lock().outcomes.undone(hash, most)
    }

    /// What became of the last items.
    pub(crate) fn outcomes(&self, after: u64, limit: usize) -> Outcomes {
        self.lock().outcomes.after(after, limit)
    }

    /// Hands the progress that is not written yet to the system.
    pub(crate) fn write_progress(&self) {
        self.lock().progress.write();
    }

    /// The list of this id on the disk, for orders about it; `None` if it is not the current one or not durable.
    pub(crate) fn stored(&self, id: u64) -> Option<StoredList<End>> {
        let state = self.lock();
        if state.books.current.id() == id { state.progress.stored() } else { None }
    }

    fn lock(&self) -> MutexGuard<'_, State<R>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
