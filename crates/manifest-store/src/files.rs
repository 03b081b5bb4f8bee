//! The files of a directory: which manifest is where, whose generation it is, whether it is good.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use keep_manifest::{PdhRead, PortableDataHash};

use crate::catalog::Catalog;
use crate::entry::Entry;
use crate::error::{StoreError, Was};

/// The directory of manifests within the directory.
pub(crate) fn manifests(dir: &Path) -> PathBuf {
    dir.join("manifests")
}

/// Where the manifest of a collection is.
pub(crate) fn manifest(dir: &Path, entry: &Entry) -> PathBuf {
    manifests(dir).join(&entry.file)
}

/// What a manifest is called that is written for the catalog of this generation. No other file ever has the name, whoever writes
/// it: two writers of one generation, where one has lost its directory, must not mean each other's.
pub(crate) fn name(generation: u64) -> io::Result<String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)?;
    Ok(format!("{generation:016}-{:032x}", u128::from_be_bytes(random)))
}

/// The highest generation that a manifest was written for.
pub(crate) fn newest_generation(dir: &Path) -> Result<u64, StoreError> {
    let manifests = manifests(dir);
    let files = match fs::read_dir(&manifests) {
        // The catalog says what to make of it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        files => files.map_err(StoreError::io("cannot be listed", &manifests))?,
    };
    let mut newest = 0;
    for file in files {
        let file = file.map_err(StoreError::io("cannot be listed", &manifests))?;
        newest = newest.max(generation_in(&file.file_name()).unwrap_or(0));
    }
    Ok(newest)
}

fn generation_in(name: &std::ffi::OsStr) -> Option<u64> {
    name.to_str()?.split_once('-')?.0.parse().ok()
}

/// A crash leaves manifests for the next catalog, and none for a later one: then the catalog is an old copy.
pub(crate) fn check_age(dir: &Path, catalog: &Catalog, newest: u64) -> Result<(), StoreError> {
    if newest <= catalog.generation + 1 {
        return Ok(());
    }
    let path = dir.join("catalog");
    Err(StoreError::Old { path, generation: catalog.generation, found: newest })
}

/// Whether the manifest of a collection is there, and the one that the catalog names.
pub(crate) fn verify(dir: &Path, entry: &Entry) -> Result<(), StoreError> {
    let path = manifest(dir, entry);
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(gone(path, entry)),
        file => file.map_err(StoreError::io("cannot be opened", &path))?,
    };
    let mut reader = PdhRead::new(file);
    let mut buffer = vec![0; 256 << 10];
    while reader.read(&mut buffer).map_err(StoreError::io("cannot be read", &path))? > 0 {}
    let found = reader.finish();
    if found == entry.pdh { Ok(()) } else { Err(other(path, entry, found)) }
}

/// [`verify`], where it is well known what to do about a bad one.
pub(crate) fn is_good(dir: &Path, entry: &Entry) -> Result<bool, StoreError> {
    match verify(dir, entry) {
        Ok(()) => Ok(true),
        Err(StoreError::ManifestGone { .. } | StoreError::OtherManifest { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

pub(crate) fn gone(path: PathBuf, entry: &Entry) -> StoreError {
    StoreError::ManifestGone { path, name: entry.name.to_string(), was: was(entry) }
}

pub(crate) fn other(path: PathBuf, entry: &Entry, found: PortableDataHash) -> StoreError {
    let (name, expected) = (entry.name.to_string(), entry.pdh);
    StoreError::OtherManifest { path, name, expected, found, was: was(entry) }
}

fn was(entry: &Entry) -> Was {
    if entry.is_live() { Was::Live } else { Was::Removed }
}
