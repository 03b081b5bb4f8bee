//! Why a list was refused.

use crate::list::NESTING_MAX;

/// A list that was refused: what is wrong with it, and where.
///
/// Its text is made to be the answer's body: it says what to do, and never repeats what an uploader sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {problem}; the list was refused as a whole and the one before stays", Place { offset: *offset, item: *item })]
pub struct ListError {
    /// The byte of the body where it was noticed; the first is 0. The body's length if something is missing at its end.
    pub offset: u64,
    /// The item where it was noticed; the first is 1. `None` outside all items.
    pub item: Option<u64>,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// No byte, or nothing but white space.
    #[error("the body is empty; send [] for an empty list")]
    EmptyBody,
    /// The body begins with something else.
    #[error("the body is no JSON array; send [ ... ], or null for an empty list")]
    NotAnArray,
    /// An element of the array is no object.
    #[error("an item is neither an object nor null; send {{\"locator\": ...}}")]
    NotAnObject,
    /// The JSON grammar is broken.
    #[error("malformed JSON: {0}; correct it and send the whole list again")]
    Malformed(String),
    /// A value of another type than its key has.
    #[error("{0}")]
    WrongType(String),
    /// A text is not UTF-8.
    #[error("invalid UTF-8; encode the list as UTF-8")]
    NotUtf8,
    /// The body ended within the array.
    #[error("the body ends before the list does; send the whole list again")]
    Truncated,
    /// Something follows the array.
    #[error("text after the list; send one JSON array and nothing else")]
    TextAfterList,
    /// The values of unknown keys are nested too deeply.
    #[error(
        "values are nested deeper than {NESTING_MAX} levels; leave out what a list does not need"
    )]
    TooDeep,
    /// More items than [`Limits::items`](crate::list::Limits::items).
    #[error("more than {max} items; send a shorter list now and the rest later")]
    TooManyItems {
        /// The limit.
        max: u64,
    },
    /// More bytes than [`Limits::body_bytes`](crate::list::Limits::body_bytes).
    #[error("the body is longer than {max} bytes; send a shorter list now and the rest later")]
    BodyTooLong {
        /// The limit.
        max: u64,
    },
    /// More bytes in one item than [`Limits::item_bytes`](crate::list::Limits::item_bytes).
    #[error("an item is longer than {max} bytes; name fewer servers, or close its brace")]
    ItemTooLong {
        /// The limit.
        max: usize,
    },
    /// More distinct texts than [`Limits::names`](crate::list::Limits::names).
    #[error("more than {max} different {of}; check that they are the cluster's")]
    TooManyNames {
        /// What they name.
        of: &'static str,
        /// The limit.
        max: usize,
    },
    /// More bytes of distinct texts than [`Limits::name_bytes`](crate::list::Limits::name_bytes).
    #[error(
        "the different mounts and servers take more than {max} bytes; check that they are the cluster's"
    )]
    NamesTooLong {
        /// The limit.
        max: usize,
    },
    /// The first locator of a pull list is a bare hash (spec section 2.9).
    #[error("the first locator has no size; pull items need locators of the form hash+size")]
    BareHash,
}

struct Place {
    offset: u64,
    item: Option<u64>,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.item {
            Some(item) => write!(f, "item {item} at byte {}", self.offset),
            None => write!(f, "byte {}", self.offset),
        }
    }
}
