//! Outcomes as bytes: what the caller's words are called on disk.

use std::fmt;

/// An outcome as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutcomeCode {
    /// How the item ended.
    pub outcome: u8,
    /// Why, within that outcome.
    pub reason: u8,
}

impl fmt::Display for OutcomeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "outcome {}, reason {}", self.outcome, self.reason)
    }
}

/// An outcome that has a code.
///
/// The codes are a promise to every later version of the program: a code never changes its meaning, and that of a reason
/// that is gone is not given to another. Write them as a table, not as the order of an enum.
///
/// Contract: `from_code(outcome.code()) == Some(outcome)`, and `None` for every code that no outcome has.
pub trait Code: Copy + Ord {
    /// The code of this outcome.
    fn code(self) -> OutcomeCode;

    /// The outcome of this code; `None` if this version has none.
    fn from_code(code: OutcomeCode) -> Option<Self>;
}
