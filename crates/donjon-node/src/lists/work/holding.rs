//! A list that is being worked off is held.

use keep_protocol::list::Request;

use super::{Hold, Parked, WorkList};

impl<R: Request + Send + Sync + 'static> WorkList<R> {
    /// Holds what waits of the list of this id. False if another list is current, or it is held already.
    pub(crate) fn hold(&self, id: u64, why: String) -> bool {
        let mut state = self.lock();
        if state.books.current.id() != id || state.parked.is_some() {
            return false;
        }
        let Ok(replaced) = self.0.work.replace(Vec::new()) else { return false };
        state.parked = Some(Parked { items: replaced.discarded, hold: Hold::Held(why) });
        true
    }

    /// The node was away: what was claimed so far, of any list, is from before an absence, and what is left of the current
    /// list is held, also if the guard is still counting. The list's id; `None` if it is held for another reason, or
    /// nothing is left of it.
    pub(crate) fn hold_after_absence(&self, why: &str) -> Option<u64> {
        let mut state = self.lock();
        let id = state.books.current.id();
        let Ok(replaced) = self.0.work.replace(Vec::new()) else {
            // Closed: nothing more is claimed. What is left is on the disk for the next start.
            state.fresh_from = u64::MAX;
            let waiting = state.parked.as_ref().map_or(0, |parked| parked.items.len() as u64);
            return (waiting + state.books.current.running(waiting) > 0).then_some(id);
        };
        state.fresh_from = replaced.generation;
        let hold = Hold::Held(why.to_owned());
        match &mut state.parked {
            Some(Parked { hold: Hold::Held(_), .. }) => None,
            Some(parked) => {
                parked.hold = hold;
                Some(id)
            }
            None => {
                let items = replaced.discarded;
                // What workers hold of it comes back.
                let left = items.len() as u64 + state.books.current.running(items.len() as u64);
                if left > 0 {
                    state.parked = Some(Parked { items, hold });
                }
                (left > 0).then_some(id)
            }
        }
    }
}
