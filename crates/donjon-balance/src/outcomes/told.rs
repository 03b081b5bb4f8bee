//! What nodes told of their lists.

use std::collections::BTreeMap;

use keep_protocol::status::{ListName, ListState, ListStatus};
use keep_rules::{BlockHash, Timestamp};
use serde::{Deserialize, Serialize};

use crate::reasons::{self, label};

/// What became of the lists that all nodes were last sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// In the order of the nodes.
    pub servers: Vec<ServerOutcomes>,
    /// The failures that nodes named.
    pub failures: Vec<Failure>,
}

/// What became of the two lists of one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServerOutcomes {
    /// Its address.
    pub url: String,
    /// Its pull list.
    pub pulls: Told,
    /// Its trash list.
    pub trashes: Told,
}

/// What is known of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// None was sent, or it was cleared.
    NothingSent,
    /// A plain keepstore does not tell.
    NotTold,
    /// The node does not remember it any more.
    Forgotten,
    /// The node was asked and did not say, or what it said cannot be.
    Unknown {
        /// Why.
        why: String,
    },
    /// Its books.
    Books(ListBooks),
}

/// How many items of a list ended how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListBooks {
    /// Items of the list.
    pub received: u64,
    /// Carried out.
    pub done: u64,
    /// Left alone on purpose, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Could not be carried out, by reason.
    pub failed: BTreeMap<String, u64>,
    /// Not yet begun.
    pub waiting: u64,
    /// In hand.
    pub running: u64,
    /// Replaced by another list before they were begun.
    pub superseded: u64,
    /// Taken off by an operator.
    pub removed: u64,
    /// Lists whose rest waits because somebody or something stopped it, by state: held, paused, frozen, off.
    #[serde(default)]
    pub stopped: BTreeMap<String, u64>,
}

/// An item that could not be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Of which list.
    pub list: ListName,
    /// The node's number for it.
    pub list_id: u64,
    /// The UUID of the node.
    pub server: String,
    /// The UUID of the mount.
    pub mount: String,
    /// The block.
    pub hash: BlockHash,
    /// When, by the node's clock.
    pub at: Timestamp,
    /// Why: a label.
    pub reason: String,
}

impl Outcomes {
    /// The sum over all nodes that told.
    pub fn total(&self, list: ListName) -> ListBooks {
        let mut sum = ListBooks::default();
        for server in &self.servers {
            if let Told::Books(books) = server.of(list) {
                sum.add(books);
            }
        }
        sum
    }

    /// Whether any node has told anything.
    pub fn is_told(&self) -> bool {
        let told = |server: &ServerOutcomes| {
            ListName::ALL.iter().any(|list| matches!(server.of(*list), Told::Books(_)))
        };
        self.servers.iter().any(told)
    }
}

impl ServerOutcomes {
    /// What is known of one of the lists.
    pub fn of(&self, list: ListName) -> &Told {
        match list {
            ListName::Pull => &self.pulls,
            ListName::Trash => &self.trashes,
        }
    }
}

impl ListBooks {
    /// The books of a list, as a node tells them; an error if they cannot be right.
    pub(super) fn read(status: &ListStatus) -> Result<ListBooks, String> {
        let mut books = ListBooks {
            received: status.received,
            done: status.done,
            skipped: labels(&status.skipped),
            failed: labels(&status.failed),
            waiting: status.waiting,
            running: status.running,
            superseded: status.superseded,
            removed: status.removed,
            stopped: BTreeMap::new(),
        };
        let sum = books.accounted_for();
        if sum != u128::from(status.received) {
            return Err(format!(
                "its books do not balance: {sum} items are accounted for, {} were received",
                status.received
            ));
        }
        let stopped = match status.state {
            ListState::Held | ListState::Paused | ListState::Frozen | ListState::Off => true,
            ListState::Idle | ListState::Running | ListState::Checking | ListState::Superseded => {
                false
            }
        };
        if stopped && status.waiting > 0 {
            books.stopped.insert(status.state.as_str().to_owned(), 1);
        }
        Ok(books)
    }

    fn accounted_for(&self) -> u128 {
        let single = [self.done, self.waiting, self.running, self.superseded, self.removed];
        let by_reason = self.skipped.values().chain(self.failed.values());
        single.iter().chain(by_reason).map(|count| u128::from(*count)).sum()
    }

    fn add(&mut self, other: &ListBooks) {
        for (sum, more) in [
            (&mut self.received, other.received),
            (&mut self.done, other.done),
            (&mut self.waiting, other.waiting),
            (&mut self.running, other.running),
            (&mut self.superseded, other.superseded),
            (&mut self.removed, other.removed),
        ] {
            *sum = sum.saturating_add(more);
        }
        for (sums, more) in [
            (&mut self.skipped, &other.skipped),
            (&mut self.failed, &other.failed),
            (&mut self.stopped, &other.stopped),
        ] {
            for (reason, count) in more {
                reasons::count(sums, reason, *count);
            }
        }
    }
}

/// Reasons as we show them: labels, and not too many.
fn labels(told: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for (reason, count) in told {
        reasons::count(&mut counts, &label(reason), *count);
    }
    counts
}
