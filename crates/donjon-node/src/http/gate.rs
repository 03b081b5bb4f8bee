//! How many requests run at once, and who waits (spec section 2.1, layer 8).
//!
//! The state is a plain machine behind one lock, which is never held while waiting. A place is handed from the request
//! that leaves to the request that has waited longest, so nobody can slip in between.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// The limits of a [`Gate`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct GateLimits {
    /// Requests that run at once; `None`: any number.
    pub running: Option<NonZeroUsize>,
    /// Requests that wait at most.
    pub queued: usize,
}

/// Who goes first. Among equals, who came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    /// A request without an `Origin` header.
    Normal,
    /// A request that a browser made: it carries a non-empty `Origin` header.
    High,
    /// A request that has run already and lent its place while its client kept it waiting. Never turned away.
    Resumed,
}

/// The queue is full and everybody in it goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many requests are waiting")]
pub(crate) struct Overflow;

/// What the gate is doing at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GateStats {
    /// Requests that run.
    pub running: usize,
    /// Requests that wait with [`Priority::Normal`].
    pub queued_normal: usize,
    /// Requests that wait with [`Priority::High`] or [`Priority::Resumed`].
    pub queued_high: usize,
    /// Requests that have lent their place because their client keeps them waiting.
    pub lent: usize,
}

/// Lets a limited number of requests run. A clone is another handle on the same gate.
#[derive(Clone, Debug)]
pub(crate) struct Gate(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: GateLimits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    lent: usize,
    next_ticket: u64,
    /// Key order is the order of service: first the rank, then the ticket.
    waiting: BTreeMap<(Rank, u64), oneshot::Sender<Place>>,
}

type Rank = std::cmp::Reverse<Priority>;

/// A place that is held. Dropping it unclaimed passes it on, so a waiter that goes away after it was called loses none.
#[derive(Debug)]
struct Place(Option<Gate>);

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(gate) = self.0.take() {
            gate.leave();
        }
    }
}

impl Gate {
    /// A gate with nobody inside.
    pub(crate) fn new(limits: GateLimits) -> Gate {
        Gate(Arc::new(Shared { limits, state: Mutex::default() }))
    }

    /// Waits for a place.
    ///
    /// # Errors
    /// [`Overflow`] if the queue is full of requests that go first, at once or later, when such a request comes.
    ///
    /// # Cancel safety
    /// Dropping the future gives up the place in the queue and loses nothing.
    pub(crate) async fn enter(&self, priority: Priority) -> Result<Permit, Overflow> {
        let mut ticket = self.queue_up(priority)?;
        let place = (&mut ticket.called).await.map_err(|_bumped| Overflow)?;
        Ok(Permit { place: Some(place), gate: self.clone() })
    }

    /// What is going on.
    pub(crate) fn stats(&self) -> GateStats {
        let state = self.lock();
        let count = |wanted: fn(Priority) -> bool| {
            state.waiting.keys().filter(|key| wanted(key.0.0)).count()
        };
        GateStats {
            running: state.running,
            queued_normal: count(|priority| priority == Priority::Normal),
            queued_high: count(|priority| priority > Priority::Normal),
            lent: state.lent,
        }
    }

    /// The limits it was made with.
    pub(crate) fn limits(&self) -> GateLimits {
        self.0.limits
    }

    fn queue_up(&self, priority: Priority) -> Result<Ticket, Overflow> {
        let (call, called) = oneshot::channel();
        let mut state = self.lock();
        let key = (std::cmp::Reverse(priority), state.next_ticket);
        state.next_ticket += 1;
        if self.0.limits.running.is_none_or(|limit| state.running < limit.get()) {
            state.running += 1;
            drop(state);
            // The receiver is alive: it is returned below.
            drop(call.send(Place(Some(self.clone()))));
            return Ok(Ticket { called, key, gate: self.clone() });
        }
        state.waiting.insert(key, call);
        let bumped = state.bump(self.0.limits.queued);
        drop(state);
        match bumped {
            Some((bumped_key, _its_sender_is_dropped)) if bumped_key == key => Err(Overflow),
            _somebody_else_or_nobody => Ok(Ticket { called, key, gate: self.clone() }),
        }
    }

    /// Gives the caller's place to the first in the queue, or frees it.
    fn leave(&self) {
        loop {
            let mut state = self.lock();
            let Some((_key, call)) = state.waiting.pop_first() else {
                state.running -= 1;
                return;
            };
            drop(state);
            let Err(refused) = call.send(Place(Some(self.clone()))) else { return };
            // That waiter is gone: disarm the place, and offer it to the next.
            let mut refused = refused;
            refused.0 = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes out the last in the queue if it is longer than `limit`. Resumed requests do not count.
    fn bump(&mut self, limit: usize) -> Option<((Rank, u64), oneshot::Sender<Place>)> {
        let newcomers = self.waiting.keys().filter(|key| key.0.0 != Priority::Resumed).count();
        if newcomers > limit { self.waiting.pop_last() } else { None }
    }
}

/// A place in the queue. Dropping it leaves the queue.
struct Ticket {
    called: oneshot::Receiver<Place>,
    key: (Rank, u64),
    gate: Gate,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let gone = self.gate.lock().waiting.remove(&self.key);
        drop(gone);
    }
}

/// The right to run. Dropping it lets the next request in.
#[derive(Debug)]
pub(crate) struct Permit {
    place: Option<Place>,
    gate: Gate,
}

impl Permit {
    /// Lets another request run while this one waits for its client. Does nothing if that was done before.
    pub(crate) fn lend(&mut self) {
        if let Some(place) = self.place.take() {
            self.gate.lock().lent += 1;
            drop(place);
        }
    }

    /// Waits until this request may run again. Returns at once if it did not lend its place.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the place lent.
    pub(crate) async fn take_back(&mut self) {
        if self.place.is_some() {
            return;
        }
        let mut ticket =
            self.gate.queue_up(Priority::Resumed).expect("resumed requests are not turned away");
        let place = (&mut ticket.called).await.expect("resumed requests are not turned away");
        self.gate.lock().lent -= 1;
        self.place = Some(place);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.place.is_none() {
            self.gate.lock().lent -= 1;
        }
    }
}

#[cfg(test)]
mod tests;
