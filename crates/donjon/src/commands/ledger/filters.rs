//! Which records, as arguments.

use keep_protocol::paths::LedgerQuery;
use keep_protocol::status::OutcomeKind;
use keep_rules::Locator;

use crate::when::When;

/// Which records: those for which all of this holds.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Which records")]
pub(super) struct FilterArgs {
    /// Of this block
    #[arg(long, value_name = "HASH")]
    block: Option<Locator>,

    /// That this list asked for. Trash and pull lists count for themselves: see --operation
    #[arg(long, value_name = "ID")]
    list: Option<u64>,

    /// What was to be done
    #[arg(long, value_enum)]
    operation: Option<Operation>,

    /// How it ended
    #[arg(long, value_enum)]
    outcome: Option<Outcome>,

    /// On this mount
    #[arg(long, value_name = "UUID")]
    mount: Option<String>,

    /// At this time or later: 2h, "3d ago", 2026-11-23, 2026-11-23T16:36:50Z
    #[arg(long, value_name = "TIME")]
    since: Option<When>,

    /// Before this time
    #[arg(long, value_name = "TIME")]
    until: Option<When>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Operation {
    /// A replica went to the trash
    Trash,
    /// A replica came back
    Untrash,
    /// A trashed copy was deleted for good
    Empty,
    /// A replica was fetched from another node
    Pull,
}

impl Operation {
    const fn as_str(self) -> &'static str {
        match self {
            Operation::Trash => "trash",
            Operation::Untrash => "untrash",
            Operation::Empty => "empty",
            Operation::Pull => "pull",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Outcome {
    /// It was done
    Done,
    /// It was left alone on purpose
    Skipped,
    /// It could not be done
    Failed,
}

impl From<Outcome> for OutcomeKind {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => OutcomeKind::Done,
            Outcome::Skipped => OutcomeKind::Skipped,
            Outcome::Failed => OutcomeKind::Failed,
        }
    }
}

impl FilterArgs {
    pub(super) fn query(&self) -> LedgerQuery<'_> {
        LedgerQuery {
            block: self.block.as_ref().map(Locator::hash),
            list: self.list,
            operation: self.operation.map(Operation::as_str),
            outcome: self.outcome.map(OutcomeKind::from),
            mount: self.mount.as_deref(),
            since: self.since.map(When::instant),
            until: self.until.map(When::instant),
            limit: None,
        }
    }
}
