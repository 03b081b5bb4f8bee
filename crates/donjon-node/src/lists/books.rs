//! The books of a list: what became of its items. Plain counting, no locks.
//!
//! Invariant: received = waiting + running + done + skipped + failed + superseded + removed, for every list. `running`
//! is what the others leave over, so nothing can be counted twice or forgotten; a test adds it up from the claims.

use std::collections::BTreeMap;
use std::sync::Arc;

use keep_protocol::list::Names;
use keep_protocol::status::OutcomeKind;
use keep_rules::Timestamp;

use super::Ending;

/// How many items ended how: done has the empty reason.
pub(crate) type Counts = BTreeMap<(OutcomeLabel, &'static str), u64>;

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
    pub(super) generation: u64,
    pub(super) received_at: Option<Timestamp>,
    pub(super) received: u64,
    pub(super) names: Arc<Names>,
    pub(super) ended: Counts,
}

impl Book {
    /// The book before the first list came.
    pub(super) fn none() -> Book {
        Book {
            generation: 0,
            received_at: None,
            received: 0,
            names: Arc::default(),
            ended: Counts::new(),
        }
    }

    /// Items that neither wait nor ended.
    pub(super) fn running(&self, waiting: u64) -> u64 {
        self.received - waiting - self.ended.values().sum::<u64>()
    }

    pub(super) fn count(&self, label: OutcomeLabel) -> u64 {
        self.ended.iter().filter(|((other, _), _)| *other == label).map(|(_, count)| count).sum()
    }

    /// Counts by reason.
    pub(super) fn by_reason(&self, label: OutcomeLabel) -> BTreeMap<String, u64> {
        let rows = self.ended.iter().filter(|((other, _), _)| *other == label);
        rows.map(|((_, reason), count)| ((*reason).to_owned(), *count)).collect()
    }
}

/// All lists of one name since the node's start: the current one, those before it of which items are still being worked
/// on, and the sum.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) current: Book,
    older: BTreeMap<u64, Book>,
    pub(super) totals: Counts,
}

impl Books {
    pub(super) fn new() -> Books {
        Books { current: Book::none(), older: BTreeMap::new(), totals: Counts::new() }
    }

    /// A new list is current; `superseded` items of the old one were not claimed.
    pub(super) fn replace(&mut self, new: Book, superseded: u64) {
        self.add(self.current.generation, OutcomeLabel::Superseded, "", superseded);
        let old = std::mem::replace(&mut self.current, new);
        if old.running(0) > 0 {
            self.older.insert(old.generation, old);
        }
    }

    /// The texts that items of that list refer to.
    pub(super) fn names(&self, generation: u64) -> Arc<Names> {
        let book = if generation == self.current.generation {
            Some(&self.current)
        } else {
            self.older.get(&generation)
        };
        book.map(|book| book.names.clone()).expect("a list with a claim has a book")
    }

    /// An item ended.
    pub(super) fn end(&mut self, generation: u64, ending: &Ending) {
        self.add(generation, ending.kind().into(), ending.reason(), 1);
        if self.older.get(&generation).is_some_and(|book| book.running(0) == 0) {
            self.older.remove(&generation);
        }
    }

    /// Items of earlier lists that are still being worked on.
    pub(super) fn running_before(&self) -> u64 {
        self.older.values().map(|book| book.running(0)).sum()
    }

    fn add(&mut self, generation: u64, label: OutcomeLabel, reason: &'static str, count: u64) {
        if count == 0 {
            return;
        }
        let book = if generation == self.current.generation {
            &mut self.current
        } else {
            self.older.get_mut(&generation).expect("a list with a claim has a book")
        };
        *book.ended.entry((label, reason)).or_default() += count;
        *self.totals.entry((label, reason)).or_default() += count;
    }
}
