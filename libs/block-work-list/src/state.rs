//! The rules of a list: a plain state machine that knows no locks, no threads and no waiting.
//!
//! Each method is one step, run with the list's lock held. None of them runs foreign code except `remove` and `find`
//! (`==` of the hash), and `snapshot_into`, `page_into` and `find` (`clone`); those leave the state as it was if that code panics. Whatever is to be dropped
//! is handed out, so that it is dropped after the lock is released.

use crate::queue::Queue;
use crate::{BlockWork, Closed, Status};

pub(crate) struct State<H, T> {
    generation: u64,
    gate: Gate,
    /// Items nobody has claimed. Replaced as a whole; never holds a claimed item. Empty once closed.
    queue: Queue<BlockWork<H, T>>,
    received: u64,
    /// Claims ever made. In progress are those that were neither handed in (below) nor finished.
    claimed: u64,
    /// Claims given back in time, and claims given back too late.
    returned: u64,
    late: u64,
    superseded: u64,
    removed: u64,
    /// How many callers wait for the list to become idle.
    idle_watchers: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Gate {
    Open,
    Closed,
}

/// What `replace` did.
pub(crate) struct Installed<H, T> {
    pub(crate) generation: u64,
    pub(crate) discarded: Queue<BlockWork<H, T>>,
}

/// Why there is nothing to claim.
pub(crate) enum Nothing<H, T> {
    /// Nothing is queued. The worker frees the buffers of the drained list, so that an idle list holds no memory.
    Empty {
        spent: Queue<BlockWork<H, T>>,
    },
    Closed,
}

/// What waiters may have to be told after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct News {
    pub(crate) queued: usize,
    pub(crate) idle: bool,
}

impl<H, T> State<H, T> {
    pub(crate) fn new() -> Self {
        State {
            generation: 0,
            gate: Gate::Open,
            queue: Queue::new(),
            received: 0,
            claimed: 0,
            returned: 0,
            late: 0,
            superseded: 0,
            removed: 0,
            idle_watchers: 0,
        }
    }

    /// The new list takes the place of the old one. Constant time.
    pub(crate) fn replace(
        &mut self,
        items: Vec<BlockWork<H, T>>,
    ) -> Result<Installed<H, T>, Closed<H, T>> {
        if self.is_closed() {
            return Err(Closed(items));
        }
        self.generation += 1;
        self.received += items.len() as u64;
        let discarded = std::mem::replace(&mut self.queue, Queue::from(items));
        self.superseded += discarded.len() as u64;
        Ok(Installed { generation: self.generation, discarded })
    }

    /// Takes the next item off the list; the caller makes a claim of it.
    #[inline]
    pub(crate) fn claim(&mut self) -> Option<BlockWork<H, T>> {
        let item = self.queue.pop()?;
        self.claimed += 1;
        Some(item)
    }

    /// What to tell a worker for whom there was no item.
    pub(crate) fn nothing(&mut self) -> Nothing<H, T> {
        match self.gate {
            Gate::Open => {
                Nothing::Empty { spent: std::mem::replace(&mut self.queue, Queue::new()) }
            }
            Gate::Closed => Nothing::Closed,
        }
    }

    /// An item comes back: to the end of its own list, or to the caller if that list is no longer the current one.
    pub(crate) fn give_back(
        &mut self,
        generation: u64,
        item: BlockWork<H, T>,
    ) -> Result<(), BlockWork<H, T>> {
        if self.is_current(generation) {
            self.returned += 1;
            self.queue.push(item);
            Ok(())
        } else {
            self.late += 1;
            self.superseded += 1;
            Err(item)
        }
    }

    pub(crate) fn remove(&mut self, hash: &H) -> Vec<BlockWork<H, T>>
    where
        H: Eq,
    {
        let removed = self.queue.remove(|item| item.hash == *hash);
        self.removed += removed.len() as u64;
        removed
    }

    /// Closes the list, and hands out what was left of it: nothing if it was closed already.
    pub(crate) fn close(&mut self) -> Queue<BlockWork<H, T>> {
        self.gate = Gate::Closed;
        let discarded = std::mem::replace(&mut self.queue, Queue::new());
        self.superseded += discarded.len() as u64;
        discarded
    }

    /// Copies what is queued into a vector that has room for it, or says how much room it takes.
    pub(crate) fn snapshot_into(&self, room: &mut Vec<BlockWork<H, T>>) -> Result<(), usize>
    where
        H: Clone,
        T: Clone,
    {
        if room.capacity() < self.queue.len() {
            return Err(self.queue.len());
        }
        room.extend(self.queue.iter().cloned());
        Ok(())
    }

    /// Copies `limit` items from `offset` on, or as many as there are.
    pub(crate) fn page_into(&self, room: &mut Vec<BlockWork<H, T>>, offset: usize, limit: usize)
    where
        H: Clone,
        T: Clone,
    {
        room.extend(self.queue.iter().skip(offset).take(limit).cloned());
    }

    pub(crate) fn find(&self, hash: &H, limit: usize) -> Vec<BlockWork<H, T>>
    where
        H: Clone + Eq,
        T: Clone,
    {
        self.queue.iter().filter(|item| item.hash == *hash).take(limit).cloned().collect()
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) fn queued(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.gate == Gate::Closed
    }

    pub(crate) fn is_current(&self, generation: u64) -> bool {
        self.generation == generation && !self.is_closed()
    }

    pub(crate) fn news(&self, finished: u64) -> News {
        let queued = self.queue.len();
        News { queued, idle: queued == 0 && self.in_progress(finished) == 0 }
    }

    pub(crate) fn status(&self, finished: u64) -> Status {
        Status {
            generation: self.generation,
            received: self.received,
            queued: self.queue.len() as u64,
            in_progress: self.in_progress(finished),
            done: finished,
            superseded: self.superseded,
            removed: self.removed,
            returned: self.returned,
            closed: self.is_closed(),
        }
    }

    /// Counts one more caller that waits for idleness; says whether it is the first.
    pub(crate) fn add_idle_watcher(&mut self) -> bool {
        self.idle_watchers += 1;
        self.idle_watchers == 1
    }

    /// Counts one caller less; says whether it was the last.
    pub(crate) fn remove_idle_watcher(&mut self) -> bool {
        self.idle_watchers -= 1;
        self.idle_watchers == 0
    }

    /// Claims are made and given back under the lock, so while it is held only `finished` can rise.
    fn in_progress(&self, finished: u64) -> u64 {
        self.claimed - self.returned - self.late - finished
    }
}
