//! What became of the lists that nodes were last sent (`spec/keep-balance.md` section 7, W14). A plain keepstore cannot tell.
//!
//! It informs; nothing is trashed or kept because of it. What a node says is cut to size at the door: it may be damaged.

mod told;

use std::time::Duration;

use futures_util::future::join_all;
use keep_protocol::client::ClientError;
use keep_protocol::paths::LedgerQuery;
use keep_protocol::status::{LedgerEntry, ListName, ListStatus, OutcomeKind};
use keep_rules::{BlockHash, Timestamp};
use tokio::time::{Instant, timeout_at};

use crate::reasons::label;
use crate::retry::Patience;
use crate::sent::{Sent, SentToServer, SentTrash};
use crate::servers::Server;

pub use told::{Failure, ListBooks, Outcomes, ServerOutcomes, Told};

/// Failures of one list that are asked for by name; the others are only counted.
pub const NAMED_MAX: u64 = 10_000;
/// How long a node may take to name them.
const NAMED_WITHIN: Duration = Duration::from_secs(60);
/// How often a node is asked.
const TRIES: u32 = 2;
/// The longest name of a mount that is taken note of.
const MOUNT_BYTES_MAX: usize = 128;

/// What is known of a list before its node is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// None was sent, or it was cleared.
    Nothing,
    /// It was sent, and the answer got lost.
    OnItsWay,
    /// The node took it, and gave it no number.
    Taken,
    /// The node's number for it.
    Numbered(u64),
}

impl From<Option<u64>> for Known {
    fn from(list_id: Option<u64>) -> Known {
        list_id.map_or(Known::Taken, Known::Numbered)
    }
}

impl Known {
    fn of_trash(sent: Option<&SentToServer>) -> Known {
        match sent.map(|sent| &sent.trash) {
            Some(SentTrash::Plan { list_id, .. }) => (*list_id).into(),
            Some(SentTrash::Unknown) => Known::OnItsWay,
            Some(SentTrash::Cleared { .. }) | None => Known::Nothing,
        }
    }
}

