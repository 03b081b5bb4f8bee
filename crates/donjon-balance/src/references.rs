//! What is wanted: every block that a collection names, and how many copies of it, in which classes
//! (`spec/keep-balance.md` sections 2.3 and 8.1).

use std::io::Read;

use keep_manifest::{Blocks, ReadError};
use keep_rules::balance::{WantedReplication, WishBook, WishError, WishId};
use keep_rules::{ClassSet, StorageClass};

use crate::confirm::{Candidate, Enrolling, RollError};
use crate::progress::Progress;
use crate::runs::{Feeder, ReferenceRecord, SortError};

/// What a collection wants, as its source has it.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// `replication_desired`; `None` is the default.
    pub replication: Option<i64>,
    /// `storage_classes_desired`; none, or an empty list, is `default`.
    pub classes: Option<&'a [String]>,
}

/// What was read of one source of references.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReferencesRead {
    /// What kind of source: `manifest_store`, `postgresql`.
    pub kind: &'static str,
    /// Which one it is. No secret is in it.
    pub name: String,
    /// Collections, also removed ones whose time is not up.
    pub collections: u64,
    /// Blocks that they name, with repetitions.
    pub references: u64,
    /// The bytes of those.
    pub bytes: u64,
    /// Collections with a negative number of copies: the default was taken.
    pub negative: u64,
    /// Manifests that are not quite as they should be, but have one meaning.
    pub odd: u64,
    /// The state of the source that was read, if it counts them.
    pub generation: Option<u64>,
    /// A digest of what was read, if the source can say.
    pub digest: Option<[u8; 32]>,
}

/// Why a collection cannot be taken. Nothing may be trashed without it.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// Its manifest is none.
    #[error("the manifest of collection {collection}: {error}")]
    Manifest {
        /// The collection.
        collection: String,
        /// What is wrong, and where.
        #[source]
        error: ReadError,
    },
    /// A class has no name.
    #[error(
        "collection {collection}: {class:?} in storage_classes_desired is not the name of a storage class"
    )]
    Class {
        /// The collection.
        collection: String,
        /// The text.
        class: String,
    },
    /// What it wants cannot be noted.
    #[error("collection {collection}: {error}")]
    Wish {
        /// The collection.
        collection: String,
        /// Why.
        #[source]
        error: WishError,
    },
    /// It cannot be kept for sorting.
    #[error(transparent)]
    Sort(#[from] SortError),
    /// It cannot be kept to be confirmed.
    #[error(transparent)]
    Roll(#[from] RollError),
}

/// Takes collections in: notes what they want, and feeds their blocks to a sorter.
pub struct Intake<'a> {
    /// What is wanted, each combination once.
    pub book: &'a mut WishBook,
    /// Where the blocks go.
    pub feeder: &'a mut Feeder<ReferenceRecord>,
    /// How many copies a collection has that does not say.
    pub default_replication: u32,
    /// Is told of each block.
    pub progress: &'a dyn Progress,
    /// What was taken in so far.
    pub read: &'a mut ReferencesRead,
    /// Takes note of collections whose confirmed columns are to be written; none: they are not.
    pub enrolling: Option<Enrolling<'a>>,
}

impl Intake<'_> {
    /// Takes in a collection, called `name` in messages, whose manifest `manifest` gives. Gives the source back, read to
    /// its end.
    ///
    /// # Errors
    /// [`IntakeError`]. Blocks before the mistake may have been taken: the run must end.
    pub fn take<R: Read>(
        &mut self,
        name: &str,
        wanted: Wanted<'_>,
        manifest: R,
    ) -> Result<R, IntakeError> {
        self.take_whole(name, wanted, None, manifest)
    }

    /// [`Intake::take`] of a collection of a database, which is also taken note of, to confirm how many copies it has.
    ///
    /// # Errors
    /// As [`Intake::take`].
    pub fn take_candidate<R: Read>(
        &mut self,
        candidate: Candidate<'_>,
        wanted: Wanted<'_>,
        manifest: R,
    ) -> Result<R, IntakeError> {
        self.take_whole(candidate.uuid, wanted, Some(candidate), manifest)
    }

    fn take_whole<R: Read>(
        &mut self,
        name: &str,
        wanted: Wanted<'_>,
        candidate: Option<Candidate<'_>>,
        manifest: R,
    ) -> Result<R, IntakeError> {
        let copies = self.copies(name, wanted);
        let wish = self.wish(name, wanted, copies)?;
        let number = match (candidate, &mut self.enrolling) {
            (Some(candidate), Some(enrolling)) => {
                Some(enrolling.enrol(candidate, wanted, copies, wish)?)
            }
            (None, _) | (_, None) => None,
        };
        let wish = wish.get();
        let broken = |error| IntakeError::Manifest { collection: name.to_owned(), error };
        let mut blocks = Blocks::new(manifest);
        let (mut references, mut bytes) = (0, 0);
        for block in blocks.by_ref() {
            let block = block.map_err(broken)?;
            self.feeder.push(ReferenceRecord { hash: block.hash(), size: block.size(), wish })?;
            if let (Some(number), Some(enrolling)) = (number, &mut self.enrolling) {
                enrolling.block(number, block)?;
            }
            references += 1;
            bytes += u64::from(block.size());
        }
        let (summary, source) = blocks.finish_into_source().map_err(broken)?;
        if !summary.oddities.is_none() {
            tracing::warn!(collection = name, oddities = %summary.oddities, "a manifest is not quite as it should be");
            self.read.odd += 1;
        }
        self.read.collections += 1;
        self.read.references += references;
        self.read.bytes += bytes;
        // No step: how many collections there are is not known, and the steps of the phase are indexes.
        self.progress.note(references);
        Ok(source)
    }

    fn copies(&mut self, name: &str, wanted: Wanted<'_>) -> u32 {
        let copies = WantedReplication::read(wanted.replication, self.default_replication);
        if let WantedReplication::NegativeSoDefault(copies) = copies {
            tracing::warn!(
                collection = name,
                copies,
                "replication_desired is negative; the default is taken"
            );
            self.read.negative += 1;
        }
        copies.copies()
    }

    fn wish(&mut self, name: &str, wanted: Wanted<'_>, copies: u32) -> Result<WishId, IntakeError> {
        let classes = wanted.classes.unwrap_or_default().iter().map(|class| {
            class.parse::<StorageClass>().map_err(|_empty| IntakeError::Class {
                collection: name.to_owned(),
                class: class.clone(),
            })
        });
        let classes: ClassSet = classes.collect::<Result<Vec<_>, _>>()?.into_iter().collect();
        self.book
            .of_collection(&classes, copies)
            .map_err(|error| IntakeError::Wish { collection: name.to_owned(), error })
    }
}
