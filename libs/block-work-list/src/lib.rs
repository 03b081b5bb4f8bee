#![doc = include_str!("../README.md")]

mod claim;
mod error;
mod finished;
mod item;
mod list;
mod next;
mod queue;
mod shared;
mod state;
mod status;
mod sync;
mod wait;

pub use claim::Claim;
pub use error::{Closed, TryNextError};
pub use item::BlockWork;
pub use list::{BlockWorkList, Replaced};
pub use next::{Claims, Iter, Next};
pub use status::Status;
pub use wait::{WaitIdle, WaitNonEmpty};
