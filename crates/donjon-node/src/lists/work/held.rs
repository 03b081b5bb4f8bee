//! An item in a worker's hands.

use std::sync::Arc;

use block_work_list::Claim;
use keep_protocol::list::{Names, Request};
use keep_rules::{BlockHash, MountUuid};

use super::{Item, WorkList};
use crate::lists::books::OutcomeLabel;
use crate::lists::outcomes::Record;
use crate::lists::{Ending, Failed};

/// An item that a worker holds. Dropping it unsettled, as a panic does, counts it as interrupted.
#[derive(Debug)]
pub(crate) struct Held<R: Request + Send + Sync + 'static> {
    list: WorkList<R>,
    id: u64,
    pub(in crate::lists) names: Arc<Names>,
    claim: Option<Claim<BlockHash, Item<R>>>,
}

impl<R: Request + Send + Sync + 'static> Held<R> {
    pub(super) fn new(
        list: WorkList<R>,
        id: u64,
        names: Arc<Names>,
        claim: Claim<BlockHash, Item<R>>,
    ) -> Held<R> {
        Held { list, id, names, claim: Some(claim) }
    }

    pub(in crate::lists) fn hash(&self) -> BlockHash {
        self.claim().hash
    }

    pub(in crate::lists) fn request(&self) -> R {
        self.claim().data.request
    }

    /// The id of its list.
    pub(in crate::lists) fn list_id(&self) -> u64 {
        self.id
    }

    /// Notes what became of the item on one mount.
    pub(in crate::lists) fn note(&self, locator: &str, mount: Option<&MountUuid>, ending: &Ending) {
        let record = Record {
            generation: self.id,
            time: self.list.0.clock.now(),
            locator: locator.into(),
            mount: mount.cloned(),
            ending: ending.clone(),
        };
        self.list.lock().outcomes.push(record);
    }

    /// The item has ended.
    pub(in crate::lists) fn settle(mut self, ending: &Ending) {
        self.end(ending);
    }

    /// Whether it was claimed before an absence of the node: then it is not to be acted on any more.
    pub(in crate::lists) fn is_from_before_an_absence(&self) -> bool {
        self.claim().generation() < self.list.lock().fresh_from
    }

    /// The item goes back to the list it came from, also if that is held now; if another took its place, it is superseded.
    pub(in crate::lists) fn give_back(mut self) {
        let Some(claim) = self.claim.take() else { return };
        let mut state = self.list.lock();
        let generation = claim.generation();
        let Err(item) = claim.give_back() else { return };
        let of_current = state.books.current.id() == self.id;
        match state.parked.as_mut().filter(|_| of_current) {
            Some(parked) => parked.items.push(item),
            None => state.books.end(generation, OutcomeLabel::Superseded, ""),
        }
    }

    fn end(&mut self, ending: &Ending) {
        if let Some(claim) = self.claim.take() {
            let now = self.list.0.clock.now();
            let mut state = self.list.lock();
            state.books.end_claim(claim.generation(), ending);
            state.speed.count(now);
            // An item of an earlier list has no place on the disk any more.
            if state.books.current.id() == self.id {
                state.progress.ended(claim.data.index, ending);
            }
            claim.finish();
        }
    }

    fn claim(&self) -> &Claim<BlockHash, Item<R>> {
        self.claim.as_ref().expect("held until settled")
    }
}

impl<R: Request + Send + Sync + 'static> Drop for Held<R> {
    fn drop(&mut self) {
        self.end(&Ending::Failed(Failed::Interrupted, None));
    }
}
