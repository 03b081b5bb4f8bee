//! Stored lists: what comes back, what is refused, what damage does, and random histories against a plain model.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod damage;
mod given;
mod lists;
mod model;
mod orders;
