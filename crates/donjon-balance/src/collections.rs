//! The collections of an Arvados database as a source of references.

use std::fmt::Display;

use tokio::runtime::Handle;

use crate::confirm::Candidate;
use crate::missing::Wanting;
use crate::observe::{References, SourceError};
use crate::postgres::{CollectionRow, CollectionsError, Database};
use crate::references::{Intake, Wanted};

/// The table `collections` of a database: also what was trashed there, and old versions.
#[derive(Clone, Debug)]
pub struct CollectionsTable {
    database: Database,
    place: String,
}

impl CollectionsTable {
    /// The table of `database`, which is called `place` in messages.
    pub fn new(database: Database, place: String) -> Self {
        CollectionsTable { database, place }
    }

    /// Gives every row to `take`. Blocks the thread.
    fn rows<T>(
        &self,
        take: impl FnMut(CollectionRow<'_>) -> Result<T, SourceError>,
    ) -> Result<crate::postgres::CollectionsRead, SourceError> {
        let mut take = take;
        let read = self.database.read_collections(|row| take(row).map(drop));
        Handle::current().block_on(read).map_err(|error| match error {
            CollectionsError::Sink(error) => error,
            CollectionsError::Database(error) => said(error),
            error @ (CollectionsError::Incomplete { .. }
            | CollectionsError::Miscounted { .. }
            | CollectionsError::Malformed { .. }) => said(error),
        })
    }
}

impl References for CollectionsTable {
    fn kind(&self) -> &'static str {
        "postgresql"
    }

    fn name(&self) -> String {
        self.place.clone()
    }

    fn database(&self) -> Option<&Database> {
        Some(&self.database)
    }

    fn read(&self, intake: &mut Intake<'_>) -> Result<(), SourceError> {
        let read = self.rows(|row| {
            let wanted = Wanted {
                replication: row.replication_desired.map(i64::from),
                classes: row.storage_classes_desired.as_deref(),
            };
            // An empty text of another name than the empty collection's was lost, not meant (spec section 2.3).
            if row.manifest_text.is_empty() && row.portable_data_hash != EMPTY {
                return Err(SourceError::Source(format!(
                    "collection {} has an empty manifest, and not the portable data hash of one; look at its row",
                    row.uuid
                )));
            }
            let candidate = Candidate {
                uuid: row.uuid,
                modified_at: row.modified_at,
                portable_data_hash: row.portable_data_hash,
            };
            let manifest = row.manifest_text.as_bytes();
            Ok(intake.take_candidate(candidate, wanted, manifest).map(drop)?)
        })?;
        intake.read.digest = Some(read.digest.to_bytes());
        Ok(())
    }

    fn wanting(&self, wanting: &mut Wanting) -> Result<(), SourceError> {
        self.rows(|row| {
            for block in keep_manifest::Blocks::new(row.manifest_text.as_bytes()) {
                let block = block.map_err(said)?;
                if let Some(collections) = wanting.get_mut(&block.hash())
                    && collections.last().is_none_or(|last| last != row.portable_data_hash)
                {
                    collections.push(row.portable_data_hash.to_owned());
                }
            }
            Ok(())
        })
        .map(drop)
    }
}

/// The portable data hash of a collection without files.
const EMPTY: &str = "d41d8cd98f00b204e9800998ecf8427e+0";

fn said(error: impl Display) -> SourceError {
    SourceError::Source(error.to_string())
}
