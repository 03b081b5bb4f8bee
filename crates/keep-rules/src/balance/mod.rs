//! Which replicas of a block stay, which go, and where copies are missing: the balancer's decision for one block
//! (spec `keep-balance.md` sections 2.3, 2.6, 2.7 and 3, with its changes D1 to D4 and D7 to D10).
//!
//! Build a [`Layout`] once from what the servers say, keep the wishes of collections in a [`WishBook`], and ask a [`Decider`]
//! about each block. Everything leans towards keeping: what is unclear, new, untrashable or short stays.

mod confirm;
mod decider;
mod decision;
mod facts;
mod garbage;
mod index;
mod layout;
mod md5_lanes;
mod order;
mod outcome;
mod plan;
mod ranking;
mod reason;
mod satisfied;
mod setback;
mod state;
mod statistics;
mod tally;
mod urgency;
mod weight;
mod wish;
mod wish_book;

pub use confirm::{Confirmation, confirmed_replication, copies_of_block};
pub use decider::{Decider, Policy};
pub use decision::{Action, Category, ClassCounts, Counts, Decision, Pull, Reach};
pub use facts::{BlockFacts, Place, Replica, Sizes, Standing};
pub use index::{ClassIndex, DeviceIndex, MountIndex, ServerIndex};
pub use layout::{
    Allows, CLASSES_MAX, Device, DroppedView, Layout, LayoutError, Mount, MountFacts, Server,
    ServerAccess, ServerFacts,
};
pub use order::{PullOrder, every_source, pull_order};
pub use reason::{KeepReason, PullReason, TrashReason};
pub use setback::{Attempt, Setback, attempt, longest_wait};
pub use statistics::{ClassUsage, Statistics, Usage};
pub use urgency::{Turn, Urgency};
pub use wish::{Need, Wish, WishId};
pub use wish_book::{WISHES_MAX, WantedReplication, WishBook, WishError};
