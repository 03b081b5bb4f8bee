//! What came of a plan that was applied: what every node was sent, and what it answered.

use keep_protocol::client::{ListReceipt, ReceiptState};
use keep_protocol::status::ListState;

use crate::phase::Took;

/// What a plan's lists became.
#[derive(Debug)]
pub struct Applied {
    /// For each node of the plan: what it was sent, and what it said.
    pub servers: Vec<AppliedTo>,
    /// The plan's id.
    pub plan: String,
    /// How long sending took.
    pub took: Took,
}

/// What one node was sent.
#[derive(Debug, Default)]
pub struct AppliedTo {
    /// Its address.
    pub url: String,
    /// Entries of its pull list, and those left to a later run. Nothing if pull lists are not sent.
    pub pulls: Option<Sending>,
    /// The same of its trash list.
    pub trashes: Option<Sending>,
}

impl Applied {
    /// The nodes that said that trashing is frozen there: they took their trash lists, and do nothing with them.
    pub fn frozen(&self) -> impl Iterator<Item = &str> {
        let state = |to: &AppliedTo| to.trashes.as_ref()?.receipt.as_ref()?.state;
        let frozen = Some(ReceiptState::Current(ListState::Frozen));
        self.servers.iter().filter(move |to| state(to) == frozen).map(|to| to.url.as_str())
    }
}

/// A list that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending {
    /// Entries.
    pub sent: u64,
    /// Entries left to a later run.
    pub deferred: u64,
    /// What the node answered; a plain keepstore has no receipts.
    pub receipt: Option<ListReceipt>,
}
