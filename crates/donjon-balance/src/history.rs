//! The last runs, for people: when, how long, how they ended, what they counted and what became of their lists.
//!
//! A run is noted before it begins, so that one that was killed is seen. The history informs: if it cannot be written, the run
//! goes on, and a warning says so.

use std::path::{Path, PathBuf};
use std::time::Duration;

use keep_protocol::status::ListName;
use keep_rules::Timestamp;
use serde::{Deserialize, Serialize};

use crate::apply::{Applied, AppliedTo, Sending};
use crate::durable::{self, StateError};
use crate::once::Made;
use crate::orders::SetbackCounts;
use crate::outcomes::{ListBooks, Outcomes, Told};
use crate::postgres::Confirmed;

/// Runs that are remembered: a month of four a day.
pub const RUNS_MAX: usize = 120;
/// The longest text of a reason.
const REASON_CHARS_MAX: usize = 1000;
/// The most reasons of one run.
const REASONS_MAX: usize = 16;
/// The name of the file in the state directory.
const FILE: &str = "history.json";
/// The format we write.
const FORMAT: u32 = 1;
/// The longest file that is read.
const LENGTH_MAX: u64 = 16 << 20;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// A plan, and its lists sent.
    Once,
    /// A plan.
    Plan,
    /// The lists of a plan that was there.
    Apply,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It has not, or it was killed: see [`History::load`].
    Running,
    /// It was killed, or the machine stopped.
    Killed,
    /// Lists were sent.
    Sent,
    /// A plan was made.
    Planned,
    /// Brakes held it.
    Held,
    /// It failed. What was sent until then is in its counts.
    Failed,
}

impl Asked {
    /// The word in JSON and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Asked::Once => "once",
            Asked::Plan => "plan",
            Asked::Apply => "apply",
        }
    }
}

impl Ended {
    /// The word in JSON and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Ended::Running => "running",
            Ended::Killed => "killed",
            Ended::Sent => "sent",
            Ended::Planned => "planned",
            Ended::Held => "held",
            Ended::Failed => "failed",
        }
    }
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// When it began, nanoseconds since 1970.
    pub begun_at: i64,
    /// What was asked for.
    pub asked: Asked,
    /// How it ended.
    pub ended: Ended,
    /// Seconds that it took; absent if it did not end.
    pub seconds: Option<f64>,
    /// Why it failed or was held; the reasons of brakes one by one.
    pub why: Vec<String>,
    /// Its plan.
    pub plan: Option<String>,
    /// The digest of its plan.
    pub digest: Option<String>,
    /// What it found and decided.
    pub found: Option<Found>,
    /// What was sent, all nodes together.
    pub sent: Option<SentCounts>,
    /// Collections whose confirmed columns were written.
    pub confirmed: Option<u64>,
    /// Why the trash lists of all nodes were cleared first, if they were.
    pub cleared: Option<String>,
    /// What became of the lists of the run before.
    pub before: Option<Before>,
    /// What failed before and was decided again.
    pub setbacks: Option<SetbackCounts>,
    /// The addresses of nodes where trashing was frozen. Files of earlier versions do not have them.
    #[serde(default)]
    pub frozen: Vec<String>,
}

/// What a run found and decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Collections.
    pub collections: u64,
    /// Blocks that some collection wants.
    pub wanted_blocks: u64,
    /// Replicas.
    pub replicas: u64,
    /// Their bytes.
    pub replica_bytes: u64,
    /// Replicas to trash.
    pub trashes: u64,
    /// Their bytes.
    pub trash_bytes: u64,
    /// Blocks with too few copies.
    pub underreplicated: u64,
    /// Blocks without any.
    pub lost: u64,
}

/// Entries that nodes took, and those left to a later run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentCounts {
    /// In pull lists.
    pub pulls: u64,
    /// Left out of pull lists.
    pub pulls_deferred: u64,
    /// In trash lists.
    pub trashes: u64,
    /// Left out of trash lists.
    pub trashes_deferred: u64,
}

/// What became of the lists of the run before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// Of pull lists, all nodes together.
    pub pulls: ListBooks,
    /// Of trash lists.
    pub trashes: ListBooks,
    /// Nodes that do not tell, or did not.
    pub nodes_silent: u64,
}

impl RunRecord {
    /// A run that begins.
    pub fn begin(asked: Asked, at: Timestamp) -> RunRecord {
        RunRecord {
            begun_at: at.as_nanos(),
            asked,
            ended: Ended::Running,
            seconds: None,
            why: Vec::new(),
            plan: None,
            digest: None,
            found: None,
            sent: None,
            confirmed: None,
            cleared: None,
            before: None,
            setbacks: None,
            frozen: Vec::new(),
        }
    }

