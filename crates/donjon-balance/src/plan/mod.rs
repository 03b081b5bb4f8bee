//! Plans: what is to be done about which block and why, in a file that people and scripts read.
//!
//! A plan is JSON lines: a [`Header`], an [`Entry`] for each block that has anything to do or to report, ascending by hash,
//! and a [`Footer`] that ends with the SHA-256 of every byte before it. `docs/plan-file.md` is its description. Here are
//! only the file and its invariants; what is decided, and what reasons mean, is said by who writes it.
//!
//! | to | use |
//! |---|---|
//! | write a plan | [`PlanWriter`], with a [`Batch`] for each thread |
//! | read all of it | [`PlanReader`] |
//! | look at one block of millions | [`PlanFile::explain`] |
//! | compare two | [`Diff`] |
//! | get the lists to send | [`Lists`] |
//!
//! - A plan is never changed. It appears under its name whole and synced, or not at all, and replaces nothing.
//! - No entry trashes a replica that is new, that its mount forbids to trash, that shares its mtime with another trashed
//!   one of the block, or whose block has replicas of another size; none pulls to a mount that cannot be written. Neither
//!   writer nor reader lets such an entry pass, whoever decided it (spec/keep-balance.md section 8.2).
//! - What [`PlanReader`] gives is to be believed once it has ended without an error; [`Lists`] are made of nothing else.

mod agenda; // what is to be sent, by server and urgency
mod batch; // entries on their way to a plan
mod block_name; // hash and size
mod changes; // what two plans order differently
mod check; // what no plan may say
mod diff; // two plans, side by side
mod digest; // what a plan is known by
mod entry; // what is to be done about a block
mod error; // why there is no plan
mod file; // one block of millions
mod footer; // totals, and the digest
mod header; // what a plan was made from
mod line; // lines as they are read and written
mod lists; // what is sent to whom
mod reader; // all of a plan, checked
mod slug; // reasons
mod tally; // totals, counted
mod text; // values that are written as text
mod writer; // a plan on its way to its name

pub use batch::Batch;
pub use block_name::{BadBlockName, BlockName};
pub use changes::{Change, Kind};
pub use diff::{Diff, Difference};
pub use digest::{BadDigest, Sha256Digest};
pub use entry::{Entry, Fate, Pull, Replica};
pub use error::{Place, PlanError};
pub use file::{Explained, PlanFile, Verification};
pub use footer::{Considered, Footer, Work};
pub use header::{
    BadSalt, FORMAT, Header, IndexInput, Inputs, Limits, Mount, MountAccess, ReferenceInput, Salt,
    Server,
};
pub use line::LINE_BYTES_MAX;
pub use lists::{ListCount, Lists, PullEntry, Pulls, TrashEntry, Trashes};
pub use reader::PlanReader;
pub use slug::{BadSlug, Slug};
pub use writer::PlanWriter;
