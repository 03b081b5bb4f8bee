//! The books of a list.

/// What became of every item a list ever received, at one instant.
///
/// The books balance, at every instant and whatever other threads do:
///
/// `received == done + superseded + removed + in_progress + queued`
///
/// An item stands in exactly one of the five. `queued == 0 && in_progress == 0` also means that everything the
/// workers did before they let go of their claims is visible to the reader.
///
/// # Examples
///
/// ```
/// use block_work_list::{BlockWork, BlockWorkList};
///
/// let list = BlockWorkList::new();
/// list.replace((0..4).map(|hash| BlockWork { hash, data: () }).collect())?;
/// let claim = list.next_blocking().expect("four items are queued");
/// list.next_blocking().expect("three items are queued").finish();
/// list.remove(&3);
///
/// let status = list.status();
/// assert_eq!((status.in_progress, status.done, status.removed, status.queued), (1, 1, 1, 1));
/// assert_eq!(status.received, 4);
/// # drop(claim);
/// # Ok::<(), block_work_list::Closed<i32, ()>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// How many times the list was replaced. Zero until the first `replace`; rises by one with each.
    pub generation: u64,
    /// Items ever taken by `replace`, over all generations.
    pub received: u64,
    /// Items that wait for a worker.
    pub queued: u64,
    /// Items that workers hold: claims not yet dropped, of this generation or of earlier ones.
    pub in_progress: u64,
    /// Items whose claim was finished or dropped, also by a worker that panicked.
    pub done: u64,
    /// Items that `replace` or `close` discarded before they were claimed, or that were given back too late.
    pub superseded: u64,
    /// Items that `remove` took off the list.
    pub removed: u64,
    /// How many times a claim was given back in time. Counts events, not items, so it is no part of the balance.
    pub returned: u64,
    /// Whether `close` was called.
    pub closed: bool,
}