/// Asks every node, all at once, what became of the lists that it was last sent. A node that does not answer soon is left
/// out: whoever needs it will say so.
pub async fn ask(servers: &[Server], sent: &Sent, patience: Patience) -> Outcomes {
    let patience = Patience { tries: patience.tries.min(TRIES), ..patience };
    let asked = servers.iter().map(async |server| {
        let pulls = sent.pulls_of(&server.uuid);
        let pulls = pulls.map_or(Known::Nothing, |pulls| pulls.list_id.into());
        let trashes = Known::of_trash(sent.of(&server.uuid));
        let pulls = list(server, ListName::Pull, pulls, patience).await;
        // A node that is away does not come back for the second question.
        let trashes = match (&pulls, trashes) {
            (Err(away), Known::Numbered(_)) => Err(away.clone()),
            (Ok(_) | Err(_), known) => list(server, ListName::Trash, known, patience).await,
        };
        let away = |Away(why)| (Told::Unknown { why }, Vec::new());
        let (pulls, pull_failures) = pulls.unwrap_or_else(away);
        let (trashes, trash_failures) = trashes.unwrap_or_else(away);
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

/// A node that cannot be reached, and why.
#[derive(Clone, Debug)]
struct Away(String);

/// What became of one list of one node.
async fn list(
    server: &Server,
    name: ListName,
    known: Known,
    patience: Patience,
) -> Result<(Told, Vec<Failure>), Away> {
    let only = |told| Ok((told, Vec::new()));
    let id = match known {
        Known::Nothing => return only(Told::NothingSent),
        Known::Taken => return only(Told::NotTold),
        Known::OnItsWay => {
            let why = "it was sent, and the answer got lost: it may or may not have arrived";
            return only(unknown(server, name, why.to_owned()));
        }
        Known::Numbered(id) => id,
    };
    let status = match patience.ask(async || server.client.list_by_id(name, id).await).await {
        Ok(status) => status,
        Err(ClientError::PlainKeepstore) => return only(Told::NotTold),
        Err(ClientError::NotFound) => return only(Told::Forgotten),
        Err(error @ ClientError::Unreachable { .. }) => {
            let why = error.to_string();
            tracing::warn!(url = %server.url, why, "it is not known what became of the last lists");
            return Err(Away(why));
        }
        Err(error) => return only(unknown(server, name, error.to_string())),
    };
    let books = match ListBooks::read(&status) {
        Ok(books) => books,
        Err(why) => return only(unknown(server, name, why)),
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
    Ok((Told::Books(books), failures))
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
    let deadline = Instant::now() + NAMED_WITHIN;
    let Ok(entries) = timeout_at(deadline, server.client.ledger(query)).await else {
        return Err(too_slow());
    };
    let mut entries = entries?;
    let right = |entry| failure(server, name, id, entry);
    named(async || entries.next().await, right, deadline).await
}

/// What `right` makes of the first [`NAMED_MAX`] lines, whatever they are: a node that says something else does not go on for
/// ever, and one that is slow no longer than until `deadline`.
async fn named(
    mut next: impl AsyncFnMut() -> Option<Result<LedgerEntry, ClientError>>,
    right: impl Fn(LedgerEntry) -> Option<Failure>,
    deadline: Instant,
) -> Result<Vec<Failure>, ClientError> {
    let mut failures = Vec::new();
    for _ in 0..NAMED_MAX {
        match timeout_at(deadline, next()).await {
            Ok(Some(entry)) => failures.extend(right(entry?)),
            Ok(None) => break,
            Err(_elapsed) => return Err(too_slow()),
        }
    }
    Ok(failures)
}

fn too_slow() -> ClientError {
    let doing = format!("the ledger has not come to its end within {} s", NAMED_WITHIN.as_secs());
    ClientError::Unreachable { doing, source: None }
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
    use keep_protocol::client::KeepClient;
    use keep_protocol::status::ListState;
    use url::Url;

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

    fn line(hash: u8) -> LedgerEntry {
        LedgerEntry {
            number: 1,
            time_ns: 1,
            operation: "trash".to_owned(),
            hash: BlockHash::from_bytes([hash; 16]).to_string(),
            size: None,
            mtime_ns: None,
            mount_uuid: "mount".to_owned(),
            list_id: Some(3),
            outcome: "failed".to_owned(),
            reason: Some("volume_error".to_owned()),
            chain: String::new(),
        }
    }

    fn server() -> Server {
        let url: Url = "http://127.0.0.1:9".parse().unwrap();
        let client = KeepClient::new(url.clone(), None).unwrap();
        Server { uuid: "a".to_owned(), url, client }
    }

    #[tokio::test]
    async fn a_node_that_sends_other_lines_for_ever_is_read_for_so_many_lines_only() {
        let server = server();
        let right = |entry| failure(&server, ListName::Trash, 3, entry);
        let later = Instant::now() + Duration::from_secs(3600);
        let mut read = 0;
        let foreign = async || {
            read += 1;
            Some(Ok(LedgerEntry { list_id: Some(4), ..line(1) }))
        };
        assert_eq!(named(foreign, right, later).await.unwrap(), []);
        assert_eq!(read, NAMED_MAX);
        let mut lines = vec![line(1), LedgerEntry { hash: "?".to_owned(), ..line(2) }, line(3)];
        let found = named(async || lines.pop().map(Ok), right, later).await.unwrap();
        assert_eq!(found.len(), 2);
    }

    #[tokio::test]
    async fn a_node_that_stops_in_the_middle_of_its_ledger_is_not_waited_for() {
        let server = server();
        let right = |entry| failure(&server, ListName::Trash, 3, entry);
        let silent = named(async || std::future::pending().await, right, Instant::now()).await;
        assert!(silent.unwrap_err().to_string().contains("has not come to its end"));
    }

    #[tokio::test]
    async fn a_list_whose_answer_got_lost_is_unknown_and_not_nothing() {
        let mut sent = Sent::default();
        sent.sending(("a", "http://a"), Timestamp::from_seconds(1));
        let told = ask(&[server()], &sent, Patience::default()).await.servers.remove(0);
        assert_eq!(told.pulls, Told::NothingSent);
        assert!(matches!(told.trashes, Told::Unknown { why } if why.contains("may or may not")));
    }
}