    pub(crate) fn outcomes(&mut self, outcomes: &Outcomes) {
        let silent = |told: &Told| matches!(told, Told::NotTold | Told::Unknown { .. });
        let silent = outcomes.servers.iter().filter(|to| silent(&to.pulls) || silent(&to.trashes));
        let nodes_silent = silent.count() as u64;
        if outcomes.is_told() || nodes_silent > 0 {
            let (pulls, trashes) =
                (outcomes.total(ListName::Pull), outcomes.total(ListName::Trash));
            self.before = Some(Before { pulls, trashes, nodes_silent });
        }
    }

    pub(crate) fn made(&mut self, made: &Made) {
        use keep_rules::balance::Category;
        let blocks = |category| made.statistics.category(category).blocks;
        self.plan = Some(made.id.clone());
        self.digest = Some(made.digest.to_string());
        self.cleared.clone_from(&made.cleared);
        self.setbacks = Some(made.setbacks.clone()).filter(|counts| !counts.is_empty());
        self.found = Some(Found {
            collections: made.size.collections,
            wanted_blocks: made.size.wanted_blocks,
            replicas: made.size.replicas,
            replica_bytes: made.size.bytes,
            trashes: made.size.trashed,
            trash_bytes: made.size.trashed_bytes,
            underreplicated: blocks(Category::Underreplicated),
            lost: blocks(Category::Lost),
        });
    }

    pub(crate) fn applied(&mut self, applied: &Applied) {
        self.plan = Some(applied.plan.clone());
        self.frozen = applied.frozen().map(str::to_owned).collect();
        let sum = |of: fn(&AppliedTo) -> Option<&Sending>, what: fn(&Sending) -> u64| {
            applied.servers.iter().filter_map(of).map(what).sum()
        };
        let (pulls, trashes) = (
            (|to| to.pulls.as_ref()) as fn(&AppliedTo) -> Option<&Sending>,
            (|to| to.trashes.as_ref()) as fn(&AppliedTo) -> Option<&Sending>,
        );
        self.sent = Some(SentCounts {
            pulls: sum(pulls, |sending| sending.sent),
            pulls_deferred: sum(pulls, |sending| sending.deferred),
            trashes: sum(trashes, |sending| sending.sent),
            trashes_deferred: sum(trashes, |sending| sending.deferred),
        });
    }

    pub(crate) fn confirmed(&mut self, confirmed: &Confirmed) {
        self.confirmed = Some(confirmed.written);
    }

    /// The run ended so, for these reasons.
    pub(crate) fn end(&mut self, ended: Ended, why: impl IntoIterator<Item = String>) {
        self.ended = ended;
        let cut = |text: String| match text.char_indices().nth(REASON_CHARS_MAX) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        };
        self.why = why.into_iter().take(REASONS_MAX).map(cut).collect();
    }
}

/// The last runs, the newest last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// At most [`RUNS_MAX`].
    pub runs: Vec<RunRecord>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    format: u32,
    runs: Vec<RunRecord>,
}

impl History {
    /// What the state directory remembers. A damaged file is no history. A run that is `Running` was killed, unless somebody
    /// has the lock.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn load(dir: &Path) -> Result<History, StateError> {
        let path = dir.join(FILE);
        let Some(bytes) = durable::read(&path, LENGTH_MAX)? else { return Ok(History::default()) };
        match serde_json::from_slice::<Stored>(&bytes) {
            Ok(stored) if stored.format == FORMAT => Ok(History { runs: stored.runs }),
            Ok(_) | Err(_) => {
                tracing::warn!(path = %path.display(), "cannot be understood: a new history is begun");
                Ok(History::default())
            }
        }
    }

    /// When the newest run ended whose lists were sent.
    pub fn last_sent(&self) -> Option<Timestamp> {
        let sent = self.runs.iter().rev().find(|run| run.ended == Ended::Sent)?;
        let took = Duration::try_from_secs_f64(sent.seconds.unwrap_or(0.0)).unwrap_or_default();
        Some(Timestamp::from_nanos(sent.begun_at).after(took))
    }

    fn store(&self, dir: &Path) -> Result<(), StateError> {
        let stored = Stored { format: FORMAT, runs: self.runs.clone() };
        let text = serde_json::to_vec(&stored).expect("names and numbers are JSON");
        durable::replace(&dir.join(FILE), &text)
    }

    /// Adds a run. Those that are still `Running` were killed: there is one at a time.
    fn push(&mut self, run: RunRecord) {
        for run in &mut self.runs {
            if run.ended == Ended::Running {
                run.ended = Ended::Killed;
            }
        }
        self.runs.push(run);
        self.runs.drain(..self.runs.len().saturating_sub(RUNS_MAX));
    }
}

/// Notes one run in the history.
#[derive(Debug)]
pub(crate) struct Journal {
    dir: PathBuf,
    begun_at: i64,
    /// The run's beginning. If it could not be, nobody is told again that its end cannot be.
    begin: Noted,
}

