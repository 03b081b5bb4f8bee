//! The handle, and what its owner does with a list. Workers' side: `next.rs`; waiting for a state: `wait.rs`.

use std::fmt;

use crate::shared::Shared;
use crate::state::State;
use crate::sync::Arc;
use crate::{BlockWork, Closed, Status};

/// A list of work that can be replaced at any time. The note's *BlockWorkList*.
///
/// A clone is another handle on the same list. Handles may be used from any number of threads and tasks at once;
/// blocking and async callers mix. Every method is one instant: it is as if all calls had been made one after another.
///
/// # Examples
///
/// ```
/// use block_work_list::{BlockWork, BlockWorkList};
///
/// let list: BlockWorkList<u64, &str> = BlockWorkList::new();
/// let worker = list.clone();
/// let worker = std::thread::spawn(move || worker.iter().map(|claim| claim.data).collect::<Vec<_>>());
///
/// list.replace(vec![BlockWork { hash: 1, data: "a" }, BlockWork { hash: 2, data: "b" }])?;
/// list.wait_idle_blocking();
/// list.close();
/// assert_eq!(worker.join().expect("the worker ends with the list"), ["a", "b"]);
/// # Ok::<(), block_work_list::Closed<u64, &str>>(())
/// ```
pub struct BlockWorkList<H, T> {
    shared: Arc<Shared<H, T>>,
}

/// What [`BlockWorkList::replace`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced<H, T> {
    /// The number of the new list: 1 for the first, rising by one with each `replace`.
    pub generation: u64,
    /// What was left of the old list: every item that was queued, and none that was claimed.
    ///
    /// Oldest first if there are at most 256; in any order if there are more, because putting millions in order would
    /// take the caller milliseconds. To drop them takes time in proportion to their number: do it where that does not
    /// matter.
    pub discarded: Vec<BlockWork<H, T>>,
}

impl<H, T> BlockWorkList<H, T> {
    /// An empty, open list. The note's *NewBlockWorkList*; there is no goroutine to start.
    ///
    /// # Examples
    ///
    /// ```
    /// use block_work_list::BlockWorkList;
    ///
    /// let list: BlockWorkList<u64, ()> = BlockWorkList::new();
    /// assert_eq!(list.status().generation, 0);
    /// ```
    pub fn new() -> Self {
        BlockWorkList { shared: Arc::new(Shared::new()) }
    }

    /// Makes `items` the list. The note's *ReplaceList*, later *SetList*.
    ///
    /// One instant: every claim is before it, and holds an old item, or after it, and holds a new one. When it has
    /// returned, no worker gets an item of the old list any more. Claims in progress are unaffected. As many waiting
    /// workers are woken as there are items. An empty `items` is a list like any other.
    ///
    /// Neither the old nor the new items are copied or dropped, so the time it takes does not depend on how many there
    /// are; it does depend, a little, on how many of the old ones had been given back.
    ///
    /// # Errors
    ///
    /// [`Closed`], with the items, if the list is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use block_work_list::{BlockWork, BlockWorkList};
    ///
    /// let list = BlockWorkList::new();
    /// list.replace(vec![BlockWork { hash: 1, data: "a" }, BlockWork { hash: 2, data: "b" }])?;
    /// let claim = list.next_blocking().expect("two items are queued");
    ///
    /// let replaced = list.replace(vec![BlockWork { hash: 3, data: "c" }])?;
    /// assert_eq!(replaced.generation, 2);
    /// assert_eq!(replaced.discarded, [BlockWork { hash: 2, data: "b" }]);
    /// assert_eq!(claim.data, "a");
    /// # Ok::<(), block_work_list::Closed<i32, &str>>(())
    /// ```
    pub fn replace(&self, items: Vec<BlockWork<H, T>>) -> Result<Replaced<H, T>, Closed<H, T>> {
        let installed = self.shared.step(|state| state.replace(items))?;
        Ok(Replaced { generation: installed.generation, discarded: installed.discarded.into_vec() })
    }

    /// Copies the items that are not yet claimed, oldest first, without removing them: the note's *GetList*.
    ///
    /// One instant of the list. Other callers wait while it is copied (a few milliseconds for a million small items),
    /// and `clone` of the items runs with the lock held: it must not call the list.
    ///
    /// # Examples
    ///
    /// ```
    /// use block_work_list::{BlockWork, BlockWorkList};
    ///
    /// let list = BlockWorkList::new();
    /// list.replace(vec![BlockWork { hash: 1, data: "a" }])?;
    /// assert_eq!(list.snapshot(), [BlockWork { hash: 1, data: "a" }]);
    /// assert_eq!(list.status().queued, 1);
    /// # Ok::<(), block_work_list::Closed<i32, &str>>(())
    /// ```
    pub fn snapshot(&self) -> Vec<BlockWork<H, T>>
    where
        H: Clone,
        T: Clone,
    {
        self.shared.snapshot()
    }

