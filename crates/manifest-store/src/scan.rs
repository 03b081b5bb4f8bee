//! All references of a directory at one moment, or none: what a balancer reads.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use keep_manifest::PdhRead;
use keep_rules::Timestamp;

use crate::catalog::Catalog;
use crate::entry::Entry;
use crate::error::StoreError;
use crate::files;

/// A directory at one moment: its catalog, which was read once, and the manifests that it names. Manifests never change, and stay
/// for days after the last catalog that needs them; so whoever publishes or removes meanwhile is not in the way. What is
/// published later has blocks that are younger than this moment (`spec/keep-balance.md` section 2.5).
#[derive(Debug)]
pub struct Scan {
    dir: PathBuf,
    catalog: Catalog,
}

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scanned {
    /// The directory's generation at that moment.
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
    /// Those of [`Catalog::load`]; [`StoreError::Old`] if there are manifests that the catalog cannot know yet.
    pub fn open(dir: &Path) -> Result<Scan, StoreError> {
        // Listed first: what is published in between is in the catalog then.
        let newest = files::newest_generation(dir);
        let catalog = Catalog::load(dir)?;
        files::check_age(dir, &catalog, newest?)?;
        Ok(Scan { dir: dir.to_owned(), catalog })
    }

    /// Every collection, those that were removed too.
    pub fn entries(&self) -> &[Entry] {
        &self.catalog.entries
    }

    /// The text of a manifest. Read it to its end and give it to [`Scan::check`].
    ///
    /// # Errors
    /// [`StoreError::ManifestGone`]; [`StoreError::Changed`] if the collection was forgotten meanwhile; [`StoreError::Io`].
    pub fn manifest(&self, entry: &Entry) -> Result<PdhRead<File>, StoreError> {
        let path = files::manifest(&self.dir, entry);
        match File::open(&path) {
            Ok(file) => Ok(PdhRead::new(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let now = Catalog::load(&self.dir)?;
                if now.entries.iter().all(|other| other.file != entry.file) {
                    return Err(StoreError::Changed { dir: self.dir.clone() });
                }
                Err(files::gone(path, entry))
            }
            Err(error) => Err(StoreError::io("cannot be opened", &path)(error)),
        }
    }

    /// Reads what is left of a manifest, and finds it to be the one that the catalog names.
    ///
    /// # Errors
    /// [`StoreError::OtherManifest`], [`StoreError::Io`].
    pub fn check(&self, entry: &Entry, mut manifest: PdhRead<File>) -> Result<(), StoreError> {
        let path = files::manifest(&self.dir, entry);
        let mut rest = [0; 8192];
        while manifest.read(&mut rest).map_err(StoreError::io("cannot be read", &path))? > 0 {}
        let found = manifest.finish();
        if found == entry.pdh { Ok(()) } else { Err(files::other(path, entry, found)) }
    }

    /// Reads a manifest and finds it to be the one that the catalog names, which [`Scan::check`] does after a reading that
    /// came to its end. Where one did not, this says whether the manifest is damaged, and what to do.
    ///
    /// # Errors
    /// [`StoreError::ManifestGone`], [`StoreError::OtherManifest`], [`StoreError::Io`].
    pub fn verify(&self, entry: &Entry) -> Result<(), StoreError> {
        files::verify(&self.dir, entry)
    }

    /// Finds that the directory is still the same one, however many generations later.
    ///
    /// # Errors
    /// [`StoreError::Changed`]: it was replaced by another or an older one. Read it again.
    pub fn finish(self) -> Result<Scanned, StoreError> {
        let now = Catalog::load(&self.dir)?;
        let was = &self.catalog;
        let is_same = now.generation == was.generation && now.digest == was.digest;
        if !is_same && now.generation <= was.generation {
            return Err(StoreError::Changed { dir: self.dir });
        }
        Ok(Scanned { generation: was.generation, written_at: was.written_at, digest: was.digest })
    }
}
