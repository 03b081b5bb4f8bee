//! The node's ledger: what was done to which replica, on whose behalf.
//!
//! A record is handed to the system right after the act, so it outlives the process; it is synced once a second. The
//! ledger informs: if it cannot be written, the act stands, and an alarm says so.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use keep_protocol::status::LedgerEntry;
use keep_rules::{BlockHash, Timestamp};
use ledger::{ChainValue, Entries, Entry, Filter, Ledger, LedgerError, ListId, Record};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::interval;

use crate::http::{Answer, Body, BodySender, Failure, Permit, json};
use crate::lists::Query;
use crate::mounts::sentence;
use crate::node::{Node, NodeNotMade};

/// The directory in the state directory.
const DIR: &str = "ledger";

/// How often it is synced.
const SYNC_PERIOD: Duration = Duration::from_secs(1);

/// Entries that are gathered before they are sent.
const ENTRIES_TOGETHER: usize = 256;

/// The ledger of a node; none if the node has no state directory.
#[derive(Debug, Default)]
pub(crate) struct Books {
    open: Option<Open>,
    errors: AtomicU64,
}

#[derive(Debug)]
struct Open {
    ledger: Arc<Ledger>,
    dir: PathBuf,
}

impl Books {
    /// Opens the ledger of a state directory. Blocks.
    ///
    /// One that does not verify at its end is put aside for people to look at, and a new one is begun. The node serves
    /// on; `freeze` keeps it from trashing, and comes first: a ledger that is gone tells nobody why.
    ///
    /// # Errors
    /// [`NodeNotMade::Ledger`] if it is in use, or cannot be written; [`NodeNotMade::Settings`] if it is damaged and
    /// `freeze` fails. It is as it was then.
    pub(crate) fn open(
        state_dir: Option<&Path>,
        node: &str,
        now: Timestamp,
        freeze: impl FnOnce(&str) -> io::Result<()>,
    ) -> Result<Books, NodeNotMade> {
        let Some(state_dir) = state_dir else { return Ok(Books::default()) };
        let dir = state_dir.join(DIR);
        let opened = match Ledger::open(&dir, node, now) {
            Err(LedgerError::Damaged(problem)) => {
                freeze(&format!("the ledger was damaged and is put aside: {problem}"))
                    .map_err(NodeNotMade::Settings)?;
                let aside = state_dir.join(format!("{DIR}.damaged-{}", now.as_seconds()));
                tracing::error!(%problem, aside = %aside.display(), "the ledger is damaged: it is put aside, and a new one is begun");
                if let Err(error) = std::fs::rename(&dir, &aside) {
                    tracing::error!(%error, "cannot put the ledger aside");
                    return Err(LedgerError::Damaged(problem).into());
                }
                Ledger::open(&dir, node, now)?
            }
            other => other?,
        };
        let (ledger, opened) = opened;
        if let Some(torn) = &opened.repaired {
            tracing::warn!(?torn, "a crash tore the last record of the ledger: it was cut off");
        }
        let open = Some(Open { ledger: Arc::new(ledger), dir });
        Ok(Books { open, errors: AtomicU64::new(0) })
    }

    /// Puts an act on record.
    pub(crate) fn record(&self, record: &Record) {
        let Some(open) = &self.open else { return };
        if let Err(error) = open.ledger.append(record) {
            self.failed(&error);
        }
    }

    /// Records so far, of this node's whole life.
    pub(crate) fn records(&self) -> u64 {
        self.open.as_ref().and_then(|open| open.ledger.head().record).map_or(0, |number| number.0)
    }

    /// Failures since the start.
    pub(crate) fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// What is on record, in the order of time; nothing without a ledger. Blocks.
    pub(crate) fn read(&self, filter: Filter) -> Result<Option<Entries>, LedgerError> {
        self.open.as_ref().map(|open| ledger::read(&open.dir, filter)).transpose()
    }

    async fn sync(&self) {
        let Some(ledger) = self.open.as_ref().map(|open| open.ledger.clone()) else { return };
        let synced = tokio::task::spawn_blocking(move || ledger.sync())
            .await
            .expect("syncing does not panic");
        if let Err(error) = synced {
            self.failed(&error);
        }
    }

    fn failed(&self, error: &LedgerError) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        tracing::error!(error = sentence(error), "cannot write the ledger");
    }
}

/// Syncs once a second, and writes the progress of the lists, until `stopping` changes.
pub(crate) async fn run(node: Arc<Node>, mut stopping: watch::Receiver<()>) {
    let mut ticks = interval(SYNC_PERIOD);
    loop {
        let stopped = tokio::select! {
            _now = ticks.tick() => false,
            _stop = stopping.changed() => true,
        };
        node.trash_list.write_progress();
        node.pull_list.write_progress();
        node.books.sync().await;
        if stopped {
            return;
        }
    }
}

/// An entry as the API shows it.
pub(crate) fn shown(entry: &Entry) -> LedgerEntry {
    let Record { time, operation, block, size, mtime, mount, list, outcome, reason } =
        &entry.record;
    LedgerEntry {
        number: entry.number.0,
        time_ns: time.as_nanos(),
        operation: operation.as_str().to_owned(),
        hash: block.to_string(),
        size: *size,
        mtime_ns: mtime.map(Timestamp::as_nanos),
        mount_uuid: mount.as_ref().map_or_else(String::new, ToString::to_string),
        list_id: list.map(|list| list.0),
        outcome: outcome.as_str().to_owned(),
        reason: reason.as_ref().map(|reason| reason.as_str().to_owned()),
        chain: entry.chain.to_string(),
    }
}

