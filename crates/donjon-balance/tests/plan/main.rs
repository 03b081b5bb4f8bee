//! Plans, by their public API.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod damage;
mod diff;
mod document;
mod given;
mod lists;
mod refusals;
mod round_trip;
mod search;
