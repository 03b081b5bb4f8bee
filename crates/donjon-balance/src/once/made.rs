//! What a run has made and sent.

use std::path::PathBuf;

use keep_rules::BlockHash;
use keep_rules::balance::{Category, ClassUsage, Statistics};
use keep_rules::brake::{Brake, RunSize};

use crate::apply::Applied;
use crate::orders::SetbackCounts;
use crate::outcomes::Outcomes;
use crate::phase::Took;
use crate::plan::Sha256Digest;
use crate::postgres::Confirmed;
use crate::references::ReferencesRead;

/// A plan that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// Where it is.
    pub path: PathBuf,
    /// Its id.
    pub id: String,
    /// What it is known by.
    pub digest: Sha256Digest,
    /// How large the run is.
    pub size: RunSize,
    /// What was counted.
    pub statistics: Statistics,
    /// The first lost blocks, at most [`LOST_SHOWN`](crate::planning::LOST_SHOWN).
    pub lost: Vec<BlockHash>,
    /// Where all lost blocks are reported with their collections, if they are.
    pub missing_report: Option<PathBuf>,
    /// Blocks that are not lost, and cannot have as many copies as wanted.
    pub short_of_mounts: u64,
    /// What was read of each source of references.
    pub references: Vec<ReferencesRead>,
    /// Distinct blocks that collections name.
    pub referenced_blocks: u64,
    /// Their bytes.
    pub referenced_bytes: u64,
    /// What holds it, unless a person says that it is meant so.
    pub held: Vec<Brake>,
    /// Classes that collections want and no mount offers.
    pub unknown_classes: Vec<String>,
    /// Whether the trash lists of all nodes had to be cleared first, and why.
    pub cleared: Option<String>,
    /// What became of the lists of the run before.
    pub outcomes: Outcomes,
    /// What failed before and was decided again.
    pub setbacks: SetbackCounts,
    /// Nodes of the run before that are not configured any more, by their addresses.
    pub nodes_gone: Vec<String>,
    /// Volumes of one UUID and two disks, in words.
    pub of_two_disks: Vec<String>,
    /// Replicas whose mtime is far in the future: they never get old.
    pub in_future: u64,
    /// Failures that there was no room to remember.
    pub setbacks_forgotten: u64,
    /// How the wanted copies are spread over storage classes, by their names.
    pub classes: Vec<(String, ClassUsage)>,
    /// How long its phases took.
    pub took: Took,
}

impl Made {
    /// How many blocks collections name that no node has.
    pub fn lost_blocks(&self) -> u64 {
        self.statistics.category(Category::Lost).blocks
    }
}

/// A run whose lists were sent.
#[derive(Debug)]
pub struct Done {
    /// Its plan.
    pub made: Made,
    /// What every node was sent.
    pub applied: Applied,
    /// What became of the confirmed columns, if there is a database where they may be written.
    pub confirmed: Option<Confirmed>,
    /// How long writing them took.
    pub took: Took,
}