/// `GET /donjon/v1/ledger`: the entries that the query asks for, one JSON object a line.
pub(crate) async fn show(
    node: &Arc<Node>,
    query: Query<'_>,
    permit: Permit,
) -> Result<Answer, Failure> {
    let filter = filter(query)?;
    let limit = query.number("limit")?.unwrap_or(u64::MAX);
    let reader = node.clone();
    let entries = blocking(move || reader.books.read(filter)).await?;
    let (sender, body) = Body::stream(None, node.limits.body_stall_timeout);
    match entries {
        None => sender.finish(),
        Some(entries) => drop(tokio::spawn(send(entries, limit, sender, permit))),
    }
    let mut answer = Answer::new(body);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    Ok(answer)
}

fn filter(query: Query<'_>) -> Result<Filter, Failure> {
    Ok(Filter {
        block: query.parsed("block")?,
        list: query.number("list")?.map(ListId),
        operation: query.parsed("operation")?,
        outcome: query.parsed("outcome")?,
        since: query.number("since_ns")?.map(Timestamp::from_nanos),
        until: query.number("until_ns")?.map(Timestamp::from_nanos),
        mount: query.parsed("mount")?,
    })
}

async fn send(mut entries: Entries, mut limit: u64, sender: BodySender, mut permit: Permit) {
    loop {
        let batch = tokio::task::spawn_blocking(move || {
            let text = lines(&mut entries, &mut limit);
            (entries, limit, text)
        });
        let text;
        (entries, limit, text) = batch.await.expect("reading the ledger does not panic");
        match text {
            Ok(text) if text.is_empty() => return sender.finish(),
            Ok(text) => {
                if sender.send(Bytes::from(text), &mut permit).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::error!(error = sentence(&error), "reading the ledger broke off");
                return;
            }
        }
    }
}

fn lines(entries: &mut Entries, limit: &mut u64) -> Result<Vec<u8>, LedgerError> {
    let mut text = Vec::new();
    let together = usize::try_from(*limit).unwrap_or(usize::MAX).min(ENTRIES_TOGETHER);
    for entry in entries.by_ref().take(together) {
        serde_json::to_writer(&mut text, &shown(&entry?)).expect("plain data becomes JSON");
        text.push(b'\n');
        *limit -= 1;
    }
    Ok(text)
}

/// `GET /donjon/v1/ledger/verify`: the whole chain.
pub(crate) async fn verify(node: &Arc<Node>, query: Query<'_>) -> Result<Answer, Failure> {
    let head: Option<ChainValue> = query.parsed("head")?;
    let Some(dir) = node.books.open.as_ref().map(|open| open.dir.clone()) else {
        return Err(Failure::new(
            StatusCode::NOT_FOUND,
            "this node keeps no ledger: it has no state directory",
        ));
    };
    let report = blocking(move || ledger::verify(&dir, head)).await?;
    let problems: Vec<_> = report
        .problems
        .iter()
        .map(|problem| {
            json!({
                "file": problem.file.to_string(),
                "line": problem.line,
                "byte": problem.byte,
                "what": problem.what.to_string(),
            })
        })
        .collect();
    let report = json!({
        "files": report.files,
        "records": report.records,
        "first_chain": report.first_chain.map(|chain| chain.to_string()),
        "last_chain": report.last_chain.map(|chain| chain.to_string()),
        "problems": problems,
    });
    Ok(json(StatusCode::OK, &report))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LedgerError> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.expect("reading the ledger does not panic").map_err(
        |error| {
            tracing::error!(error = sentence(&error), "cannot read the ledger");
            Failure::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the ledger cannot be read; the log says more",
            )
        },
    )
}

/// The last entries about a block, oldest first.
pub(crate) async fn history(
    node: &Arc<Node>,
    block: BlockHash,
    most: usize,
) -> Result<Vec<LedgerEntry>, Failure> {
    let reader = node.clone();
    blocking(move || {
        let filter = Filter { block: Some(block), ..Filter::default() };
        let mut last = std::collections::VecDeque::new();
        for entry in reader.books.read(filter)?.into_iter().flatten() {
            if last.len() == most {
                last.pop_front();
            }
            last.push_back(shown(&entry?));
        }
        Ok(last.into())
    })
    .await
}

#[cfg(test)]
mod tests {
    use keep_rules::BlockHash;
    use ledger::{Operation, Outcome};

    use super::*;

    #[test]
    fn a_damaged_ledger_is_put_aside_and_said_so() {
        let state = tempfile::tempdir().unwrap();
        let now = Timestamp::from_seconds(1_800_000_000);
        let record = Record::new(now, Operation::Trash, BlockHash::EMPTY, Outcome::Done);
        let open = |freeze: &mut dyn FnMut(&str) -> io::Result<()>| {
            Books::open(Some(state.path()), "test", now, freeze)
        };
        let books = open(&mut |doubt| panic!("{doubt}")).unwrap();
        books.record(&record);
        drop(books);
        let file = state.path().join(DIR).join("ledger-00000001.jsonl");
        let text = std::fs::read_to_string(&file).unwrap().replace("\"trash\"", "\"empty\"");
        std::fs::write(&file, &text).unwrap();

        let refused = open(&mut |_doubt| Err(io::ErrorKind::StorageFull.into()));
        assert!(matches!(refused, Err(NodeNotMade::Settings(_))));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text, "frozen first, or not at all");

        let mut doubts = Vec::new();
        let books = open(&mut |doubt| {
            assert!(file.exists(), "it is frozen before anything is put aside");
            doubts.push(doubt.to_owned());
            Ok(())
        });
        let books = books.unwrap();
        assert!(doubts[0].contains("damaged") && doubts.len() == 1, "{doubts:?}");
        books.record(&record);
        assert_eq!((books.records(), books.errors()), (1, 0));
        assert!(state.path().join("ledger.damaged-1800000000").is_dir());
    }
}