/// Whether something stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Noted {
    Yes,
    No,
}

impl Journal {
    /// Notes that a run begins. Whoever calls it has the lock.
    pub(crate) fn begin(dir: &Path, run: &RunRecord) -> Journal {
        let mut journal =
            Journal { dir: dir.to_owned(), begun_at: run.begun_at, begin: Noted::Yes };
        journal.begin = journal.note(|history| history.push(run.clone()));
        journal
    }

    /// Notes how it ended.
    pub(crate) fn end(self, mut run: RunRecord, took: Duration) {
        run.seconds = Some(took.as_secs_f64());
        let begun_at = self.begun_at;
        self.note(|history| {
            match history.runs.last_mut().filter(|last| last.begun_at == begun_at) {
                Some(last) => *last = run,
                None => history.push(run),
            }
        });
    }

    /// It was no run after all.
    pub(crate) fn forget(self) {
        let begun_at = self.begun_at;
        self.note(|history| {
            if history.runs.last().is_some_and(|last| last.begun_at == begun_at) {
                history.runs.pop();
            }
        });
    }

    fn note(&self, change: impl FnOnce(&mut History)) -> Noted {
        let noted = History::load(&self.dir).and_then(|mut history| {
            change(&mut history);
            history.store(&self.dir)
        });
        match noted {
            Ok(()) => Noted::Yes,
            Err(error) => {
                if self.begin == Noted::Yes {
                    tracing::warn!(%error, "the history of runs cannot be written; the run goes on");
                }
                Noted::No
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> RunRecord {
        RunRecord::begin(Asked::Once, Timestamp::from_seconds(second))
    }

    #[test]
    fn a_run_is_noted_when_it_begins_and_again_when_it_ends() {
        let dir = tempfile::tempdir().unwrap();
        let mut run = at(1);
        let journal = Journal::begin(dir.path(), &run);
        assert_eq!(History::load(dir.path()).unwrap().runs, [run.clone()]);
        run.end(Ended::Held, ["too much".to_owned()]);
        journal.end(run, Duration::from_secs(2));
        let runs = History::load(dir.path()).unwrap().runs;
        assert_eq!((runs.len(), runs[0].ended, runs[0].seconds), (1, Ended::Held, Some(2.0)));
    }

    #[test]
    fn what_was_no_run_is_forgotten_and_the_one_before_is_not() {
        let dir = tempfile::tempdir().unwrap();
        Journal::begin(dir.path(), &at(1)).end(at(1), Duration::ZERO);
        Journal::begin(dir.path(), &at(2)).forget();
        let runs = History::load(dir.path()).unwrap().runs;
        assert_eq!(runs.iter().map(|run| run.begun_at).collect::<Vec<_>>(), [at(1).begun_at]);
    }

    #[test]
    fn the_newest_run_that_sent_its_lists_is_the_last_success() {
        let mut history = History::default();
        assert_eq!(history.last_sent(), None);
        for (second, ended) in [(1, Ended::Sent), (5, Ended::Sent), (9, Ended::Failed)] {
            let mut run = at(second);
            run.end(ended, []);
            run.seconds = Some(2.0);
            history.push(run);
        }
        assert_eq!(history.last_sent(), Some(Timestamp::from_seconds(7)));
    }

    #[test]
    fn a_run_that_was_killed_is_seen_by_the_next() {
        let dir = tempfile::tempdir().unwrap();
        Journal::begin(dir.path(), &at(1));
        Journal::begin(dir.path(), &at(2));
        let ended: Vec<Ended> =
            History::load(dir.path()).unwrap().runs.iter().map(|run| run.ended).collect();
        assert_eq!(ended, [Ended::Killed, Ended::Running]);
    }

    #[test]
    fn the_file_is_bounded_and_damage_begins_a_new_one() {
        let dir = tempfile::tempdir().unwrap();
        let long = "ä".repeat(100_000);
        for second in 0..300 {
            let mut run = at(second);
            let journal = Journal::begin(dir.path(), &run);
            run.end(Ended::Failed, std::iter::repeat_n(long.clone(), 100));
            journal.end(run, Duration::ZERO);
        }
        let history = History::load(dir.path()).unwrap();
        assert_eq!(history.runs.len(), RUNS_MAX);
        assert_eq!(history.runs[0].begun_at, at(300 - 120).begun_at);
        let file = dir.path().join(FILE);
        assert!(std::fs::metadata(&file).unwrap().len() < LENGTH_MAX);
        let text = std::fs::read(&file).unwrap();
        std::fs::write(&file, &text[..text.len() - 1]).unwrap();
        assert_eq!(History::load(dir.path()).unwrap(), History::default());
        Journal::begin(dir.path(), &at(1));
        assert_eq!(History::load(dir.path()).unwrap().runs.len(), 1);
    }
}
