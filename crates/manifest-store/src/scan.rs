//! All references of a directory, or none: what a balancer reads.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use keep_manifest::PdhRead;
use keep_rules::Timestamp;

use crate::catalog::Catalog;
use crate::entry::Entry;
use crate::error::StoreError;

/// A directory that is being read. Nothing of it is to be believed before [`Scan::finish`].
#[derive(Debug)]
pub struct Scan {
    dir: PathBuf,
    catalog: Catalog,
}

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scanned {
    /// The directory's generation, all the while.
    pub generation: u64,
    /// When that was written.
    pub written_at: Timestamp,
    /// The SHA-256 of its catalog.
    pub digest: [u8; 32],
}

impl Scan {
    /// Begins to read a directory.
    ///
    /// # Errors
    /// Those of [`Catalog::load`].
    pub fn open(dir: &Path) -> Result<Scan, StoreError> {
        Ok(Scan { dir: dir.to_owned(), catalog: Catalog::load(dir)? })
    }

    /// Every collection, those that were removed too.
    pub fn entries(&self) -> &[Entry] {
        &self.catalog.entries
    }

    /// The text of a manifest. Read it to its end and give it to [`Scan::check`].
    ///
    /// # Errors
    /// [`StoreError::ManifestGone`], [`StoreError::Io`].
    pub fn manifest(&self, entry: &Entry) -> Result<PdhRead<File>, StoreError> {
        let path = self.path(entry);
        match File::open(&path) {
            Ok(file) => Ok(PdhRead::new(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(StoreError::ManifestGone { path, name: entry.name.to_string() })
            }
            Err(error) => Err(StoreError::io("cannot be opened", &path)(error)),
        }
    }

    /// Reads what is left of a manifest, and finds it to be the one that the catalog names.
    ///
    /// # Errors
    /// [`StoreError::OtherManifest`], [`StoreError::Io`].
    pub fn check(&self, entry: &Entry, mut manifest: PdhRead<File>) -> Result<(), StoreError> {
        let path = self.path(entry);
        let mut rest = [0; 8192];
        while manifest.read(&mut rest).map_err(StoreError::io("cannot be read", &path))? > 0 {}
        let found = manifest.finish();
        if found == entry.pdh {
            return Ok(());
        }
        let name = entry.name.to_string();
        Err(StoreError::OtherManifest { path, name, expected: entry.pdh, found })
    }

    /// Finds that nothing was published or removed since [`Scan::open`].
    ///
    /// # Errors
    /// [`StoreError::Changed`]: read it again.
    pub fn finish(self) -> Result<Scanned, StoreError> {
        let now = Catalog::load(&self.dir)?;
        if (now.generation, now.digest) != (self.catalog.generation, self.catalog.digest) {
            return Err(StoreError::Changed { dir: self.dir });
        }
        Ok(Scanned { generation: now.generation, written_at: now.written_at, digest: now.digest })
    }

    fn path(&self, entry: &Entry) -> PathBuf {
        self.dir.join("manifests").join(&entry.file)
    }
}
