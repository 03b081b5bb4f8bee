//! What a run needs to know beside the nodes.

use std::path::PathBuf;
use std::time::Duration;

use keep_rules::balance::Policy;
use keep_rules::brake::BrakeLimits;

use crate::retry::Patience;

/// What a run needs to know beside the nodes, checked by whoever read it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long a signature is valid; the same as in all nodes. Never zero: blocks would be trashed as soon as written.
    pub signature_ttl: Duration,
    /// How many copies a collection has that does not say.
    pub default_replication: u32,
    /// Where copies are best.
    pub policy: Policy,
    /// Entries in the lists of one node; 0: lists are made and not sent.
    pub limits: ListLimits,
    /// How much a run may change without being told so.
    pub brakes: BrakeLimits,
    /// How far the clocks of nodes may be from ours.
    pub clock_skew_max: Duration,
    /// How old a plan may be when it is applied.
    pub plan_age_max: Duration,
    /// How long a run may take as a whole.
    pub timeout: Duration,
    /// How often a request is tried.
    pub patience: Patience,
    /// Where plans and what was sent are kept, and the lock. Must exist.
    pub state_dir: PathBuf,
    /// Bytes that sorting may take.
    pub memory: usize,
    /// Threads that decide.
    pub threads: usize,
    /// Rows of the database whose confirmed columns are written in a run, at most; 0: none.
    pub update_limit: u64,
    /// Where lost blocks are listed.
    pub missing_report: Option<PathBuf>,
}

/// How many entries the lists of one node may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListLimits {
    /// In its pull list.
    pub pulls: u64,
    /// In its trash list.
    pub trashes: u64,
}
