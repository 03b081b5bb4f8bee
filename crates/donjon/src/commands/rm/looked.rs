//! Whether the blocks of a collection that was brought back are there: clocks may be wrong, and then a balancer had them trashed.

use std::collections::BTreeSet;
use std::path::Path;

use donjon_files::{ReviveOptions, Revived, revive};
use keep_manifest::{BlockRef, Blocks, Streams};
use keep_protocol::mounts::MountDescription;
use manifest_store::{Entry, Scan, StoreError};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::commands::get::{Hints, locate};
use crate::described::Described;
use crate::transfer::{Bar, Clock, nodes};

use super::changed::{Changed, Outcome};

/// So many files, and so many blocks, are named on stderr; --json has them all.
const NAMED_MAX: usize = 20;

/// The nodes to look on, and what each of them says of its mounts.
pub(super) struct Places<'a> {
    cluster: &'a Cluster,
    mounts: Vec<Option<Vec<MountDescription>>>,
}

impl<'a> Places<'a> {
    /// Asks all nodes.
    pub(super) async fn ask(cluster: &'a Cluster) -> Self {
        Places { cluster, mounts: Described::ask(cluster).await.into_mounts() }
    }
}

/// What is known of the blocks of a collection.
pub(super) enum Looked {
    /// No nodes were named.
    NoNodes,
    /// Somebody interrupted it, and has been told.
    Interrupted,
    /// The manifest could not be read any more; why.
    NoManifest(String),
    /// They were looked for.
    For { revived: Revived, files: Vec<String> },
}

impl Looked {
    /// Looks for the blocks of a collection, and makes them young.
    pub(super) async fn at(
        dir: &Path,
        entry: &Entry,
        places: Option<&Places<'_>>,
        bar: &Bar,
    ) -> Looked {
        let Some(Places { cluster, mounts }) = places else { return Looked::NoNodes };
        let blocks = match blocks_of(dir, entry) {
            Ok(blocks) => blocks,
            Err(error) => return Looked::NoManifest(error.to_string()),
        };
        let options = ReviveOptions {
            locate: locate(cluster.signing.clone(), Hints::new()),
            classes: entry.wanted.classes.clone(),
            mounts: mounts.clone(),
            on_block: bar.steps(),
        };
        let clock = Clock::start();
        let nodes = nodes(cluster, &Described::default());
        let revived = revive(&nodes, &blocks, &options, || clock.now()).await;
        let mut not_whole = revived.missing.clone();
        not_whole.extend(revived.in_doubt.keys().copied());
        match files_of(dir, entry, &not_whole) {
            Ok(files) => Looked::For { revived, files },
            Err(error) => Looked::NoManifest(error.to_string()),
        }
    }

    /// Whether they were looked for, and nothing is missing or in doubt.
    pub(super) fn is_well(&self) -> bool {
        match self {
            Looked::NoNodes | Looked::Interrupted | Looked::NoManifest(_) => false,
            Looked::For { revived, .. } => {
                revived.missing.is_empty() && revived.in_doubt.is_empty()
            }
        }
    }

    /// How many blocks there are, if they were looked for and all are there.
    pub(super) fn all_there(&self) -> Option<u64> {
        match self {
            Looked::For { revived, .. } if self.is_well() => Some(there(revived)),
            Looked::For { .. } | Looked::NoNodes | Looked::Interrupted | Looked::NoManifest(_) => {
                None
            }
        }
    }

    /// What people are told to worry about: nothing if all is well.
    pub(super) fn said(&self, changed: &Changed) -> Vec<String> {
        let name = changed.name.as_str();
        let again = if changed.outcome == Outcome::BroughtBack { " again" } else { "" };
        match self {
            Looked::Interrupted => Vec::new(),
            Looked::NoNodes => {
                let by_clocks = if changed.outcome == Outcome::BroughtBack {
                    ": it was decided by clocks alone that they are there"
                } else {
                    ""
                };
                vec![format!(
                    "{name}: its blocks were not looked at, because no nodes were named{by_clocks}; the same command with --config or --data looks"
                )]
            }
            Looked::NoManifest(error) => {
                vec![format!("{name}: is there{again}, but its blocks were not looked at: {error}")]
            }
            Looked::For { .. } if self.is_well() => Vec::new(),
            Looked::For { revived, .. } if !revived.anybody_answered => vec![format!(
                "{name}: is there{again}, but its blocks were not looked at, because no node answers: {}; `donjon get` finds out whether they are there, or the same command again",
                revived.in_doubt.values().next().map_or("", String::as_str)
            )],
            Looked::For { revived, files } => said_of(name, again, revived, files),
        }
    }

