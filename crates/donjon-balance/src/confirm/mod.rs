//! How many copies collections are confirmed to have (`spec/keep-balance.md` section 2.7, with D2 and W11).
//!
//! While references are read, [`Enrolling`] lists every collection of the database on a [`Roll`], in a file without a name,
//! and feeds its blocks to a sorter. Once the lists are sent, [`confirm`] joins those blocks with the replicas, by hash, keeps
//! for each collection the copies of the block that has the fewest, and writes what differs. In memory a collection takes
//! four bytes, however many blocks it has.

mod confirming; // counted, then written
mod count; // the block that has the fewest copies
mod enrolling; // collections and their blocks, while they are read
mod roll; // the collections, in the order in which they were read
#[cfg(test)]
mod tests; // against the rule, collection by collection

pub use confirming::{ConfirmingError, confirm};
pub use count::{Counting, fewest_copies};
pub use enrolling::{Candidate, Enrolled, Enrolling};
pub use roll::{Listed, Roll, RollError, RollMark, RollReader, RollWriter};
