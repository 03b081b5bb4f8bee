//! What there is and what is wanted, learnt in the order that makes it safe (`spec/keep-balance.md` sections 2.5 and 8.2):
//! the instant first, then replicas and references; any doubt ends the run.

use std::sync::Arc;

use keep_rules::Timestamp;
use keep_rules::balance::{Layout, WishBook};

use crate::confirm::{Enrolled, Enrolling, RollError, RollWriter};
use crate::indexes::{self, IndexRead, IndexesError, Reading};
use crate::join::Facts;
use crate::keep::DoomedError;
use crate::layout::{MountsError, layout};
use crate::missing::Wanting;
use crate::postgres::Database;
use crate::progress::Progress;
use crate::references::{Intake, IntakeError, ReferencesRead};
use crate::runs::{DoomedRecord, Feeder, MemberRecord, ReferenceRecord, SortError, Sorted, Sorter};
use crate::servers::{Server, ServerFacts, ServersError, census};
use crate::settings::Settings;
use crate::sorters::{INDEXES_AT_ONCE, Sorters};

/// How often a source is read that is changed all the while.
const CHANGED_TRIES: u32 = 5;

/// Where references come from. A source that fails, or is not whole, ends the run: nobody goes on with what there is.
pub trait References: Send + Sync {
    /// What kind of source it is: `manifest_store`, `postgresql`.
    fn kind(&self) -> &'static str;

    /// Which one it is: for people. No secret is in it.
    fn name(&self) -> String;

    /// The database that its collections are rows of, where confirmed columns can be written. There is none by default.
    fn database(&self) -> Option<&Database> {
        None
    }

    /// Gives every collection to `intake`, whole or not at all, and says in `intake.read` what state of the source that was.
    /// Called on a thread where blocking is allowed.
    ///
    /// # Errors
    /// The source cannot be read whole, or is not what it was when the reading began.
    fn read(&self, intake: &mut Intake<'_>) -> Result<(), SourceError>;

    /// Adds to each block of `wanting` the portable data hashes of the collections that name it, whatever state the source
    /// is in by now.
    ///
    /// # Errors
    /// As [`References::read`].
    fn wanting(&self, wanting: &mut Wanting) -> Result<(), SourceError>;
}

/// Why a source of references cannot be relied on.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A collection cannot be taken.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// The source was changed while it was read. It is read again a few times.
    #[error("{0}")]
    Changed(String),
    /// The source itself.
    #[error("{0}")]
    Source(String),
}

/// Everything that a run decides on.
#[derive(Debug)]
pub struct Observed {
    /// What the nodes said of themselves.
    pub servers: Vec<ServerFacts>,
    /// The same, to be balanced.
    pub layout: Layout,
    /// Replicas, references and doomed replicas, sorted.
    pub facts: Facts,
    /// What the references want.
    pub book: WishBook,
    /// The instant just before anything was read.
    pub started: Timestamp,
    /// Replicas from before it are old.
    pub min_mtime: Timestamp,
    /// What was read of each device.
    pub indexes: Vec<IndexRead>,
    /// What was read of each source of references.
    pub references: Vec<ReferencesRead>,
    /// The collections of the database, if they are to be confirmed.
    pub enrolled: Option<Enrolled>,
}

/// Whether note is taken of the collections of a database, to confirm how many copies they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enrol {
    /// It is.
    Collections,
    /// It is not.
    Nobody,
}

