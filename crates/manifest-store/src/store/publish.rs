//! Publishing a collection: its manifest first, under a name of its own, then the catalog that names it.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Seek as _, Write};
use std::time::Duration;

use keep_manifest::{Blocks, PdhRead, PortableDataHash};
use keep_rules::Timestamp;
use tempfile::NamedTempFile;

use super::{Certainty, Store};
use crate::disk::Taken;
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
    /// [`StoreError::Exists`], [`StoreError::Manifest`], [`StoreError::Io`]; [`StoreError::Changed`] if the directory was
    /// replaced meanwhile: then it may have a manifest of ours that no catalog names, and the next writer sweeps it.
    pub fn publish(
        &mut self,
        publication: Publication,
        manifest: impl Read,
    ) -> Result<Published, StoreError> {
        self.be_certain()?;
        self.is_writer()?;
        let draft = self.draft(&publication.name, manifest)?;
        self.publish_draft(publication, draft)
    }

    fn publish_draft(
        &mut self,
        publication: Publication,
        mut draft: Draft,
    ) -> Result<Published, StoreError> {
        let healed = self.heal(&mut draft)?;
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
        let pdh = draft.pdh;
        if change == Change::Rewished {
            self.replace(next, at)?;
        } else {
            let file = self.give_name(draft.file)?;
            next.entries.push(Entry {
                name: publication.name,
                pdh,
                file: file.clone(),
                manifest_bytes: draft.bytes,
                data_bytes: publication.data_bytes,
                files: publication.files,
                blocks: draft.blocks,
                wanted: publication.wanted,
                published_at: at.as_nanos(),
                removed_at: None,
                protected_until: None,
            });
            self.replace(next, at).map_err(|error| self.without_leftover(&file, error))?;
        }
        Ok(Published { pdh, generation: self.catalog.generation, change, healed })
    }

    /// Writes a manifest that has no name yet.
    fn draft(&self, name: &CollectionName, manifest: impl Read) -> Result<Draft, StoreError> {
        let directory = files::manifests(&self.dir);
        let mut written = None;
        let drafted = self.disk.draft(&directory, |to| {
            written = Some(copy(manifest, to)?);
            Ok(())
        });
        let mut file =
            drafted.map_err(StoreError::io("a manifest cannot be written there", &directory))?;
        let (pdh, bytes) = written.expect("what was drafted was written");
        let blocks = blocks_of(name, &mut file)?;
        Ok(Draft { file, pdh, bytes, blocks })
    }

    /// Gives a manifest the name that a catalog is to have: one that no file has, here or in a directory from before.
    fn give_name(&self, draft: NamedTempFile) -> Result<String, StoreError> {
        let directory = files::manifests(&self.dir);
        let file = files::name(self.catalog.generation + 1)
            .map_err(StoreError::io("no name can be found for a manifest", &directory))?;
        self.disk.name(draft, &directory.join(&file), Taken::Refuse, || self.is_writer())?;
        Ok(file)
    }

    /// Removes a manifest whose catalog was not written, if surely no catalog names it. In doubt it stays: the next writer sweeps
    /// it. Nothing is removed from a directory that is another's.
    fn without_leftover(&self, file: &str, error: StoreError) -> StoreError {
        let is_leftover = self.certainty == Certainty::Certain
            && self.catalog.entries.iter().all(|entry| entry.file != file);
        if is_leftover && !matches!(error, StoreError::Changed { .. }) {
            let path = files::manifests(&self.dir).join(file);
            if let Err(error) = self.erase(&path) {
                tracing::warn!(%error, "a manifest that no catalog names stays until the next writer comes");
            }
        }
        error
    }

    /// Restores manifests of this content that are lost or damaged.
    fn heal(&self, draft: &mut Draft) -> Result<u64, StoreError> {
        let mut healed = 0;
        for entry in self.catalog.entries.iter().filter(|entry| entry.pdh == draft.pdh) {
            if files::is_good(&self.dir, entry)? {
                continue;
            }
            let to = files::manifest(&self.dir, entry);
            let drafted = self.disk.draft(&files::manifests(&self.dir), |file| {
                draft.file.rewind()?;
                io::copy(draft.file.as_file_mut(), file)?;
                Ok(())
            });
            let good = drafted.map_err(StoreError::io("cannot be written", &to))?;
            self.disk.name(good, &to, Taken::Replace, || self.is_writer())?;
            healed += 1;
        }
        Ok(healed)
    }
}

/// A manifest that is on the disk, and has no name yet.
struct Draft {
    file: NamedTempFile,
    pdh: PortableDataHash,
    bytes: u64,
    blocks: u64,
}

/// How many distinct blocks a manifest names.
fn blocks_of(name: &CollectionName, draft: &mut NamedTempFile) -> Result<u64, StoreError> {
    draft.rewind().map_err(StoreError::io("cannot be read", draft.path()))?;
    let wrong = |error| StoreError::Manifest { name: name.to_string(), error };
    let mut blocks = Blocks::new(draft.as_file_mut());
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
