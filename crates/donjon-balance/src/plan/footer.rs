//! Totals, and the digest.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The last line of a plan, but for the digest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Footer {
    /// Blocks in the plan.
    pub entries: u64,
    /// Blocks that are lost.
    pub lost: u64,
    /// What is to be done.
    pub work: Work,
    /// The same for each server, in the order of the header.
    pub servers: Vec<Work>,
    /// What was looked at.
    pub considered: Considered,
    /// What else was counted.
    pub statistics: Map<String, Value>,
}

/// What is to be done, before any limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Work {
    /// Copies to make.
    pub pulls: u64,
    /// Bytes in them.
    pub pull_bytes: u64,
    /// Replicas to trash.
    pub trashes: u64,
    /// Bytes in them.
    pub trash_bytes: u64,
}

/// What was looked at, in the plan or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Considered {
    /// Blocks that have a replica or a reference.
    pub blocks: u64,
    /// Blocks that have a reference.
    pub referenced_blocks: u64,
}

impl AddAssign for Work {
    fn add_assign(&mut self, other: Self) {
        self.pulls += other.pulls;
        self.pull_bytes += other.pull_bytes;
        self.trashes += other.trashes;
        self.trash_bytes += other.trash_bytes;
    }
}
