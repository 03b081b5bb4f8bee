//! All collections, as they stand at one instant.
//!
//! Every row counts: trashed collections and old versions are references until they are deleted
//! (`spec/keep-balance.md` sections 1, 2.3). One snapshot is counted and then read, and both must agree (section 8.1).

use std::pin::pin;

use futures_util::TryStreamExt;
use tokio_postgres::binary_copy::BinaryCopyOutStream;

use crate::postgres::columns::{self, Right};
use crate::postgres::digest::CollectionsDigest;
use crate::postgres::error::shown;
use crate::postgres::row::{BadValue, COLUMNS, CollectionRow};
use crate::postgres::session::{SERVER_FIRST, Session, millis};
use crate::postgres::{Database, DatabaseError, DatabaseTime};

/// What a complete reading came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CollectionsRead {
    /// Rows, every one of which was given to the sink.
    pub count: u64,
    /// The greatest `modified_at`; none if there is no row.
    pub newest: Option<DatabaseTime>,
    /// Of all rows.
    pub digest: CollectionsDigest,
}

/// Why the collections were not read to their end. What the sink has seen until then is worth nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CollectionsError<E> {
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Rows that cannot be told to reference nothing.
    #[error(
        "{rows} of {count} collections have no uuid, manifest_text, portable_data_hash or modified_at \
         (such as {}); repair them: what they reference is not known", examples.join(", ")
    )]
    Incomplete {
        /// How many.
        rows: u64,
        /// Of how many.
        count: u64,
        /// The uuids of some.
        examples: Vec<String>,
    },
    /// The reading gave another number of rows than the count of the same snapshot: an index or the table is damaged, or
    /// something between us and the server.
    #[error(
        "{counted} collections were counted and {received} received; check the database (amcheck, REINDEX) and what is between"
    )]
    Miscounted {
        /// Rows counted.
        counted: u64,
        /// Rows received.
        received: u64,
    },
    /// A row is not what it should be.
    #[error("collection {} (row {row}): {column} cannot be read: {why}", uuid.as_deref().unwrap_or("without a readable uuid"))]
    Malformed {
        /// Which one, in the order in which they came; the first is 1.
        row: u64,
        /// Its uuid, if that can be read.
        uuid: Option<String>,
        /// The column.
        column: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The sink wants no more.
    #[error("{0}")]
    Sink(E),
}

const COUNTING: &str = "count the collections";
const READING: &str = "read the collections";

/// The snapshot is taken by the first statement after it.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
const COUNT: &str = "SELECT count(*), count(*) FILTER (WHERE uuid IS NULL OR manifest_text IS NULL
    OR portable_data_hash IS NULL OR modified_at IS NULL) FROM collections";
const EXAMPLES: &str =
    "SELECT coalesce(uuid::text, 'one without uuid') FROM collections WHERE uuid IS NULL
    OR manifest_text IS NULL OR portable_data_hash IS NULL OR modified_at IS NULL LIMIT 5";

impl Database {
    /// Gives every collection to `sink`, in no order, as they all stand at one instant after the call.
    ///
    /// One row is in memory at a time. `sink` is called on the task that waits for this: it must not block for long, and need
    /// not be quick, the server waits for it. While it lasts the server keeps old rows (it cannot vacuum).
    ///
    /// # Errors
    /// The first error of `sink`; or whatever else keeps it from having seen all rows (`spec/keep-balance.md` section 8.1).
    /// An empty table is no error here.
    ///
    /// # Cancel safety
    /// Dropping the future closes the session; the server stops at the next row.
    pub async fn read_collections<E>(
        &self,
        mut sink: impl FnMut(CollectionRow<'_>) -> Result<(), E>,
    ) -> Result<CollectionsRead, CollectionsError<E>> {
        let session = self.open().await?;
        self.begin(&session).await?;
        columns::check(&session, &COLUMNS, Right::Select).await?;
        let counted = self.count(&session).await?;
        let read = self.copy(&session, &mut sink).await?;
        session.execute(READING, "COMMIT").await?;
        if read.count != counted {
            return Err(CollectionsError::Miscounted { counted, received: read.count });
        }
        Ok(read)
    }

    async fn begin(&self, session: &Session) -> Result<(), DatabaseError> {
        let limit = millis(self.timeouts().scan);
        let begin = format!("{BEGIN}; SET LOCAL statement_timeout = {limit}");
        session.execute(READING, &begin).await
    }

    /// How many rows there are, if each has what a collection must have.
    async fn count<E>(&self, session: &Session) -> Result<u64, CollectionsError<E>> {
        let limit = self.timeouts().scan.saturating_add(SERVER_FIRST);
        let answer =
            session.ask_within(COUNTING, limit, session.client.query_one(COUNT, &[])).await?;
        let number = |index| -> Result<u64, DatabaseError> {
            let number: i64 = session.field(COUNTING, &answer, index)?;
            u64::try_from(number).map_err(|_negative| session.unfit("it counts less than nothing"))
        };
        let (count, rows) = (number(0)?, number(1)?);
        if rows == 0 {
            return Ok(count);
        }
        let found =
            session.ask_within(COUNTING, limit, session.client.query(EXAMPLES, &[])).await?;
        let examples = found.iter().map(|row| session.field::<&str>(COUNTING, row, 0).map(shown));
        Err(CollectionsError::Incomplete {
            rows,
            count,
            examples: examples.collect::<Result<_, _>>()?,
        })
    }

    async fn copy<E>(
        &self,
        session: &Session,
        sink: &mut impl FnMut(CollectionRow<'_>) -> Result<(), E>,
    ) -> Result<CollectionsRead, CollectionsError<E>> {
        let names = COLUMNS.map(|(name, _)| name).join(", ");
        let statement = format!("COPY (SELECT {names} FROM collections) TO STDOUT (FORMAT binary)");
        let silence = self.timeouts().silence;
        // The server's word that it begins comes with the first rows.
        let out = session.ask_within(READING, silence, session.client.copy_out(&statement)).await?;
        let mut rows = pin!(BinaryCopyOutStream::new(out, &COLUMNS.map(|(_, kind)| kind)));
        let mut read =
            CollectionsRead { count: 0, newest: None, digest: CollectionsDigest::default() };
        while let Some(received) = session.ask_within(READING, silence, rows.try_next()).await? {
            read.count += 1;
            let row =
                CollectionRow::read(&received).map_err(|BadValue { uuid, column, why }| {
                    CollectionsError::Malformed { row: read.count, uuid, column, why }
                })?;
            read.newest = read.newest.max(Some(row.modified_at));
            read.digest.add(&row);
            sink(row).map_err(CollectionsError::Sink)?;
        }
        Ok(read)
    }
}
