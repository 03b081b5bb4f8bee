//! What a node promised, and when the absence of a block is a fault. Pure: time is an argument.
//!
//! The one rule: **an acknowledged block may be absent only if somebody condemned a replica that may be the
//! acknowledged one, and that replica was old enough to be trashed.** A `PUT`, `TOUCH` or untrash that was sent at `s`
//! and answered 200 leaves a replica whose mtime is not before `s`. A trash item takes away only a replica with exactly
//! its mtime `m`, and not before `m + TTL`. So the block may be gone at `now` only if some item has `m ≥ s`, and
//! `s + TTL ≤ now`. Blocks that were never on a list, items whose mtime is not that of a replica, and items from before
//! a touch never excuse anything.

use std::collections::HashMap;
use std::time::Duration;

/// Nanoseconds since 1970.
pub type Nanos = i64;

/// What is known of one block.
#[derive(Clone, Debug, Default)]
struct Page {
    /// When the last acknowledged request was sent that stored or refreshed a replica.
    promised_at: Option<Nanos>,
    /// The latest mtime of a replica that somebody asked to trash.
    condemned: Option<Nanos>,
}

/// What was promised about every block, and what was condemned.
#[derive(Clone, Debug)]
pub struct Books {
    ttl: Nanos,
    pages: HashMap<String, Page>,
}

/// What a node's answer "not found" means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// The block was never acknowledged.
    NeverPromised,
    /// A list or a request took it away, and was allowed to.
    Trashed,
    /// An acknowledged block is lost.
    Lost {
        /// When the request was sent that promised it.
        promised_at: Nanos,
        /// The latest mtime that was condemned, if any.
        condemned: Option<Nanos>,
    },
}

impl Books {
    /// Empty books of a cluster with this signature TTL.
    pub fn new(ttl: Duration) -> Self {
        let ttl = Nanos::try_from(ttl.as_nanos()).expect("a TTL of less than 292 years");
        Self { ttl, pages: HashMap::new() }
    }

    /// The node answered 200 to a request, sent at `sent`, that stores or refreshes this block.
    pub fn promise(&mut self, hash: &str, sent: Nanos) {
        let page = self.page(hash);
        page.promised_at = page.promised_at.max(Some(sent));
    }

    /// A trash item names this block with the mtime of one of its replicas. Must be noted before the list is sent.
    pub fn condemn(&mut self, hash: &str, mtime: Nanos) {
        let page = self.page(hash);
        page.condemned = page.condemned.max(Some(mtime));
    }

    /// A `DELETE` of this block ended, answered or not, at `ended`.
    pub fn deleted(&mut self, hash: &str, ended: Nanos) {
        self.condemn(hash, ended - self.ttl);
    }

    /// What it means that the block is absent at `now`.
    pub fn judge_absence(&self, hash: &str, now: Nanos) -> Absence {
        let Some(Page { promised_at: Some(promised_at), condemned }) =
            self.pages.get(hash).cloned()
        else {
            return Absence::NeverPromised;
        };
        let excused =
            condemned.is_some_and(|mtime| promised_at <= mtime && promised_at + self.ttl <= now);
        if excused { Absence::Trashed } else { Absence::Lost { promised_at, condemned } }
    }

    /// Whether the node ever acknowledged this block.
    pub fn was_promised(&self, hash: &str) -> bool {
        self.pages.get(hash).is_some_and(|page| page.promised_at.is_some())
    }

    fn page(&mut self, hash: &str) -> &mut Page {
        self.pages.entry(hash.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_nanos(100);

    #[track_caller]
    fn check(write: impl FnOnce(&mut Books), now: Nanos, expected: Absence) {
        let mut books = Books::new(TTL);
        write(&mut books);
        assert_eq!(books.judge_absence("block", now), expected);
    }

    fn lost(promised_at: Nanos, condemned: Option<Nanos>) -> Absence {
        Absence::Lost { promised_at, condemned }
    }

    #[test]
    fn a_block_that_was_never_acknowledged_may_be_absent() {
        check(|books| books.condemn("block", 5), 1000, Absence::NeverPromised);
    }

    #[test]
    fn an_acknowledged_block_on_no_list_must_stay_for_ever() {
        check(|books| books.promise("block", 10), 1_000_000, lost(10, None));
    }

    #[test]
    fn an_old_block_may_be_trashed_by_its_mtime() {
        let write = |books: &mut Books| {
            books.promise("block", 10);
            books.condemn("block", 12);
        };
        check(write, 200, Absence::Trashed);
    }

    #[test]
    fn a_young_block_must_stay_also_when_it_is_on_a_list() {
        let write = |books: &mut Books| {
            books.promise("block", 10);
            books.condemn("block", 12);
        };
        check(write, 109, lost(10, Some(12)));
    }

    #[test]
    fn an_item_from_before_a_touch_excuses_nothing() {
        let write = |books: &mut Books| {
            books.promise("block", 10);
            books.condemn("block", 12);
            books.promise("block", 150);
        };
        check(write, 1000, lost(150, Some(12)));
    }

    #[test]
    fn an_item_of_one_replica_does_not_excuse_the_loss_of_a_later_one() {
        let write = |books: &mut Books| {
            books.condemn("block", 5);
            books.promise("block", 10);
        };
        check(write, 1000, lost(10, Some(5)));
    }

    #[test]
    fn a_delete_may_take_only_what_was_old_when_it_ended() {
        let young = |books: &mut Books| {
            books.promise("block", 10);
            books.deleted("block", 109);
        };
        check(young, 1000, lost(10, Some(9)));
        let old = |books: &mut Books| {
            books.promise("block", 10);
            books.deleted("block", 110);
        };
        check(old, 1000, Absence::Trashed);
    }

    #[test]
    fn promises_do_not_go_back_in_time() {
        let write = |books: &mut Books| {
            books.promise("block", 50);
            books.promise("block", 10);
            books.condemn("block", 20);
        };
        check(write, 1000, lost(50, Some(20)));
    }
}
