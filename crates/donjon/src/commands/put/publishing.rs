//! What was stored becomes a collection: its blocks are young, its manifest is in the catalog, and its blocks are young still.

use std::cell::RefCell;
use std::io::{Seek as _, SeekFrom};
use std::path::Path;
use std::time::SystemTime;

use donjon_files::{Node, Nodes, Put, RenewError};
use keep_rules::Timestamp;
use manifest_store::{CollectionName, Existing, Publication, Published, Store, StoreError, Wanted};

use super::signature_ttl::SignatureTtl;
use crate::failure::Failure;

/// What is true of a put that was interrupted before it was published.
pub(super) const NOTHING_PUBLISHED: &str = "nothing was published. The same command again goes on: blocks that are stored already are compared, and not written twice";

/// What helps once it is published, also if it is too slow again: the collection protects from then on what is stored.
const PUT_AGAIN: &str = "Put it again: what is gone is stored again, and blocks that are there are compared, and not written twice";

/// What helps as long as it is not published.
fn way_out(error: &RenewError) -> &'static str {
    if matches!(error, RenewError::TooSlow { .. }) {
        "put less at once, or set a longer BlobSigningTTL"
    } else {
        "put again, that renews every block"
    }
}

pub(super) struct Publishing<'a> {
    dir: &'a Path,
    name: CollectionName,
    wanted: Wanted,
    existing: Existing,
    ttl: SignatureTtl,
    /// What came of it, once it is published. Nothing is awaited between the publication and the change of this.
    became: RefCell<Option<Became>>,
}

/// What came of the publication.
#[derive(Debug)]
pub(super) struct Became {
    pub(super) published: Published,
    /// Blocks that had to be made young again before.
    pub(super) renewed: u64,
    /// Collections that were removed long ago, and are forgotten now.
    pub(super) forgotten: usize,
    /// Why its blocks may be gone all the same.
    pub(super) doubt: Option<Failure>,
}

impl<'a> Publishing<'a> {
    pub(super) fn new(
        dir: &'a Path,
        name: CollectionName,
        wanted: Wanted,
        existing: Existing,
        ttl: SignatureTtl,
    ) -> Self {
        Publishing { dir, name, wanted, existing, ttl, became: RefCell::default() }
    }

    pub(super) fn name(&self) -> &CollectionName {
        &self.name
    }

    /// What is true if it is stopped now, and what to do.
    pub(super) fn interrupted(&self) -> String {
        match *self.became.borrow() {
            None => NOTHING_PUBLISHED.to_owned(),
            Some(_) => format!(
                "{} is published, but publishing took so long that its blocks may be gone, and they were not all looked at again. {PUT_AGAIN}",
                self.name
            ),
        }
    }

    /// What came of it, however it ended: what went wrong after the publication is a doubt, and it is published.
    pub(super) fn into_became(self, ended: Result<(), Failure>) -> Result<Became, Failure> {
        match (self.became.into_inner(), ended) {
            (Some(became), ended) => Ok(Became { doubt: ended.err(), ..became }),
            (None, Err(failure)) => Err(failure),
            (None, Ok(())) => unreachable!("it ends well only if it is published"),
        }
    }

    /// Publishes it. What came of it is known then also if this fails later: see [`Publishing::into_became`].
    pub(super) async fn publish<N: Node>(
        &self,
        put: &mut Put,
        nodes: &Nodes<N>,
        clock: impl Fn() -> Timestamp,
    ) -> Result<(), Failure> {
        let mut manifest = tempfile::tempfile().map_err(Failure::local("cannot make a file"))?;
        put.tree
            .write(&mut manifest)
            .and_then(|_| manifest.seek(SeekFrom::Start(0)))
            .map_err(Failure::local("cannot write the manifest into a temporary file"))?;
        // Waits for another writer. Blocks grow old meanwhile, and the TTL may change, so both are looked at after it.
        let mut store = self.open().await?;
        let ttls = self.ttl.look()?;
        let forgotten = store.sweep(now(), ttls.longer).unwrap_or_else(|error| {
            eprintln!("donjon: collections that were removed long ago are not forgotten: {error}");
            0
        });
        let renewed = put.renew(nodes, ttls.shorter, &clock).await;
        let renewed = renewed.map_err(|error| {
            Failure::Other(format!("{error}. Nothing is published: {}", way_out(&error)))
        })?;
        let publication = Publication {
            name: self.name.clone(),
            wanted: self.wanted.clone(),
            files: put.report.files,
            data_bytes: put.report.bytes,
            at: now(),
            ttl: ttls.longer,
            existing: self.existing,
        };
        // Nothing is awaited until it is published: an interruption comes before or after.
        match store.publish(publication, manifest) {
            Ok(published) => {
                let became = Became { published, renewed, forgotten, doubt: None };
                *self.became.borrow_mut() = Some(became);
                drop(store);
                // If the machine slept meanwhile, a balancer that did not know may have trashed blocks.
                let again = put.renew(nodes, ttls.shorter, &clock).await;
                again.map(drop).map_err(|error| {
                    Failure::Other(format!(
                        "{} is published, but publishing took so long that its blocks may be gone: {error}. {PUT_AGAIN}",
                        self.name
                    ))
                })
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