    pub(super) fn as_json(&self) -> Value {
        let Looked::For { revived, files } = self else {
            return json!({ "looked_at": false });
        };
        let in_doubt = revived.in_doubt.iter();
        let in_doubt =
            in_doubt.map(|(block, why)| json!({ "block": block.to_string(), "detail": why }));
        json!({
            "looked_at": revived.anybody_answered,
            "there": there(revived),
            "missing": revived.missing.iter().map(BlockRef::to_string).collect::<Vec<_>>(),
            "in_doubt": in_doubt.collect::<Vec<_>>(),
            "files_not_whole": files,
        })
    }
}

/// How many blocks are there, and stay.
fn there(revived: &Revived) -> u64 {
    revived.young + revived.permanent
}

fn said_of(name: &str, again: &str, revived: &Revived, files: &[String]) -> Vec<String> {
    let Revived { missing, in_doubt, .. } = revived;
    let all = there(revived) + (missing.len() + in_doubt.len()) as u64;
    let named = |all: &[String]| {
        let more = all.len().saturating_sub(NAMED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more}", all[..all.len().min(NAMED_MAX)].join(", "))
    };
    let whole = if missing.is_empty() {
        "perhaps not whole: blocks in doubt"
    } else {
        "NOT whole: blocks that are missing or in doubt"
    };
    let mut said = vec![format!(
        "{name}: is in the catalog{again}, and {whole}: {} of {all}; files that need them: {} ({})",
        missing.len() + in_doubt.len(),
        files.len(),
        named(files),
    )];
    if !missing.is_empty() {
        let hashes: Vec<String> = missing.iter().map(|block| block.hash().to_string()).collect();
        said.push(format!(
            "{name}: on no node: {}. They may be in the trash: on every node, `donjon block untrash HASH…`, or `donjon untrash --since TIME` for all that was trashed since, as long as BlobTrashLifetime lasts; then `donjon get` finds out. What is there stays: the collection protects it",
            named(&hashes)
        ));
    }
    let doubts = in_doubt.iter().take(NAMED_MAX);
    said.extend(doubts.map(|(block, why)| format!("{name}: in doubt: block {block}: {why}")));
    said
}

/// The blocks, each once.
fn blocks_of(dir: &Path, entry: &Entry) -> Result<BTreeSet<BlockRef>, StoreError> {
    let scan = Scan::open(dir)?;
    let mut blocks = Blocks::new(scan.manifest(entry)?);
    let read = blocks.by_ref().collect::<Result<BTreeSet<BlockRef>, _>>();
    let unreadable = |error| StoreError::Manifest { name: entry.name.to_string(), error };
    let (_, manifest) = blocks.finish_into_source().map_err(unreadable)?;
    scan.check(entry, manifest)?;
    read.map_err(unreadable)
}

/// The files that need one of these blocks.
fn files_of(
    dir: &Path,
    entry: &Entry,
    blocks: &BTreeSet<BlockRef>,
) -> Result<Vec<String>, StoreError> {
    let mut files = BTreeSet::new();
    if blocks.is_empty() {
        return Ok(Vec::new());
    }
    let scan = Scan::open(dir)?;
    for stream in Streams::new(scan.manifest(entry)?) {
        let stream =
            stream.map_err(|error| StoreError::Manifest { name: entry.name.to_string(), error })?;
        let needs = |file: &keep_manifest::StreamFile<'_>| {
            file.pieces().any(|piece| blocks.contains(&piece.block.block()))
        };
        files.extend(stream.files().filter(needs).map(|file| file.path().to_string()));
    }
    Ok(files.into_iter().collect())
}
