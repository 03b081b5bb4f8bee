//! What can be refused: both say why, and lose nothing.

use std::error::Error;
use std::fmt;

use crate::BlockWork;

/// The list was closed: `replace` refuses the items and hands them back.
///
/// # Examples
///
/// ```
/// use block_work_list::{BlockWork, BlockWorkList, Closed};
///
/// let list = BlockWorkList::new();
/// list.close();
/// let Closed(items) = list.replace(vec![BlockWork { hash: 1, data: "a" }]).unwrap_err();
/// assert_eq!(items.len(), 1);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Closed<H, T>(
    /// The items that were to be the new list.
    pub Vec<BlockWork<H, T>>,
);

impl<H, T> fmt::Debug for Closed<H, T> {
    /// Shows how many items came back, not the items: there may be millions, of a type that cannot be shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Closed({} items)", self.0.len())
    }
}

impl<H, T> fmt::Display for Closed<H, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the work list is closed; {} items were not taken", self.0.len())
    }
}

impl<H, T> Error for Closed<H, T> {}

/// Why `try_next` has no item.
///
/// # Examples
///
/// ```
/// use block_work_list::{BlockWorkList, TryNextError};
///
/// let list: BlockWorkList<u64, ()> = BlockWorkList::new();
/// assert_eq!(list.try_next().unwrap_err(), TryNextError::Empty);
/// list.close();
/// assert_eq!(list.try_next().unwrap_err(), TryNextError::Closed);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryNextError {
    /// Nothing is queued now; a later `replace` may bring something.
    Empty,
    /// The list is closed: nothing will ever come.
    Closed,
}

impl fmt::Display for TryNextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryNextError::Empty => "the work list is empty",
            TryNextError::Closed => "the work list is closed",
        })
    }
}

impl Error for TryNextError {}
