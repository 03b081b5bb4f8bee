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
    #[error("{}: there is no catalog here: is the file system mounted, is it the right directory? A new one is made by the first `donjon put`", dir.display())]
    NoCatalog {
        /// The directory.
        dir: PathBuf,
    },
    /// A new directory of manifests would hide what is there.
    #[error("{}: there is no catalog, but there are other files; use an empty directory", dir.display())]
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
    #[error("{}: the catalog has format {format}; this version reads 1", path.display())]
    Format {
        /// The catalog.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
    /// A manifest of the catalog is not there.
    #[error("{}: the manifest of {name:?} is gone; restore it from a backup, or put the collection again", path.display())]
    ManifestGone {
        /// The file.
        path: PathBuf,
        /// The collection.
        name: String,
    },
    /// A manifest is not the one that the catalog names.
    #[error("{}: the manifest of {name:?} has the portable data hash {found}, not {expected}: it is damaged; restore it from a backup", path.display())]
    OtherManifest {
        /// The file.
        path: PathBuf,
        /// The collection.
        name: String,
        /// The hash in the catalog.
        expected: PortableDataHash,
        /// The hash of the file.
        found: PortableDataHash,
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
    /// The directory was changed while it was read.
    #[error("{}: collections were published or removed while it was read; read it again", dir.display())]
    Changed {
        /// The directory.
        dir: PathBuf,
    },
    /// There is another collection of that name.
    #[error(
        "there is a collection {name:?} already, with other content; choose another name, or replace it"
    )]
    Exists {
        /// The name.
        name: CollectionName,
    },
    /// There is no collection of that name.
    #[error("there is no collection {name:?}")]
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

impl StoreError {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
        let path = path.to_owned();
        move |error| StoreError::Io { doing, path, error }
    }
}
