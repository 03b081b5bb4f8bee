//! Who writes: publishes collections, removes them, brings them back, and sweeps what nobody refers to any more.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use keep_manifest::{Blocks, PdhRead, PortableDataHash};
use keep_rules::Timestamp;
use rustix::fs::{FlockOperation, flock};

use crate::catalog::Catalog;
use crate::disk::{DRAFT, Disk};
use crate::entry::{Entry, Standing, Wanted};
use crate::error::StoreError;
use crate::name::CollectionName;

/// A directory of manifests, to be written. One writer at a time: the next one waits for this to be dropped.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    catalog: Catalog,
    disk: Disk,
    lock: File,
}

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
}

impl Store {
    /// Opens a directory to write in it. Makes what is missing in an empty one; the directory itself must be there. Waits for
    /// another writer.
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`] if it has files but no catalog; [`StoreError::Damaged`], [`StoreError::Format`],
    /// [`StoreError::Io`].
    pub fn open(dir: &Path, now: Timestamp) -> Result<Store, StoreError> {
        Store::open_on(dir, now, Disk::default())
    }

    pub(crate) fn open_on(dir: &Path, now: Timestamp, disk: Disk) -> Result<Store, StoreError> {
        let lock = lock(dir)?;
        let catalog = match Catalog::load(dir) {
            Err(StoreError::NoCatalog { .. }) => begin(dir, &disk, now)?,
            loaded => loaded?,
        };
        let store = Store { dir: dir.to_owned(), catalog, disk, lock };
        store.sweep_leftovers()?;
        Ok(store)
    }

    /// Every collection.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Publishes a collection whose manifest `manifest` gives, whole or not at all. When it returns, a power loss does not
    /// undo it. Publishing the same content under the same name again changes nothing but what is wanted.
    ///
    /// # Errors
    /// [`StoreError::Exists`], [`StoreError::Manifest`], [`StoreError::Io`].
    pub fn publish(
        &mut self,
        publication: Publication,
        manifest: impl Read,
    ) -> Result<Published, StoreError> {
        let file = self.free_name();
        let path = self.dir.join("manifests").join(&file);
        let mut written = None;
        let placed = self.disk.place(&path, |to| {
            written = Some(copy(manifest, to)?);
            Ok(())
        });
        placed.map_err(StoreError::io("cannot be written", &path))?;
        let (pdh, manifest_bytes) = written.expect("what was placed was written");
        let blocks = match self.blocks_of(&publication.name, &path) {
            Ok(blocks) => blocks,
            Err(error) => {
                self.disk.remove(&path).map_err(StoreError::io("cannot be removed", &path))?;
                return Err(error);
            }
        };
        let mut next = self.catalog.clone();
        let live =
            next.entries.iter_mut().find(|entry| entry.is_live() && entry.name == publication.name);
        if let Some(live) = live {
            if live.pdh != pdh && publication.existing == Existing::Refuse {
                self.disk.remove(&path).map_err(StoreError::io("cannot be removed", &path))?;
                return Err(StoreError::Exists { name: publication.name });
            }
            live.removed_at = Some(publication.at.as_nanos());
        }
        next.entries.push(Entry {
            name: publication.name,
            pdh,
            file,
            manifest_bytes,
            data_bytes: publication.data_bytes,
            files: publication.files,
            blocks,
            wanted: publication.wanted,
            published_at: publication.at.as_nanos(),
            removed_at: None,
        });
        self.replace(next, publication.at)?;
        Ok(Published { pdh, generation: self.catalog.generation })
    }

    /// Marks a collection as removed. Its blocks are references for the signature TTL, and it can be brought back.
    ///
    /// # Errors
    /// [`StoreError::NoSuchName`], [`StoreError::Io`].
    pub fn remove(&mut self, name: &CollectionName, at: Timestamp) -> Result<(), StoreError> {
        let mut next = self.catalog.clone();
        let live = next.entries.iter_mut().find(|entry| entry.is_live() && entry.name == *name);
        match live {
            None => return Err(StoreError::NoSuchName { name: name.clone() }),
            Some(entry) => entry.removed_at = Some(at.as_nanos()),
        }
        self.replace(next, at)
    }

    /// Brings back the collection of this name that was removed last, if its time is not up.
    ///
    /// # Errors
    /// [`StoreError::NoSuchName`] if there is none; [`StoreError::Exists`] if the name has been taken since.
    pub fn restore(
        &mut self,
        name: &CollectionName,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<(), StoreError> {
        if self.catalog.live(name.as_str()).is_some() {
            return Err(StoreError::Exists { name: name.clone() });
        }
        let mut next = self.catalog.clone();
        let removed = next
            .entries
            .iter_mut()
            .filter(|entry| entry.name == *name)
            .filter(|entry| matches!(entry.standing(now, ttl), Standing::RemovedUntil(_)))
            .max_by_key(|entry| entry.removed_at);
        match removed {
            None => return Err(StoreError::NoSuchName { name: name.clone() }),
            Some(entry) => entry.removed_at = None,
        }
        self.replace(next, now)
    }

    /// Forgets removed collections whose time is up. Gives how many.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn sweep(&mut self, now: Timestamp, ttl: Duration) -> Result<usize, StoreError> {
        let mut next = self.catalog.clone();
        next.entries.retain(|entry| entry.standing(now, ttl) != Standing::Over);
        let over = self.catalog.entries.len() - next.entries.len();
        if over > 0 {
            self.replace(next, now)?;
            self.sweep_leftovers()?;
        }
        Ok(over)
    }

    /// The catalog on the disk is replaced first, ours only if that is done.
    fn replace(&mut self, mut next: Catalog, now: Timestamp) -> Result<(), StoreError> {
        match next.store(&self.dir, &self.disk, now) {
            Ok(()) => {
                self.catalog = next;
                Ok(())
            }
            Err(error) => {
                // The disk may have either: what it has is what counts.
                self.catalog = Catalog::load(&self.dir)?;
                Err(error)
            }
        }
    }

    /// A name that no manifest has, here or in a catalog from before.
    fn free_name(&self) -> String {
        let taken: HashSet<&str> =
            self.catalog.entries.iter().map(|entry| entry.file.as_str()).collect();
        let name = |number: u64| format!("{:016}-{number}", self.catalog.generation + 1);
        let free = (0..).map(name).find(|name| {
            !taken.contains(name.as_str()) && !self.dir.join("manifests").join(name).exists()
        });
        free.expect("there are enough numbers")
    }

    fn blocks_of(&self, name: &CollectionName, path: &Path) -> Result<u64, StoreError> {
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

    /// Removes manifests that no catalog names: what a crash has left, and what was swept from the catalog.
    fn sweep_leftovers(&self) -> Result<(), StoreError> {
        let dir = self.dir.join("manifests");
        let named: HashSet<&str> =
            self.catalog.entries.iter().map(|entry| entry.file.as_str()).collect();
        let files = fs::read_dir(&dir).map_err(StoreError::io("cannot be listed", &dir))?;
        for file in files {
            let file = file.map_err(StoreError::io("cannot be listed", &dir))?;
            if file.file_name().to_str().is_none_or(|name| !named.contains(name)) {
                let path = file.path();
                self.disk.remove(&path).map_err(StoreError::io("cannot be removed", &path))?;
            }
        }
        self.sweep_drafts()
    }

    /// Removes catalogs that a crash has left half written.
    fn sweep_drafts(&self) -> Result<(), StoreError> {
        let dir = &self.dir;
        for file in fs::read_dir(dir).map_err(StoreError::io("cannot be listed", dir))? {
            let file = file.map_err(StoreError::io("cannot be listed", dir))?;
            if file.file_name().to_str().is_some_and(|name| name.starts_with(DRAFT)) {
                let path = file.path();
                self.disk.remove(&path).map_err(StoreError::io("cannot be removed", &path))?;
            }
        }
        Ok(())
    }
}

impl Drop for Store {
    /// A child on its way to exec still has the file open: closing alone would not unlock it.
    fn drop(&mut self) {
        if let Err(error) = flock(&self.lock, FlockOperation::Unlock) {
            tracing::warn!(error = %io::Error::from(error), "the lock of the manifests cannot be given back");
        }
    }
}

/// The first catalog of an empty directory.
fn begin(dir: &Path, disk: &Disk, now: Timestamp) -> Result<Catalog, StoreError> {
    let listed = fs::read_dir(dir).map_err(StoreError::io("cannot be listed", dir))?;
    for file in listed {
        let file = file.map_err(StoreError::io("cannot be listed", dir))?;
        let name = file.file_name();
        // What a first start that was cut off may have left.
        let ours = name == "lock" || name.to_str().is_some_and(|name| name.starts_with(DRAFT));
        if !ours && !is_empty_directory(&file.path(), name == "manifests") {
            return Err(StoreError::NotEmpty { dir: dir.to_owned() });
        }
    }
    let manifests = dir.join("manifests");
    disk.make_directory(&manifests).map_err(StoreError::io("cannot be made", &manifests))?;
    disk.sync_directory(dir).map_err(StoreError::io("cannot be synced", dir))?;
    let mut catalog = Catalog::empty(now);
    catalog.store(dir, disk, now)?;
    Ok(catalog)
}

fn is_empty_directory(path: &Path, is_manifests: bool) -> bool {
    is_manifests && fs::read_dir(path).is_ok_and(|mut files| files.next().is_none())
}

fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join("lock");
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    let file = options.open(&path).map_err(StoreError::io("cannot be opened", &path))?;
    flock(&file, FlockOperation::LockExclusive)
        .map_err(|error| StoreError::io("cannot be locked", &path)(error.into()))?;
    Ok(file)
}

/// Copies a manifest; gives its portable data hash and length.
fn copy(manifest: impl Read, to: &mut File) -> io::Result<(PortableDataHash, u64)> {
    let mut from = PdhRead::new(manifest);
    let mut out = io::BufWriter::with_capacity(256 << 10, to);
    let length = io::copy(&mut from, &mut out)?;
    out.flush()?;
    Ok((from.finish(), length))
}

#[cfg(test)]
mod tests;