/// Why there is nothing to decide on. Nothing may be sent.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// A node does not answer, or not as it should.
    #[error(transparent)]
    Servers(#[from] ServersError),
    /// Mounts cannot be balanced.
    #[error(transparent)]
    Mounts(#[from] MountsError),
    /// An index cannot be had whole.
    #[error(transparent)]
    Indexes(#[from] IndexesError),
    /// References cannot be had whole.
    #[error("references from {name}: {error}")]
    References {
        /// The source.
        name: String,
        /// Why.
        #[source]
        error: SourceError,
    },
    /// There is no source of references at all: everything would be garbage.
    #[error(
        "there is no source of references; name a directory of manifests (--manifests, Donjon.Balance.Manifests) or a database (PostgreSQL.Connection)"
    )]
    NoReferences,
    /// It is not known what nodes still trash.
    #[error(transparent)]
    Doomed(#[from] DoomedError),
    /// Sorting failed.
    #[error(transparent)]
    Sort(#[from] SortError),
    /// The collections to confirm cannot be listed.
    #[error(transparent)]
    Roll(#[from] RollError),
    /// A thread of ours ended badly.
    #[error("reading references ended badly: {0}")]
    Thread(String),
}

/// Who tells which replicas are doomed.
pub type DoomedSource<'d> =
    &'d (dyn Fn(&Layout, &mut Feeder<DoomedRecord>) -> Result<(), ObserveError> + Sync);

/// Learns everything that a run decides on. `now` is the clock.
///
/// # Errors
/// [`ObserveError`]; nothing may be sent then.
pub async fn observe(
    settings: &Settings,
    servers: &[Server],
    sources: Vec<Arc<dyn References>>,
    doomed: DoomedSource<'_>,
    enrol: Enrol,
    progress: Arc<dyn Progress>,
    now: impl Fn() -> Timestamp,
) -> Result<Observed, ObserveError> {
    if sources.is_empty() {
        return Err(ObserveError::NoReferences);
    }
    let facts = census(servers, settings.patience, settings.clock_skew_max, &now).await?;
    let layout = layout(&facts)?;
    let started = now();
    let min_mtime = started.before(settings.signature_ttl);

    let sorters = Sorters::new(settings, sources.len(), enrol)?;
    let roll = match enrol {
        Enrol::Collections => Some(RollWriter::create(&settings.state_dir)?),
        Enrol::Nobody => None,
    };
    feed_doomed(&sorters, &layout, doomed)?;
    let reading = Reading { at_once: INDEXES_AT_ONCE, patience: settings.patience, started };
    let indexes = indexes::read_all(&layout, servers, &sorters.replicas, reading, &*progress);
    let reader = SourceReader {
        book: WishBook::new(&layout),
        default_replication: settings.default_replication,
        progress: progress.clone(),
        roll,
    };
    let references = read_references(sources, &sorters, reader);
    let (indexes, (references, reader)) = futures_util::future::try_join(
        async { indexes.await.map_err(ObserveError::from) },
        references,
    )
    .await?;
    let SourceReader { book, roll, .. } = reader;
    let (facts_sorted, members) = finish(sorters).await?;
    let enrolled = match (roll, members) {
        (Some(roll), Some(members)) => Some(Enrolled { roll: roll.finish()?, members }),
        (None, _) | (_, None) => None,
    };
    Ok(Observed {
        servers: facts,
        layout,
        facts: facts_sorted,
        book,
        started,
        min_mtime,
        indexes,
        references,
        enrolled,
    })
}

/// Feeds what is doomed.
fn feed_doomed(
    sorters: &Sorters,
    layout: &Layout,
    doomed: DoomedSource<'_>,
) -> Result<(), ObserveError> {
    let mut feeder = sorters.doomed.feeder()?;
    doomed(layout, &mut feeder)?;
    Ok(feeder.finish()?)
}

/// Merges what is left to be merged, off the runtime's threads.
async fn finish(sorters: Sorters) -> Result<(Facts, Option<Sorted<MemberRecord>>), ObserveError> {
    let finished = tokio::task::spawn_blocking(move || sorters.finish());
    Ok(finished.await.map_err(|error| ObserveError::Thread(error.to_string()))??)
}

/// Reads all sources, one after another: they share the book of wishes.
async fn read_references(
    sources: Vec<Arc<dyn References>>,
    sorters: &Sorters,
    mut reader: SourceReader,
) -> Result<(Vec<ReferencesRead>, SourceReader), ObserveError> {
    let mut all = Vec::new();
    for source in sources {
        let mut tries = CHANGED_TRIES;
        let read = loop {
            let feeders = Feeders {
                references: sorters.references.feeder()?,
                members: sorters.members.as_ref().map(Sorter::feeder).transpose()?,
            };
            let from = Arc::clone(&source);
            let task = tokio::task::spawn_blocking(move || {
                let read = reader.read(&*from, feeders);
                (reader, read)
            });
            let read;
            (reader, read) = task.await.map_err(|error| ObserveError::Thread(error.to_string()))?;
            match read {
                Err(ObserveError::References { error: SourceError::Changed(why), .. })
                    if tries > 1 =>
                {
                    tracing::info!(why, "reading references again");
                    tries -= 1;
                }
                read => break read?,
            }
        };
        all.push(read);
    }
    Ok((all, reader))
}

/// What reading a source needs, handed from thread to thread.
struct SourceReader {
    book: WishBook,
    default_replication: u32,
    progress: Arc<dyn Progress>,
    roll: Option<RollWriter>,
}

/// Where the blocks of a source go. They count only if the source was whole.
struct Feeders {
    references: Feeder<ReferenceRecord>,
    members: Option<Feeder<MemberRecord>>,
}

impl Feeders {
    fn finish(self) -> Result<(), SortError> {
        self.references.finish()?;
        self.members.map_or(Ok(()), Feeder::finish)
    }

    fn discard(self) {
        self.references.discard();
        if let Some(members) = self.members {
            members.discard();
        }
    }
}

impl SourceReader {
    /// Reads a source into `feeders`, which count only if the source was whole. Wishes that stay in the book although the
    /// reading failed want nothing of any block.
    fn read(
        &mut self,
        source: &dyn References,
        mut feeders: Feeders,
    ) -> Result<ReferencesRead, ObserveError> {
        let mut read = ReferencesRead {
            kind: source.kind(),
            name: source.name(),
            ..ReferencesRead::default()
        };
        let mark = self.roll.as_ref().map(RollWriter::mark);
        let enrolling = match (&mut self.roll, &mut feeders.members) {
            (Some(roll), Some(members)) => Some(Enrolling { roll, members }),
            (None, _) | (_, None) => None,
        };
        let mut intake = Intake {
            book: &mut self.book,
            feeder: &mut feeders.references,
            default_replication: self.default_replication,
            progress: &*self.progress,
            read: &mut read,
            enrolling,
        };
        match source.read(&mut intake) {
            Ok(()) => {
                feeders.finish()?;
                Ok(read)
            }
            Err(error) => {
                feeders.discard();
                if let (Some(roll), Some(mark)) = (&mut self.roll, mark) {
                    roll.rewind(mark)?;
                }
                Err(ObserveError::References { name: source.name(), error })
            }
        }
    }
}
