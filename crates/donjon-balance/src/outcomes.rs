//! What became of the lists that nodes were last sent (`spec/keep-balance.md` section 7, W14). A plain keepstore cannot tell.
//!
//! It informs; nothing is trashed or kept because of it. What a node says is cut to size at the door: it may be damaged.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use keep_protocol::client::ClientError;
use keep_protocol::paths::LedgerQuery;
use keep_protocol::status::{LedgerEntry, ListName, ListState, ListStatus, OutcomeKind};
use keep_rules::{BlockHash, Timestamp};
use serde::{Deserialize, Serialize};

use crate::retry::Patience;
use crate::sent::{Sent, SentTrash};
use crate::servers::Server;

/// Failures of one list that are asked for by name; the others are only counted.
pub const NAMED_MAX: u64 = 10_000;
/// Reasons of one list that are told apart.
const REASONS_MAX: usize = 32;
/// The longest name of a mount that is taken note of.
const MOUNT_BYTES_MAX: usize = 128;
/// The longest label of a reason.
const REASON_BYTES_MAX: usize = 40;
/// What a reason is called that is no label, or one too many.
const OTHER: &str = "other";

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
    fn read(status: &ListStatus) -> Result<ListBooks, String> {
        let mut books = ListBooks {
            received: status.received,
            done: status.done,
            skipped: reasons(&status.skipped),
            failed: reasons(&status.failed),
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
                let sum = sums.entry(known(sums, reason)).or_default();
                *sum = sum.saturating_add(*count);
            }
        }
    }
}

/// Reasons as we show them: labels, and not too many.
fn reasons(told: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for (reason, count) in told {
        let sum: &mut u64 = counts.entry(known(&counts, &label(reason))).or_default();
        *sum = sum.saturating_add(*count);
    }
    counts
}

/// The reason, unless there are too many already.
fn known(counts: &BTreeMap<String, u64>, reason: &str) -> String {
    let new = !counts.contains_key(reason);
    if new && counts.len() >= REASONS_MAX { OTHER.to_owned() } else { reason.to_owned() }
}

/// The reason, if it is a label.
fn label(reason: &str) -> String {
    let is_label = !reason.is_empty()
        && reason.len() <= REASON_BYTES_MAX
        && reason.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if is_label { reason.to_owned() } else { OTHER.to_owned() }
}

/// Asks every node, all at once, what became of the lists that it was last sent.
pub async fn ask(servers: &[Server], sent: &Sent, patience: Patience) -> Outcomes {
    let asked = servers.iter().map(async |server| {
        let pulls = sent.pulls_of(&server.uuid).map(|pulls| pulls.list_id);
        let trashes = sent.of(&server.uuid).and_then(|sent| match &sent.trash {
            SentTrash::Plan { list_id, .. } => Some(*list_id),
            SentTrash::Unknown | SentTrash::Cleared => None,
        });
        let (pulls, pull_failures) = list(server, ListName::Pull, pulls, patience).await;
        let (trashes, trash_failures) = list(server, ListName::Trash, trashes, patience).await;
        let told = ServerOutcomes { url: server.url.to_string(), pulls, trashes };
        (told, pull_failures.into_iter().chain(trash_failures))
    });
    let mut outcomes = Outcomes::default();
    for (told, failures) in join_all(asked).await {
        outcomes.servers.push(told);
        outcomes.failures.extend(failures);
    }
    outcomes
}

/// What became of one list of one node. `sent` is its number there, if one was sent and the node gave one.
async fn list(
    server: &Server,
    name: ListName,
    sent: Option<Option<u64>>,
    patience: Patience,
) -> (Told, Vec<Failure>) {
    let id = match sent {
        None => return (Told::NothingSent, Vec::new()),
        Some(None) => return (Told::NotTold, Vec::new()),
        Some(Some(id)) => id,
    };
    let status = match patience.ask(async || server.client.list_by_id(name, id).await).await {
        Ok(status) => status,
        Err(ClientError::PlainKeepstore) => return (Told::NotTold, Vec::new()),
        Err(ClientError::NotFound) => return (Told::Forgotten, Vec::new()),
        Err(error) => return (unknown(server, name, error.to_string()), Vec::new()),
    };
    let books = match ListBooks::read(&status) {
        Ok(books) => books,
        Err(why) => return (unknown(server, name, why), Vec::new()),
    };
    let failures = if books.failed.is_empty() {
        Vec::new()
    } else {
        match failures(server, name, &status).await {
            Ok(failures) => failures,
            Err(error) => {
                tracing::warn!(url = %server.url, list = name.as_str(), %error, "the node does not say which items failed");
                Vec::new()
            }
        }
    };
    (Told::Books(books), failures)
}

