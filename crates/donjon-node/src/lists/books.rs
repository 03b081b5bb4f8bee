//! The books of a list: what became of its items. Plain counting, no locks.
//!
//! Invariant: received = waiting + running + done + skipped + failed + superseded + removed, for every list. `running`
//! is what the others leave over, so nothing can be counted twice or forgotten; a test adds it up from the claims.
//!
//! A book belongs to one list, by its id. The work list below counts generations of its own: a list that is released or
//! cancelled takes a new one. So a book owns every generation from its first to the first of the next book.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use keep_protocol::list::Names;
use keep_protocol::status::{ListName, ListState, ListStatus, OutcomeKind};
use keep_rules::Timestamp;

use super::Ending;
use super::receipt::Receipt;

/// How many items ended how: done, superseded and removed have the empty reason.
pub(crate) type Counts = BTreeMap<(OutcomeLabel, &'static str), u64>;

/// Lists that are remembered after another took their place.
const REMEMBERED: usize = 100;

/// The outcome in a metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OutcomeLabel {
    Done,
    Skipped,
    Failed,
    Superseded,
    Removed,
}

impl OutcomeLabel {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            OutcomeLabel::Done => "done",
            OutcomeLabel::Skipped => "skipped",
            OutcomeLabel::Failed => "failed",
            OutcomeLabel::Superseded => "superseded",
            OutcomeLabel::Removed => "removed",
        }
    }
}

impl From<OutcomeKind> for OutcomeLabel {
    fn from(kind: OutcomeKind) -> OutcomeLabel {
        match kind {
            OutcomeKind::Done => OutcomeLabel::Done,
            OutcomeKind::Skipped => OutcomeLabel::Skipped,
            OutcomeKind::Failed => OutcomeLabel::Failed,
        }
    }
}

/// One list.
#[derive(Clone, Debug)]
pub(super) struct Book {
    pub(super) receipt: Option<Arc<Receipt>>,
    pub(super) names: Arc<Names>,
    pub(super) ended: Counts,
}

impl Book {
    /// The book before the first list came.
    pub(super) fn none() -> Book {
        Book { receipt: None, names: Arc::default(), ended: Counts::new() }
    }

    /// The list's id; 0 before the first list.
    pub(super) fn id(&self) -> u64 {
        self.receipt.as_ref().map_or(0, |receipt| receipt.id)
    }

    fn received(&self) -> u64 {
        self.receipt.as_ref().map_or(0, |receipt| receipt.count)
    }

    /// Items that neither wait nor ended.
    pub(super) fn running(&self, waiting: u64) -> u64 {
        self.received() - waiting - self.ended.values().sum::<u64>()
    }

    fn count(&self, label: OutcomeLabel) -> u64 {
        self.ended.iter().filter(|((other, _), _)| *other == label).map(|(_, count)| count).sum()
    }

    fn by_reason(&self, label: OutcomeLabel) -> BTreeMap<String, u64> {
        let rows = self.ended.iter().filter(|((other, _), _)| *other == label);
        rows.map(|((_, reason), count)| ((*reason).to_owned(), *count)).collect()
    }

    /// The receipt and the books, without what only the list knows: its state, its workers, its speed.
    pub(super) fn status(&self, list: ListName, waiting: u64) -> ListStatus {
        let receipt = self.receipt.as_deref();
        ListStatus {
            generation: self.id(),
            received_at_ns: receipt.map(|receipt| receipt.received_at.as_nanos()),
            digest: receipt.map(|receipt| receipt.digest.to_string()),
            source: receipt.map(|receipt| receipt.source.clone()),
            epoch: receipt.and_then(|receipt| receipt.epoch),
            durable: receipt.is_some_and(|receipt| receipt.durable),
            received: self.received(),
            waiting,
            running: self.running(waiting),
            done: self.count(OutcomeLabel::Done),
            skipped: self.by_reason(OutcomeLabel::Skipped),
            failed: self.by_reason(OutcomeLabel::Failed),
            superseded: self.count(OutcomeLabel::Superseded),
            removed: self.count(OutcomeLabel::Removed),
            ..ListStatus::none(list)
        }
    }
}

/// All lists of one name: the current one, those before it of which items are still being worked on, the last hundred
/// that are over, and the sum since the node's start.
#[derive(Debug)]
pub(super) struct Books {
    name: ListName,
    pub(super) current: Book,
    /// The generation of the work list with which the current book began.
    first_generation: u64,
    /// Earlier books with items in progress, by their first generation.
    older: BTreeMap<u64, Book>,
    /// What is over, oldest first.
    past: VecDeque<ListStatus>,
    pub(super) totals: Counts,
}

impl Books {
    pub(super) fn new(name: ListName) -> Books {
        Books {
            name,
            current: Book::none(),
            first_generation: 0,
            older: BTreeMap::new(),
            past: VecDeque::new(),
            totals: Counts::new(),
        }
    }

