//! Publishing a collection: its manifest first, under a name of its own, then the catalog that names it.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use keep_manifest::{Blocks, PdhRead, PortableDataHash};
use keep_rules::Timestamp;

use super::{Certainty, Store};
use crate::entry::{Entry, Wanted};
use crate::error::StoreError;
use crate::files;
use crate::name::CollectionName;

/// A collection to be published.
#[derive(Clone, Debug)]
pub struct Publication {
    /// What it is called.
    pub name: CollectionName,
    /// What it wants of its blocks.
    pub wanted: Wanted,
    /// How many files it has.
    pub files: u64,
    /// Their bytes.
    pub data_bytes: u64,
    /// The instant: within the signature TTL of the writing of its blocks.
    pub at: Timestamp,
    /// How long signatures are valid: what this one replaces is protected for so long.
    pub ttl: Duration,
    /// What becomes of a collection of this name.
    pub existing: Existing,
}

/// What becomes of a collection of the same name and other content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and the new one is refused.
    #[default]
    Refuse,
    /// It is removed in the same step. Its blocks are kept for the signature TTL.
    Replace,
}

/// A collection that is published, durably.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The name of its content.
    pub pdh: PortableDataHash,
    /// The generation of the directory that has it.
    pub generation: u64,
    /// What that changed.
    pub change: Change,
    /// Manifests of the same content that were lost or damaged, and are good again.
    pub healed: u64,
}

/// What publishing a collection changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The name was free.
    Added,
    /// It had other content, which is removed now.
    Replaced,
    /// It was there with the same content, and wants other copies now.
    Rewished,
    /// It was there just like this.
    Nothing,
}

impl Store {
    /// Publishes a collection whose manifest `manifest` gives, whole or not at all. When it returns, a power loss does not
    /// undo it. Publishing the same content under the same name again changes nothing but what is wanted. Wherever the
    /// manifest of this content was lost or damaged, under whatever name, it is good again.
    ///
    /// # Errors
    /// [`StoreError::Exists`], [`StoreError::Manifest`], [`StoreError::Io`].
    pub fn publish(
        &mut self,
        publication: Publication,
        manifest: impl Read,
    ) -> Result<Published, StoreError> {
        self.be_certain()?;
        let draft = self.draft(&publication.name, manifest)?;
        let outcome = self.publish_draft(publication, &draft);
        if self.is_leftover(&draft) {
            let path = files::manifests(&self.dir).join(&draft.file);
            self.disk.remove(&path).map_err(StoreError::io("cannot be removed", &path))?;
        }
        outcome
    }

    /// Whether surely no catalog names a draft. In doubt it stays: the next writer sweeps it if it is a leftover.
    fn is_leftover(&self, draft: &Draft) -> bool {
        self.certainty == Certainty::Certain
            && self.catalog.entries.iter().all(|entry| entry.file != draft.file)
    }

    fn publish_draft(
        &mut self,
        publication: Publication,
        draft: &Draft,
    ) -> Result<Published, StoreError> {
        let healed = self.heal(draft)?;
        let at = self.not_before(publication.at);
        let mut next = self.catalog.clone();
        let live =
            next.entries.iter_mut().find(|entry| entry.is_live() && entry.name == publication.name);
        let change = match live {
            None => Change::Added,
            Some(live) if live.pdh == draft.pdh && live.wanted == publication.wanted => {
                let generation = self.catalog.generation;
                return Ok(Published {
                    pdh: draft.pdh,
                    generation,
                    change: Change::Nothing,
                    healed,
                });
            }
            Some(live) if live.pdh == draft.pdh => {
                live.wanted = publication.wanted.clone();
                Change::Rewished
            }
            Some(_) if publication.existing == Existing::Refuse => {
                return Err(StoreError::Exists { name: publication.name });
            }
            Some(live) => {
                live.remove(at, publication.ttl);
                Change::Replaced
            }
        };
        if change != Change::Rewished {
            next.entries.push(Entry {
                name: publication.name,
                pdh: draft.pdh,
                file: draft.file.clone(),
                manifest_bytes: draft.bytes,
                data_bytes: publication.data_bytes,
                files: publication.files,
                blocks: draft.blocks,
                wanted: publication.wanted,
                published_at: at.as_nanos(),
                removed_at: None,
                protected_until: None,
            });
        }
        self.replace(next, at)?;
        Ok(Published { pdh: draft.pdh, generation: self.catalog.generation, change, healed })
    }

    /// Writes a manifest that no catalog names yet.
    fn draft(&self, name: &CollectionName, manifest: impl Read) -> Result<Draft, StoreError> {
        let file = self.free_name();
        let path = files::manifests(&self.dir).join(&file);
        let mut written = None;
        let placed = self.disk.place(&path, |to| {
            written = Some(copy(manifest, to)?);
            Ok(())
        });
        placed.map_err(StoreError::io("cannot be written", &path))?;
        let (pdh, bytes) = written.expect("what was placed was written");
        match blocks_of(name, &path) {
            Ok(blocks) => Ok(Draft { file, pdh, bytes, blocks }),
            Err(error) => {
                self.disk.remove(&path).map_err(StoreError::io("cannot be removed", &path))?;
                Err(error)
            }
        }
    }

    /// Restores manifests of this content that are lost or damaged.
    fn heal(&self, draft: &Draft) -> Result<u64, StoreError> {
        let from = files::manifests(&self.dir).join(&draft.file);
        let mut healed = 0;
        for entry in self.catalog.entries.iter().filter(|entry| entry.pdh == draft.pdh) {
            if files::is_good(&self.dir, entry)? {
                continue;
            }
            let to = files::manifest(&self.dir, entry);
            let placed = self.disk.place(&to, |file| {
                io::copy(&mut File::open(&from)?, file)?;
                Ok(())
            });
            placed.map_err(StoreError::io("cannot be written", &to))?;
            healed += 1;
        }
        Ok(healed)
    }

    /// A name that no manifest has, here or in a catalog from before.
    fn free_name(&self) -> String {
        let taken: HashSet<&str> =
            self.catalog.entries.iter().map(|entry| entry.file.as_str()).collect();
        let mut names = (0..).map(|number| files::name(self.catalog.generation + 1, number));
        let free = names.find(|name| {
            !taken.contains(name.as_str()) && !files::manifests(&self.dir).join(name).exists()
        });
        free.expect("there are enough numbers")
    }
}

/// A manifest that is on the disk, and that no catalog names yet.
struct Draft {
    file: String,
    pdh: PortableDataHash,
    bytes: u64,
    blocks: u64,
}

/// How many distinct blocks a manifest names.
fn blocks_of(name: &CollectionName, path: &Path) -> Result<u64, StoreError> {
    let file = File::open(path).map_err(StoreError::io("cannot be read", path))?;
    let wrong = |error| StoreError::Manifest { name: name.to_string(), error };
    let mut blocks = Blocks::new(file);
    let mut distinct = HashSet::new();
    for block in blocks.by_ref() {
        distinct.insert(block.map_err(wrong)?);
    }
    blocks.finish().map_err(wrong)?;
    Ok(distinct.len() as u64)
}

/// Copies a manifest; gives its portable data hash and length.
fn copy(manifest: impl Read, to: &mut File) -> io::Result<(PortableDataHash, u64)> {
    let mut from = PdhRead::new(manifest);
    let mut out = io::BufWriter::with_capacity(256 << 10, to);
    let length = io::copy(&mut from, &mut out)?;
    out.flush()?;
    Ok((from.finish(), length))
}
