//! The ledger through its public interface, on real files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod appending;
mod concurrency;
mod crashes;
mod fixture;
mod opening;
mod properties;
mod reading;
mod rotation;
mod tampering;