    /// A new list is current; `superseded` items of the old one were not claimed. What ended of the new one before a
    /// restart is not counted in the totals again.
    pub(super) fn replace(&mut self, new: Book, generation: u64, superseded: u64) {
        self.end_many(OutcomeLabel::Superseded, superseded);
        let old = std::mem::replace(&mut self.current, new);
        let first = std::mem::replace(&mut self.first_generation, generation);
        if old.running(0) > 0 {
            self.older.insert(first, old);
        } else {
            self.remember(old);
        }
    }

    /// The texts that items of that generation refer to, and the id of their list.
    pub(super) fn of_claim(&self, generation: u64) -> (u64, Arc<Names>) {
        let book = self.book(generation);
        (book.id(), book.names.clone())
    }

    /// A claimed item ended.
    pub(super) fn end(&mut self, generation: u64, label: OutcomeLabel, reason: &'static str) {
        *self.totals.entry((label, reason)).or_default() += 1;
        if generation >= self.first_generation {
            *self.current.ended.entry((label, reason)).or_default() += 1;
            return;
        }
        let (first, book) = self
            .older
            .range_mut(..=generation)
            .next_back()
            .expect("a list with a claim has a book");
        *book.ended.entry((label, reason)).or_default() += 1;
        if book.running(0) == 0 {
            let first = *first;
            let over = self.older.remove(&first).expect("found above");
            self.remember(over);
        }
    }

    /// Items of the current list ended that no worker had claimed.
    pub(super) fn end_many(&mut self, label: OutcomeLabel, count: u64) {
        if count > 0 {
            *self.totals.entry((label, "")).or_default() += count;
            *self.current.ended.entry((label, "")).or_default() += count;
        }
    }

    /// Items of earlier lists that are still being worked on.
    pub(super) fn running_before(&self) -> u64 {
        self.older.values().map(|book| book.running(0)).sum()
    }

    /// A list that is not the current one.
    pub(super) fn past(&self, id: u64) -> Option<ListStatus> {
        let working = self.older.values().find(|book| book.id() == id);
        let past = || self.past.iter().find(|status| status.generation == id).cloned();
        working.map(|book| superseded(book.status(self.name, 0))).or_else(past)
    }

    /// Every list but the current one, oldest first, to be kept over a restart. Items in progress count as such: whoever
    /// reads it after a crash sees that they had not ended.
    pub(super) fn all_past(&self) -> Vec<ListStatus> {
        let working = self.older.values().map(|book| superseded(book.status(self.name, 0)));
        self.past.iter().cloned().chain(working).collect()
    }

    /// What was over before a restart.
    pub(super) fn remember_all(&mut self, past: Vec<ListStatus>) {
        self.past = past.into();
    }

    fn book(&self, generation: u64) -> &Book {
        if generation >= self.first_generation {
            return &self.current;
        }
        let found = self.older.range(..=generation).next_back();
        found.map(|(_, book)| book).expect("a list with a claim has a book")
    }

    fn remember(&mut self, book: Book) {
        if book.receipt.is_none() {
            return;
        }
        if self.past.len() == REMEMBERED {
            self.past.pop_front();
        }
        self.past.push_back(superseded(book.status(self.name, 0)));
    }
}

fn superseded(status: ListStatus) -> ListStatus {
    ListStatus { state: ListState::Superseded, ..status }
}

impl Books {
    /// How an item ended.
    pub(super) fn end_claim(&mut self, generation: u64, ending: &Ending) {
        self.end(generation, ending.kind().into(), ending.reason());
    }
}

/// When items ended, to know the speed of the last minute. Sixty counters of a second each.
#[derive(Clone, Debug)]
pub(super) struct Speed {
    seconds: [u64; 60],
    latest: i64,
}

impl Speed {
    pub(super) fn new() -> Speed {
        Speed { seconds: [0; 60], latest: 0 }
    }

    pub(super) fn count(&mut self, now: Timestamp) {
        self.forget(now);
        self.seconds[slot(now.as_seconds())] += 1;
    }

    /// Items that ended in the minute before `now`.
    pub(super) fn last_minute(&mut self, now: Timestamp) -> u64 {
        self.forget(now);
        self.seconds.iter().sum()
    }

    fn forget(&mut self, now: Timestamp) {
        let second = now.as_seconds();
        let passed = second.saturating_sub(self.latest).clamp(0, 60);
        for age in 0..passed {
            self.seconds[slot(second - age)] = 0;
        }
        self.latest = self.latest.max(second);
    }
}

fn slot(second: i64) -> usize {
    usize::try_from(second.rem_euclid(60)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_is_that_of_the_last_minute() {
        let mut speed = Speed::new();
        let at = |second: i64| Timestamp::from_seconds(1_800_000_000 + second);
        (0..30).for_each(|second| speed.count(at(second)));
        assert_eq!(speed.last_minute(at(30)), 30);
        assert_eq!(speed.last_minute(at(69)), 20);
        assert_eq!(speed.last_minute(at(500)), 0);
        speed.count(at(400));
        assert_eq!(speed.last_minute(at(500)), 1, "a clock that went back breaks nothing");
    }
}
