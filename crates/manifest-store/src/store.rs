//! Who writes: publishes collections, removes them, brings them back, and sweeps what nobody refers to any more.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use keep_rules::Timestamp;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::catalog::Catalog;
use crate::disk::{DRAFT, Disk};
use crate::entry::Entry;
use crate::error::StoreError;
use crate::files;
use crate::name::CollectionName;

mod publish; // a collection, published

pub use publish::{Change, Existing, Publication, Published};

/// A directory of manifests, to be written. One writer at a time: the next one waits for this to be dropped.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    catalog: Catalog,
    certainty: Certainty,
    disk: Disk,
    lock: File,
}

/// Whether the catalog in memory is the one on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Certainty {
    Certain,
    /// A change has failed at the end, and then the disk could not be read: it may have the catalog from before the change
    /// or from after it. Nothing is erased, and nothing else is changed until it is read again.
    InDoubt,
}

impl Store {
    /// Opens a directory to write in it. Makes what is missing in an empty one; the directory itself must be there. Waits for
    /// another writer.
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`] if it has files but no catalog; [`StoreError::Damaged`], [`StoreError::Format`],
    /// [`StoreError::Old`], [`StoreError::Io`].
    pub fn open(dir: &Path, now: Timestamp) -> Result<Store, StoreError> {
        Store::open_telling(dir, now, || {})
    }

    /// The same; `waiting` is called once if another writer has to be waited for.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_telling(
        dir: &Path,
        now: Timestamp,
        waiting: impl FnOnce(),
    ) -> Result<Store, StoreError> {
        let disk = Disk::default();
        let lock = lock(dir, waiting)?;
        let catalog = match Catalog::load(dir) {
            Err(StoreError::NoCatalog { .. }) => begin(dir, &disk, now, || is_writer(&lock, dir))?,
            loaded => loaded?,
        };
        // Sweeping by an old catalog would erase what is newer.
        files::check_age(dir, &catalog, files::newest_generation(dir)?)?;
        let certainty = Certainty::Certain;
        let store = Store { dir: dir.to_owned(), catalog, certainty, disk, lock };
        store.sweep_leftovers()?;
        Ok(store)
    }

    /// Every collection.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Marks a collection as removed. Its blocks are references for the signature TTL, which is `ttl`, and it can be brought
    /// back: the catalog says from now on until when. Gives when it counts as removed: not before anything that the directory
    /// has seen, whatever the clock says.
    ///
    /// # Errors
    /// [`StoreError::NoSuchName`], [`StoreError::Io`].
    pub fn remove(
        &mut self,
        name: &CollectionName,
        at: Timestamp,
        ttl: Duration,
    ) -> Result<Timestamp, StoreError> {
        self.be_certain()?;
        let at = self.not_before(at);
        let mut next = self.catalog.clone();
        let live = next.entries.iter_mut().find(|entry| entry.is_live() && entry.name == *name);
        match live {
            None => return Err(StoreError::NoSuchName { name: name.clone() }),
            Some(entry) => entry.remove(at, ttl),
        }
        self.replace(next, at)?;
        Ok(at)
    }

    /// Forgets the removed collections of this name whose manifests are lost or damaged, so that nobody waits for them any
    /// more. Their blocks are protected no longer, unless others name them. Gives how many.
    ///
    /// # Errors
    /// [`StoreError::NothingToGiveUp`]; [`StoreError::Io`].
    pub fn give_up(&mut self, name: &CollectionName, now: Timestamp) -> Result<usize, StoreError> {
        self.be_certain()?;
        let mut next = self.catalog.clone();
        let mut kept = Vec::with_capacity(next.entries.len());
        for entry in next.entries.drain(..) {
            let is_meant = entry.name == *name && !entry.is_live();
            if !is_meant || files::is_good(&self.dir, &entry)? {
                kept.push(entry);
            }
        }
        let given_up = self.catalog.entries.len() - kept.len();
        if given_up == 0 {
            return Err(StoreError::NothingToGiveUp { name: name.clone() });
        }
        next.entries = kept;
        self.replace(next, self.not_before(now))?;
        Ok(given_up)
    }

    /// Brings back the collection of this name that was removed last, if its time is not up: see [`Catalog::restorable`].
    /// Gives it as it is now. Whether its blocks are there is not known here: clocks may be wrong, so whoever calls this looks.
    ///
    /// # Errors
    /// [`StoreError::NoSuchName`] if there is none; [`StoreError::Exists`] if the name has been taken since;
    /// [`StoreError::ManifestGone`], [`StoreError::OtherManifest`] if its manifest is lost.
    pub fn restore(
        &mut self,
        name: &CollectionName,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Entry, StoreError> {
        self.be_certain()?;
        let now = self.not_before(now);
        if self.catalog.live(name.as_str()).is_some() {
            return Err(StoreError::Exists { name: name.clone() });
        }
        let removed = self.catalog.restorable(now, ttl).remove(name).cloned();
        let Some(removed) = removed else {
            return Err(StoreError::NoSuchName { name: name.clone() });
        };
        files::verify(&self.dir, &removed)?;
        let mut restored = removed.clone();
        restored.restore();
        let mut next = self.catalog.clone();
        // Every entry has a file of its own.
        let same = |entry: &&mut Entry| entry.file == removed.file;
        for entry in next.entries.iter_mut().filter(same) {
            *entry = restored.clone();
        }
        self.replace(next, now)?;
        Ok(restored)
    }

    /// Forgets removed collections whose blocks lost their protection a whole `ttl` ago, and a day at least, and erases their
    /// manifests. The earlier of two clocks counts: `now`, and that of the last change before. Gives how many.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn sweep(&mut self, now: Timestamp, ttl: Duration) -> Result<usize, StoreError> {
        self.be_certain()?;
        let surely = now.min(self.catalog.written_at);
        let mut next = self.catalog.clone();
        next.entries.retain(|entry| !entry.is_forgettable(surely, ttl));
        let forgotten = self.catalog.entries.len() - next.entries.len();
        if forgotten > 0 {
            self.replace(next, self.not_before(now))?;
            self.sweep_leftovers()?;
        }
        Ok(forgotten)
    }

    fn not_before(&self, now: Timestamp) -> Timestamp {
        self.catalog.not_before(now)
    }

    /// The catalog on the disk is replaced first, ours only if that is done.
    ///
    /// Refused if the directory is not the one any more whose lock is held: another writer may be at work in it.
    fn replace(&mut self, mut next: Catalog, now: Timestamp) -> Result<(), StoreError> {
        match next.store(&self.dir, &self.disk, now, || self.is_writer()) {
            Ok(()) => {
                self.catalog = next;
                Ok(())
            }
            // Nothing was changed, and what is there now is another's.
            Err(changed @ StoreError::Changed { .. }) => Err(changed),
            Err(error) => {
                // The disk may have either: what it has is what counts.
                self.certainty = Certainty::InDoubt;
                self.be_certain()?;
                Err(error)
            }
        }
    }

    fn is_writer(&self) -> Result<(), StoreError> {
        is_writer(&self.lock, &self.dir)
    }

    /// Reads what the disk has, if that is in doubt.
    fn be_certain(&mut self) -> Result<(), StoreError> {
        if self.certainty == Certainty::InDoubt {
            self.disk.look().map_err(StoreError::io("cannot be read again", &self.dir))?;
            self.catalog = Catalog::load(&self.dir)?;
            self.certainty = Certainty::Certain;
        }
        Ok(())
    }

    /// Removes manifests that no catalog names: what a crash has left, and what was swept from the catalog.
    fn sweep_leftovers(&self) -> Result<(), StoreError> {
        let dir = files::manifests(&self.dir);
        let named: HashSet<&str> =
            self.catalog.entries.iter().map(|entry| entry.file.as_str()).collect();
        let files = fs::read_dir(&dir).map_err(StoreError::io("cannot be listed", &dir))?;
        for file in files {
            let file = file.map_err(StoreError::io("cannot be listed", &dir))?;
            if file.file_name().to_str().is_none_or(|name| !named.contains(name)) {
                self.erase(&file.path())?;
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
                self.erase(&file.path())?;
            }
        }
        Ok(())
    }

    /// Removes a file that no catalog names, unless the directory is another's by now: it may be in use there.
    fn erase(&self, path: &Path) -> Result<(), StoreError> {
        self.disk.remove(path, || self.is_writer())
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
fn begin(
    dir: &Path,
    disk: &Disk,
    now: Timestamp,
    is_allowed: impl FnOnce() -> Result<(), StoreError>,
) -> Result<Catalog, StoreError> {
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
    let manifests = files::manifests(dir);
    disk.make_directory(&manifests).map_err(StoreError::io("cannot be made", &manifests))?;
    disk.sync_directory(dir).map_err(StoreError::io("cannot be synced", dir))?;
    let mut catalog = Catalog::empty(now);
    catalog.store(dir, disk, now, is_allowed)?;
    Ok(catalog)
}

fn is_empty_directory(path: &Path, is_manifests: bool) -> bool {
    is_manifests && fs::read_dir(path).is_ok_and(|mut files| files.next().is_none())
}

fn lock(dir: &Path, waiting: impl FnOnce()) -> Result<File, StoreError> {
    let path = dir.join("lock");
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    let mut waiting = Some(waiting);
    loop {
        let file = options.open(&path).map_err(StoreError::io("cannot be opened", &path))?;
        let mut locked = flock(&file, FlockOperation::NonBlockingLockExclusive);
        if locked == Err(Errno::WOULDBLOCK) {
            waiting.take().into_iter().for_each(|waiting| waiting());
            locked = flock(&file, FlockOperation::LockExclusive);
        }
        locked.map_err(|error| StoreError::io("cannot be locked", &path)(error.into()))?;
        // Whoever waited may hold the lock of a directory that was replaced meanwhile.
        if is_at(&file, &path)? {
            return Ok(file);
        }
    }
}

/// That the directory is still the one whose lock this is: else another writer may be at work in it.
fn is_writer(lock: &File, dir: &Path) -> Result<(), StoreError> {
    if is_at(lock, &dir.join("lock"))? {
        Ok(())
    } else {
        Err(StoreError::Changed { dir: dir.to_owned() })
    }
}

/// Whether this open file is the one that has the name now.
fn is_at(file: &File, path: &Path) -> Result<bool, StoreError> {
    let failed = || StoreError::io("cannot be looked at", path);
    let ours = file.metadata().map_err(failed())?;
    match fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed()(error)),
    }
}

#[cfg(test)]
mod tests;
