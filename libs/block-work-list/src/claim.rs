//! An item in the hands of a worker.

use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::BlockWork;
use crate::shared::Shared;
use crate::state::State;
use crate::sync::Arc;

/// An item that a worker holds. Derefs to its [`BlockWork`]. The note's *DoneItem* is the end of its life.
///
/// The item counts as in progress until the claim is finished or dropped, also if its worker panics; then it is done
/// and never handed out again. Nobody else can take it, and neither `replace` nor `remove` nor `close` affects it.
/// A claim belongs to nobody: it may move to another thread, and may outlive every handle of its list.
/// A claim that is leaked (`std::mem::forget`) counts as in progress for ever.
///
/// # Examples
///
/// ```
/// use block_work_list::{BlockWork, BlockWorkList};
///
/// let list = BlockWorkList::new();
/// list.replace(vec![BlockWork { hash: 1, data: "a" }])?;
/// let claim = list.next_blocking().expect("an item is queued");
/// assert_eq!((claim.hash, claim.data), (1, "a"));
/// assert_eq!(list.status().in_progress, 1);
/// drop(claim);
/// assert_eq!(list.status().done, 1);
/// # Ok::<(), block_work_list::Closed<i32, &str>>(())
/// ```
#[must_use = "an item whose claim is dropped counts as done"]
pub struct Claim<H, T> {
    // Dropped in this order: an item is done when its own `drop` has run.
    item: BlockWork<H, T>,
    ticket: Ticket<H, T>,
}

/// One claim in the books.
struct Ticket<H, T> {
    shared: Arc<Shared<H, T>>,
    generation: u64,
    fate: Fate,
}

enum Fate {
    /// Dropping the ticket counts the item as done.
    Finish,
    /// The books know already what became of the item.
    HandedIn,
}

impl<H, T> Claim<H, T> {
    #[inline]
    pub(crate) fn new(item: BlockWork<H, T>, generation: u64, shared: Arc<Shared<H, T>>) -> Self {
        Claim { item, ticket: Ticket { shared, generation, fate: Fate::Finish } }
    }

    /// Says that the item is done: the note's *DoneItem*. The same as dropping the claim.
    ///
    /// # Examples
    ///
    /// ```
    /// use block_work_list::{BlockWork, BlockWorkList};
    ///
    /// let list = BlockWorkList::new();
    /// list.replace(vec![BlockWork { hash: 1, data: () }])?;
    /// list.next_blocking().expect("an item is queued").finish();
    /// assert_eq!(list.status().done, 1);
    /// # Ok::<(), block_work_list::Closed<i32, ()>>(())
    /// ```
    pub fn finish(self) {}

    /// Returns the item to the end of the list it came from, if that list is still current, and wakes one worker.
    /// It may have been changed in the meantime, for example to count the attempts.
    ///
    /// # Errors
    ///
    /// The item itself, if its list was replaced or closed since: it is the caller's now, and counts as superseded.
    ///
    /// # Examples
    ///
    /// ```
    /// use block_work_list::{BlockWork, BlockWorkList};
    ///
    /// let list = BlockWorkList::new();
    /// list.replace(vec![BlockWork { hash: 1, data: 0 }])?;
    /// let mut claim = list.next_blocking().expect("an item is queued");
    /// claim.data += 1; // one attempt made
    /// assert!(claim.give_back().is_ok());
    ///
    /// let claim = list.next_blocking().expect("it was given back");
    /// assert_eq!(claim.data, 1);
    /// list.replace(vec![])?;
    /// assert_eq!(claim.give_back(), Err(BlockWork { hash: 1, data: 1 }));
    /// # Ok::<(), block_work_list::Closed<i32, i32>>(())
    /// ```
    pub fn give_back(self) -> Result<(), BlockWork<H, T>> {
        let Claim { item, mut ticket } = self;
        ticket.fate = Fate::HandedIn;
        ticket.shared.give_back(ticket.generation, item)
    }

    /// The generation of the list the item came from, as `replace` returned it.
    ///
    /// # Examples
    ///
    /// ```
    /// use block_work_list::{BlockWork, BlockWorkList};
    ///
    /// let list = BlockWorkList::new();
    /// let replaced = list.replace(vec![BlockWork { hash: 1, data: () }])?;
    /// let claim = list.next_blocking().expect("an item is queued");
    /// assert_eq!(claim.generation(), replaced.generation);
    /// # Ok::<(), block_work_list::Closed<i32, ()>>(())
    /// ```
    pub fn generation(&self) -> u64 {
        self.ticket.generation
    }

    /// Whether the list the item came from is still the current one and open. May be out of date at once: a hint for
    /// workers that would rather not begin on superseded work.
    ///
    /// # Examples
    ///
    /// ```
    /// use block_work_list::{BlockWork, BlockWorkList};
    ///
    /// let list = BlockWorkList::new();
    /// list.replace(vec![BlockWork { hash: 1, data: () }])?;
    /// let claim = list.next_blocking().expect("an item is queued");
    /// assert!(claim.is_current());
    /// list.replace(vec![])?;
    /// assert!(!claim.is_current());
    /// # Ok::<(), block_work_list::Closed<i32, ()>>(())
    /// ```
    pub fn is_current(&self) -> bool {
        let generation = self.ticket.generation;
        self.ticket.shared.read(|state: &State<H, T>| state.is_current(generation))
    }
}

impl<H, T> Drop for Ticket<H, T> {
    #[inline]
    fn drop(&mut self) {
        match self.fate {
            Fate::Finish => self.shared.finish(),
            Fate::HandedIn => {}
        }
    }
}

impl<H, T> Deref for Claim<H, T> {
    type Target = BlockWork<H, T>;

    fn deref(&self) -> &BlockWork<H, T> {
        &self.item
    }
}

impl<H, T> DerefMut for Claim<H, T> {
    fn deref_mut(&mut self) -> &mut BlockWork<H, T> {
        &mut self.item
    }
}

impl<H: fmt::Debug, T: fmt::Debug> fmt::Debug for Claim<H, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("item", &self.item)
            .field("generation", &self.ticket.generation)
            .finish()
    }
}
