//! What is on record.

use std::fmt;
use std::str::FromStr;

use keep_rules::{BlockHash, MountUuid, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Reason;

/// One thing that a node did to one replica, or tried to.
///
/// # Examples
/// ```
/// use keep_rules::Timestamp;
/// use ledger::{ListId, Operation, Outcome, Reason, Record};
///
/// let now = Timestamp::from_seconds(1_800_000_000);
/// let block = "acbd18db4cc2f85cedef654fccc4a4d8".parse()?;
/// let record = Record {
///     mount: Some("zzzzz-nyw5e-000000000000000".parse()?),
///     list: Some(ListId(7)),
///     reason: Some(Reason::label("rewritten")),
///     ..Record::new(now, Operation::Trash, block, Outcome::Skipped)
/// };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// When it ended.
    pub time: Timestamp,
    /// What was to be done.
    pub operation: Operation,
    /// To which block.
    pub block: BlockHash,
    /// The replica's size in bytes, if it was known.
    pub size: Option<u64>,
    /// The mtime that the decision was made on, if there was one.
    pub mtime: Option<Timestamp>,
    /// Where the replica is or was to be; `None` if no mount was chosen.
    pub mount: Option<MountUuid>,
    /// The list that asked for it; `None` if none did.
    pub list: Option<ListId>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, if there is more to say.
    pub reason: Option<Reason>,
}

impl Record {
    /// A record with what every record has.
    pub fn new(time: Timestamp, operation: Operation, block: BlockHash, outcome: Outcome) -> Self {
        Record {
            time,
            operation,
            block,
            size: None,
            mtime: None,
            mount: None,
            list: None,
            outcome,
            reason: None,
        }
    }
}

/// The number of a record. The first of a ledger is 1; each next one is one more, across files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordNumber(pub u64);

impl RecordNumber {
    pub(crate) const FIRST: RecordNumber = RecordNumber(1);

    /// The number after this one.
    pub(crate) fn next(self) -> Self {
        RecordNumber(self.0.saturating_add(1))
    }

    /// The number before this one. The first has none.
    pub(crate) fn before(self) -> Option<Self> {
        (self > RecordNumber::FIRST).then(|| RecordNumber(self.0 - 1))
    }
}

impl fmt::Display for RecordNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The generation of a list. Trash and pull lists count for themselves; the operation says which is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ListId(pub u64);

impl fmt::Display for ListId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What was to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Move a replica to the trash.
    Trash,
    /// Bring one back.
    Untrash,
    /// Delete a replica for good.
    Empty,
    /// Fetch a replica from another server.
    Pull,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was decided not to do it; the reason says why.
    Skipped,
    /// It was tried in vain; the reason says why.
    Failed,
}

/// A text that is none of the labels that are known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no {what} of that name; use one of {known}")]
pub struct BadLabel {
    what: &'static str,
    known: String,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Operation; 4] =
        [Operation::Trash, Operation::Untrash, Operation::Empty, Operation::Pull];

    /// As the files write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Operation::Trash => "trash",
            Operation::Untrash => "untrash",
            Operation::Empty => "empty",
            Operation::Pull => "pull",
        }
    }
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Outcome; 3] = [Outcome::Done, Outcome::Skipped, Outcome::Failed];

    /// As the files write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Skipped => "skipped",
            Outcome::Failed => "failed",
        }
    }
}

impl FromStr for Operation {
    type Err = BadLabel;

    fn from_str(text: &str) -> Result<Self, BadLabel> {
        let found = Operation::ALL.into_iter().find(|operation| operation.as_str() == text);
        found.ok_or_else(|| BadLabel {
            what: "operation",
            known: Operation::ALL.map(Operation::as_str).join(", "),
        })
    }
}

impl FromStr for Outcome {
    type Err = BadLabel;

    fn from_str(text: &str) -> Result<Self, BadLabel> {
        let found = Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == text);
        found.ok_or_else(|| BadLabel {
            what: "outcome",
            known: Outcome::ALL.map(Outcome::as_str).join(", "),
        })
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_what_the_files_say() {
        for operation in Operation::ALL {
            assert_eq!(operation.as_str().parse(), Ok(operation));
            assert_eq!(serde_json::to_value(operation).unwrap(), operation.as_str());
        }
        for outcome in Outcome::ALL {
            assert_eq!(outcome.as_str().parse(), Ok(outcome));
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.as_str());
        }
    }

    #[test]
    fn an_unknown_label_is_told_what_is_known() {
        let refused = "delete".parse::<Operation>().unwrap_err();
        assert_eq!(
            refused.to_string(),
            "there is no operation of that name; use one of trash, untrash, empty, pull"
        );
    }
}
