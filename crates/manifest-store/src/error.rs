//! What is wrong with a directory of manifests, and what to do.

use std::io;
use std::path::{Path, PathBuf};

use keep_manifest::{PortableDataHash, ReadError};

use crate::name::CollectionName;

/// Why a directory of manifests cannot be read or written. Nothing was changed, unless a variant says so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no catalog: this is no directory of manifests, or its file system is not mounted.
    #[error("{}: there is no catalog here: is the file system mounted, and is it the right directory? Only if no collection was ever put here: the first `donjon put` begins one", dir.display())]
    NoCatalog {
        /// The directory.
        dir: PathBuf,
    },
    /// A new directory of manifests would hide what is there.
    #[error("{}: there is no catalog, but there are other files. If it was a directory of manifests, restore its catalog from a backup; for a new one, take an empty directory", dir.display())]
    NotEmpty {
        /// The directory.
        dir: PathBuf,
    },
    /// The catalog is not what was written.
    #[error("{}: the catalog is damaged, line {line}: {what}; restore it together with `manifests` from a backup", path.display())]
    Damaged {
        /// The catalog.
        path: PathBuf,
        /// The line; the first is 1.
        line: u64,
        /// What is wrong.
        what: String,
    },
    /// The catalog is from a newer version.
    #[error("{}: the catalog has format {format}; this version reads 1 and 2: it takes a newer one", path.display())]
    Format {
        /// The catalog.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
    /// The catalog is an old one: somebody restored it without its manifests, or the other way round.
    #[error("{}: the catalog is of generation {generation}, but there is a manifest of generation {found}: the catalog is an old copy. Restore the newest one, together with `manifests`; if there is none, move the manifests whose names begin with a higher generation out of `manifests`, and put their files again", path.display())]
    Old {
        /// The catalog.
        path: PathBuf,
        /// Its generation.
        generation: u64,
        /// The generation of a manifest.
        found: u64,
    },
    /// A manifest of the catalog is not there.
    #[error("{}: the manifest of {name:?} is gone. {}", path.display(), way_out(name, *was))]
    ManifestGone {
        /// The file.
        path: PathBuf,
        /// The collection.
        name: String,
        /// Whether the collection is one that was removed.
        was: Was,
    },
    /// A manifest is not the one that the catalog names.
    #[error("{}: the manifest of {name:?} has the portable data hash {found}, not {expected}: it is damaged. {}", path.display(), way_out(name, *was))]
    OtherManifest {
        /// The file.
        path: PathBuf,
        /// The collection.
        name: String,
        /// The hash in the catalog.
        expected: PortableDataHash,
        /// The hash of the file.
        found: PortableDataHash,
        /// Whether the collection is one that was removed.
        was: Was,
    },
    /// A manifest is none.
    #[error("the manifest of {name:?}: {error}")]
    Manifest {
        /// The collection.
        name: String,
        /// What is wrong, and where.
        #[source]
        error: ReadError,
    },
    /// The directory was replaced while it was read, or the reading took days.
    #[error("{}: it is not the directory any more whose reading was begun; read it again", dir.display())]
    Changed {
        /// The directory.
        dir: PathBuf,
    },
    /// There is another collection of that name.
    #[error(
        "there is a collection {name} already, with other content; choose another name, or replace it"
    )]
    Exists {
        /// The name.
        name: CollectionName,
    },
    /// No removed collection of that name has lost its manifest.
    #[error(
        "{name}: no removed collection of this name has lost its manifest: there is nothing to give up. One that was not removed is never given up: remove it first"
    )]
    NothingToGiveUp {
        /// The name.
        name: CollectionName,
    },
    /// There is no collection of that name.
    #[error("there is no collection {name}")]
    NoSuchName {
        /// The name.
        name: CollectionName,
    },
    /// The file system says no.
    #[error("{}: {doing}: {error}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// What it said.
        #[source]
        error: io::Error,
    },
}

/// Whether a collection that has lost its manifest was removed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Was {
    /// It was not.
    Live,
    /// It was, and its blocks are still protected.
    Removed,
}

/// What can be done about a lost manifest. Until it is done, nobody knows which blocks it names, so nothing may be trashed.
fn way_out(name: &str, was: Was) -> String {
    let heal = "Nothing is trashed until it is back: restore this file from a backup, or put the same files once more, under any name: that restores it";
    match was {
        Was::Live => heal.to_owned(),
        Was::Removed => format!(
            "{heal}. The collection was removed; if nobody may need its blocks any more, give it up: donjon rm --give-up {name:?}"
        ),
    }
}

impl StoreError {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
        let path = path.to_owned();
        move |error| StoreError::Io { doing, path, error }
    }
}