fn unknown(server: &Server, name: ListName, why: String) -> Told {
    tracing::warn!(url = %server.url, list = name.as_str(), why, "it is not known what became of the last list");
    Told::Unknown { why }
}

/// The items of a list that failed, the oldest [`NAMED_MAX`] of them, as the node's ledger has them.
async fn failures(
    server: &Server,
    name: ListName,
    status: &ListStatus,
) -> Result<Vec<Failure>, ClientError> {
    let id = status.generation;
    let query = LedgerQuery {
        list: Some(id),
        operation: Some(name.as_str()),
        outcome: Some(OutcomeKind::Failed),
        since: status.received_at_ns.map(Timestamp::from_nanos),
        limit: Some(NAMED_MAX),
        ..LedgerQuery::default()
    };
    let mut failures = Vec::new();
    let mut entries = server.client.ledger(query).await?;
    while let Some(entry) = entries.next().await {
        failures.extend(failure(server, name, id, entry?));
        if failures.len() as u64 >= NAMED_MAX {
            break;
        }
    }
    Ok(failures)
}

/// A line of the ledger, if it says what was asked for.
fn failure(server: &Server, list: ListName, id: u64, entry: LedgerEntry) -> Option<Failure> {
    let right = entry.operation == list.as_str()
        && entry.outcome == OutcomeKind::Failed.as_str()
        && entry.list_id == Some(id)
        && entry.mount_uuid.len() <= MOUNT_BYTES_MAX;
    let hash = BlockHash::from_hex(entry.hash.as_bytes()).ok()?;
    right.then(|| Failure {
        list,
        list_id: id,
        server: server.uuid.clone(),
        mount: entry.mount_uuid,
        hash,
        at: Timestamp::from_nanos(entry.time_ns),
        reason: label(entry.reason.as_deref().unwrap_or_default()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> ListStatus {
        ListStatus {
            generation: 3,
            received: 10,
            done: 4,
            waiting: 2,
            skipped: [("too_new".to_owned(), 1)].into(),
            failed: [("volume_error".to_owned(), 3)].into(),
            state: ListState::Paused,
            ..ListStatus::none(ListName::Trash)
        }
    }

    #[test]
    fn books_are_read_and_added_up() {
        let books = ListBooks::read(&status()).unwrap();
        assert_eq!(books.stopped, [("paused".to_owned(), 1)].into());
        let server =
            |trashes| ServerOutcomes { url: String::new(), pulls: Told::NothingSent, trashes };
        let told = vec![
            server(Told::Books(books.clone())),
            server(Told::NotTold),
            server(Told::Books(books)),
        ];
        let outcomes = Outcomes { servers: told, failures: Vec::new() };
        let sum = outcomes.total(ListName::Trash);
        assert_eq!((sum.received, sum.done, sum.failed["volume_error"]), (20, 8, 6));
        assert_eq!(outcomes.total(ListName::Pull), ListBooks::default());
        assert!(outcomes.is_told());
    }

    #[test]
    fn books_that_do_not_balance_are_not_believed() {
        for status in [
            ListStatus { done: 5, ..status() },
            ListStatus { done: u64::MAX, waiting: u64::MAX, ..status() },
            ListStatus { received: 0, ..status() },
        ] {
            assert!(ListBooks::read(&status).unwrap_err().contains("do not balance"));
        }
    }

    #[test]
    fn what_is_no_label_is_another_reason_and_there_are_not_too_many() {
        let mut told: BTreeMap<String, u64> =
            (0..100).map(|number| (format!("reason_{number:03}"), 1)).collect();
        told.insert("a text\nwith \"quotes\"".to_owned(), 5);
        told.insert("x".repeat(1000), 7);
        let counts = reasons(&told);
        assert!(counts.len() <= REASONS_MAX + 1);
        assert_eq!(counts.values().sum::<u64>(), 112);
        assert!(counts.keys().all(|reason| label(reason) == *reason));
    }
}