    /// A part of [`snapshot`](Self::snapshot): `limit` items, those before `offset` left out. For lists too long to copy.
    ///
    /// Two calls are two instants: an item that is claimed in between moves the rest one place forward.
    ///
    /// # Examples
    ///
    /// ```
    /// use block_work_list::{BlockWork, BlockWorkList};
    ///
    /// let list = BlockWorkList::new();
    /// list.replace((0..9).map(|hash| BlockWork { hash, data: () }).collect())?;
    /// let page: Vec<i32> = list.snapshot_page(4, 2).iter().map(|item| item.hash).collect();
    /// assert_eq!(page, [4, 5]);
    /// # Ok::<(), block_work_list::Closed<i32, ()>>(())
    /// ```
    pub fn snapshot_page(&self, offset: usize, limit: usize) -> Vec<BlockWork<H, T>>
    where
        H: Clone,
        T: Clone,
    {
        let queued = self.shared.read(|state| state.queued());
        let limit = limit.min(queued.saturating_sub(offset));
        let mut room = Vec::with_capacity(limit);
        self.shared.read(|state| state.page_into(&mut room, offset, limit));
        room
    }

    /// The queued items of that hash, oldest first, `limit` of them at most. They stay on the list.
    ///
    /// It looks at every item, and other callers wait meanwhile; `==` of the hash runs with the lock held and must not
    /// call the list.
    ///
    /// # Examples
    ///
    /// ```
    /// use block_work_list::{BlockWork, BlockWorkList};
    ///
    /// let list = BlockWorkList::new();
    /// list.replace(vec![BlockWork { hash: 1, data: "a" }, BlockWork { hash: 2, data: "b" }])?;
    /// assert_eq!(list.find(&2, 10), [BlockWork { hash: 2, data: "b" }]);
    /// # Ok::<(), block_work_list::Closed<i32, &str>>(())
    /// ```
    pub fn find(&self, hash: &H, limit: usize) -> Vec<BlockWork<H, T>>
    where
        H: Clone + Eq,
        T: Clone,
    {
        self.shared.read(|state| state.find(hash, limit))
    }

    /// Takes all items of that hash off the list and says how many there were: the note's *DeleteItem*.
    ///
    /// Claims are not affected: an item is either removed or claimed, never both. The items are dropped after the lock
    /// is released. It looks at every item, and other callers wait meanwhile (about a millisecond for a million small
    /// items); `==` of the hash runs with the lock held and must not call the list.
    ///
    /// # Examples
    ///
    /// ```
    /// use block_work_list::{BlockWork, BlockWorkList};
    ///
    /// let list = BlockWorkList::new();
    /// list.replace(vec![BlockWork { hash: 1, data: "a" }, BlockWork { hash: 1, data: "b" }])?;
    /// assert_eq!(list.remove(&1), 2);
    /// assert_eq!(list.remove(&1), 0);
    /// # Ok::<(), block_work_list::Closed<i32, &str>>(())
    /// ```
    pub fn remove(&self, hash: &H) -> usize
    where
        H: Eq,
    {
        self.shared.step(|state| state.remove(hash)).len()
    }

    /// One consistent picture of the list: the later *Status* of the note's work queue.
    ///
    /// # Examples
    ///
    /// ```
    /// use block_work_list::{BlockWork, BlockWorkList};
    ///
    /// let list = BlockWorkList::new();
    /// list.replace(vec![BlockWork { hash: 1, data: "a" }])?;
    /// let status = list.status();
    /// assert_eq!((status.generation, status.queued, status.in_progress), (1, 1, 0));
    /// # Ok::<(), block_work_list::Closed<i32, &str>>(())
    /// ```
    pub fn status(&self) -> Status {
        self.shared.status()
    }

    /// Closes the list for ever, and gives back what was left of it: the note's *Close*.
    ///
    /// From then on nothing can be claimed: waiting workers wake with `None`, loops and streams end, and `replace`
    /// hands its items back. Claims finish as usual; [`wait_idle`](Self::wait_idle) waits for them. What is left comes
    /// back in the order that [`Replaced::discarded`] describes. A second call does nothing and gives back nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use block_work_list::{BlockWork, BlockWorkList};
    ///
    /// let list = BlockWorkList::new();
    /// list.replace(vec![BlockWork { hash: 1, data: "a" }])?;
    /// assert_eq!(list.close().len(), 1);
    /// assert_eq!(list.close().len(), 0);
    /// assert!(list.next_blocking().is_none());
    /// # Ok::<(), block_work_list::Closed<i32, &str>>(())
    /// ```
    pub fn close(&self) -> Vec<BlockWork<H, T>> {
        let left = self.shared.step(State::close);
        self.shared.wake_all();
        left.into_vec()
    }

    pub(crate) fn shared(&self) -> &Arc<Shared<H, T>> {
        &self.shared
    }
}

impl<H, T> Clone for BlockWorkList<H, T> {
    /// Another handle on the same list.
    fn clone(&self) -> Self {
        BlockWorkList { shared: Arc::clone(&self.shared) }
    }
}

impl<H, T> Default for BlockWorkList<H, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<H, T> fmt::Debug for BlockWorkList<H, T> {
    /// Shows the status, not the items.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockWorkList").field("status", &self.status()).finish()
    }
}
