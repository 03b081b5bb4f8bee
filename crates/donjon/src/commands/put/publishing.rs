//! What was stored becomes a collection: its blocks are young, its manifest is in the catalog, and its blocks are young still.

use std::cell::Cell;
use std::io::{Seek as _, SeekFrom};
use std::path::Path;
use std::time::{Duration, SystemTime};

use donjon_files::{Node, Nodes, Put};
use keep_rules::Timestamp;
use manifest_store::{CollectionName, Existing, Publication, Published, Store, StoreError, Wanted};

use crate::failure::Failure;

/// What is true of a put that was interrupted before it was published.
pub(super) const NOTHING_PUBLISHED: &str = "nothing was published. The same command again goes on: blocks that are stored already are compared, and not written twice";

pub(super) struct Publishing<'a> {
    dir: &'a Path,
    name: CollectionName,
    wanted: Wanted,
    existing: Existing,
    ttl: Duration,
    stage: Cell<Stage>,
}

/// How far it is. Nothing is awaited between the publication and the change of this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Unpublished,
    Published,
}

/// What came of the publication.
#[derive(Debug)]
pub(super) struct Became {
    pub(super) published: Published,
    /// Blocks that had to be made young again before.
    pub(super) renewed: u64,
    /// Collections that were removed long ago, and are forgotten now.
    pub(super) forgotten: usize,
}

impl<'a> Publishing<'a> {
    pub(super) fn new(
        dir: &'a Path,
        name: CollectionName,
        wanted: Wanted,
        existing: Existing,
        ttl: Duration,
    ) -> Self {
        Publishing { dir, name, wanted, existing, ttl, stage: Cell::new(Stage::Unpublished) }
    }

    pub(super) fn name(&self) -> &CollectionName {
        &self.name
    }

    /// What is true if it is stopped now, and what to do.
    pub(super) fn interrupted(&self) -> String {
        match self.stage.get() {
            Stage::Unpublished => NOTHING_PUBLISHED.to_owned(),
            Stage::Published => format!(
                "{} is published, but publishing took so long that its blocks may be gone, and they were not all looked at again. Put it again: blocks that are there are compared, and not written twice",
                self.name
            ),
        }
    }

    pub(super) async fn publish<N: Node>(
        &self,
        put: &mut Put,
        nodes: &Nodes<N>,
        clock: impl Fn() -> Timestamp,
    ) -> Result<Became, Failure> {
        let mut manifest = tempfile::tempfile().map_err(Failure::local("cannot make a file"))?;
        put.tree
            .write(&mut manifest)
            .and_then(|_| manifest.seek(SeekFrom::Start(0)))
            .map_err(Failure::local("cannot write the manifest into a temporary file"))?;
        // Waits for another writer. Blocks grow old meanwhile, so they are renewed after it.
        let mut store = self.open().await?;
        let forgotten = store.sweep(now(), self.ttl).unwrap_or_else(|error| {
            eprintln!("donjon: collections that were removed long ago are not forgotten: {error}");
            0
        });
        let renewed = put.renew(nodes, self.ttl, &clock).await;
        let renewed = renewed.map_err(|error| {
            Failure::Other(format!(
                "{error}. Nothing is published: put again, that renews every block"
            ))
        })?;
        let publication = Publication {
            name: self.name.clone(),
            wanted: self.wanted.clone(),
            files: put.report.files,
            data_bytes: put.report.bytes,
            at: now(),
            ttl: self.ttl,
            existing: self.existing,
        };
        // Nothing is awaited until it is published: an interruption comes before or after.
        match store.publish(publication, manifest) {
            Ok(published) => {
                self.stage.set(Stage::Published);
                drop(store);
                // If the machine slept meanwhile, a balancer that did not know may have trashed blocks.
                let again = put.renew(nodes, self.ttl, &clock).await;
                again.map_err(|error| {
                    Failure::Other(format!(
                        "{} is published, but publishing took so long that its blocks may be gone: {error}. Put it again",
                        self.name
                    ))
                })?;
                Ok(Became { published, renewed, forgotten })
            }
            Err(error @ StoreError::Exists { .. }) => Err(Failure::Other(format!(
                "{error}: --name, or --replace. All blocks are stored, but nothing is published"
            ))),
            Err(error) => Err(other(error)),
        }
    }

    /// On a thread of its own: an interruption does not wait for another writer.
    async fn open(&self) -> Result<Store, Failure> {
        let dir = self.dir.to_owned();
        let opened = tokio::task::spawn_blocking(move || {
            Store::open_telling(&dir, now(), || {
                eprintln!("donjon: another command writes in {}; waiting for it", dir.display());
            })
        });
        opened.await.map_err(|error| Failure::Other(error.to_string()))?.map_err(other)
    }
}

fn now() -> Timestamp {
    SystemTime::now().into()
}

fn other(error: StoreError) -> Failure {
    Failure::Other(error.to_string())
}

#[cfg(test)]
mod tests;
