//! How an item ends, and why: labels for machines, sentences for people.

use keep_protocol::status::OutcomeKind;
use keep_rules::{pull, trash};

/// How an item ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Carried out.
    Done,
    /// A trash item was left alone on purpose.
    TrashSkipped(trash::SkipReason),
    /// A pull item was left alone on purpose.
    PullSkipped(pull::SkipReason),
    /// It could not be carried out.
    Failed(Failed, Option<String>),
}

/// Why an item could not be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Failed {
    /// The volume failed, or is not the one it should be.
    Volume,
    /// The volume has no room.
    Full,
    /// Every server that was named says that it has no such block.
    AbsentAtSource,
    /// No server could be reached or gave the whole block.
    SourceUnreachable,
    /// What the servers sent is not the block.
    SourceDamaged,
    /// The worker was stopped while it held the item.
    Interrupted,
}

impl Failed {
    /// Every reason.
    #[cfg(test)]
    pub(super) const ALL: [Failed; 6] = [
        Failed::Volume,
        Failed::Full,
        Failed::AbsentAtSource,
        Failed::SourceUnreachable,
        Failed::SourceDamaged,
        Failed::Interrupted,
    ];

    /// The label in metrics and JSON.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Failed::Volume => "volume_error",
            Failed::Full => "volume_full",
            Failed::AbsentAtSource => "absent_at_source",
            Failed::SourceUnreachable => "source_unreachable",
            Failed::SourceDamaged => "source_damaged",
            Failed::Interrupted => "interrupted",
        }
    }

    /// What it means, and what to do.
    pub(crate) const fn explanation(self) -> &'static str {
        match self {
            Failed::Volume => {
                "The volume failed. The replica is as it was. See the log, and check the disk."
            }
            Failed::Full => {
                "The volume has no room for another block. Add space, or let the balancer choose another."
            }
            Failed::AbsentAtSource => {
                "None of the servers that were named has the block any more. The balancer will see that in its next run."
            }
            Failed::SourceUnreachable => {
                "No server that was named gave the whole block. Check that this node can reach them."
            }
            Failed::SourceDamaged => {
                "What the servers sent is not the block. Nothing was stored. Their copy is damaged: check their disks."
            }
            Failed::Interrupted => {
                "The node was stopped, or a worker broke down, with the item in hand. The next list will name it again."
            }
        }
    }
}

impl Ending {
    /// Done, skipped or failed.
    pub(crate) fn kind(&self) -> OutcomeKind {
        match self {
            Ending::Done => OutcomeKind::Done,
            Ending::TrashSkipped(_) | Ending::PullSkipped(_) => OutcomeKind::Skipped,
            Ending::Failed(..) => OutcomeKind::Failed,
        }
    }

    /// The label of the reason; empty for done.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Ending::Done => "",
            Ending::TrashSkipped(reason) => reason.as_str(),
            Ending::PullSkipped(reason) => reason.as_str(),
            Ending::Failed(reason, _) => reason.as_str(),
        }
    }

    /// A sentence: what the device or the server said, or what the reason means.
    pub(crate) fn detail(&self) -> Option<String> {
        match self {
            Ending::Done => None,
            Ending::TrashSkipped(reason) => Some(reason.explanation().to_owned()),
            Ending::PullSkipped(reason) => Some(reason.explanation().to_owned()),
            Ending::Failed(reason, None) => Some(reason.explanation().to_owned()),
            Ending::Failed(reason, Some(said)) => Some(format!("{said}. {}", reason.explanation())),
        }
    }
}
