//! How long the phases of a run take, by the names that operators of keep-balance look for
//! (`spec/keep-balance.md` sections 5.4 and 5.5).

use std::time::{Duration, Instant};

/// A phase of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Learning what there is and what is wanted.
    GetState,
    /// Deciding, and writing the plan.
    ChangesetCompute,
    /// Sending pull lists.
    SendPullLists,
    /// Sending trash lists.
    SendTrashLists,
    /// Writing confirmed columns.
    UpdateCollections,
}

impl Phase {
    /// Every phase, in the order of a run.
    pub const ALL: [Phase; 5] = [
        Phase::GetState,
        Phase::ChangesetCompute,
        Phase::SendPullLists,
        Phase::SendTrashLists,
        Phase::UpdateCollections,
    ];

    /// The name in metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Phase::GetState => "get_state",
            Phase::ChangesetCompute => "changeset_compute",
            Phase::SendPullLists => "send_pull_lists",
            Phase::SendTrashLists => "send_trash_lists",
            Phase::UpdateCollections => "update_collections",
        }
    }
}

/// How long phases took.
pub type Took = Vec<(Phase, Duration)>;

/// A phase that has begun.
#[derive(Debug)]
pub(crate) struct Timer {
    phase: Phase,
    begun: Instant,
}

impl Timer {
    pub(crate) fn start(phase: Phase) -> Timer {
        tracing::info!("{}: start", phase.as_str());
        Timer { phase, begun: Instant::now() }
    }

    /// It ended, and is noted in `took`.
    pub(crate) fn end(self, took: &mut Took) {
        let span = self.begun.elapsed();
        tracing::info!("{}: took {:.3} s", self.phase.as_str(), span.as_secs_f64());
        took.push((self.phase, span));
    }
}
