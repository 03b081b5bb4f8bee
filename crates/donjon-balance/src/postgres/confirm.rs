//! The confirmed columns: how many copies of its blocks a collection really has (`spec/keep-balance.md` section 2.7).

use std::pin::pin;

use futures_util::{Stream, StreamExt};
use keep_rules::Timestamp;
use tokio_postgres::types::Type;

use crate::postgres::columns::{self, Right};
use crate::postgres::write::{self, Writer};
use crate::postgres::{Database, DatabaseError, DatabaseTime};

/// What to write of one collection, and what it was when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfirmedUpdate {
    /// `uuid`.
    pub uuid: String,
    /// `modified_at`, as read.
    pub modified_at: DatabaseTime,
    /// `portable_data_hash`, as read.
    pub portable_data_hash: String,
    /// For `replication_confirmed`.
    pub replication_confirmed: i32,
    /// For `storage_classes_confirmed`; the order matters.
    pub storage_classes_confirmed: Vec<String>,
}

/// What holds for all updates of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfirmPass {
    /// For `replication_confirmed_at` and `storage_classes_confirmed_at`, to the microsecond.
    pub at: Timestamp,
    /// Collections that were modified then or later are skipped: their blocks may be newer than the indexes, and would look
    /// lost. The time at which the run began (`spec/keep-balance.md` W11).
    pub modified_before: Timestamp,
    /// So many rows are written at most (`BalanceUpdateLimit`); nought: none.
    pub limit: u64,
}

/// What became of the updates. The books balance: `taken` is the sum of the next six.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confirmed {
    /// Taken from the stream.
    pub taken: u64,
    /// Written and committed.
    pub written: u64,
    /// Nothing to do: the row has these values. Its timestamps stay.
    pub unchanged: u64,
    /// Skipped: deleted, or changed since it was read.
    pub changed_since: u64,
    /// Skipped: modified too late.
    pub too_new: u64,
    /// Refused by the database; others were written nevertheless.
    pub failed: u64,
    /// In hand when it ended, at the limit or with an error: not written, or, if the session ended during a commit, not known
    /// to be.
    pub unfinished: u64,
    /// Whether it ended because of the limit.
    pub limit_reached: bool,
    /// The first refusals.
    pub failures: Vec<RowFailure>,
}

/// A row that could not be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFailure {
    /// Of the collection.
    pub uuid: String,
    /// What the database said.
    pub why: DatabaseError,
}

/// Why it ended before the stream did. What was committed until then stays; the next run writes the rest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("confirmed columns: {} of {} rows written, then: {cause}", done.written, done.taken)]
pub struct ConfirmError {
    /// What became of the updates until then.
    pub done: Box<Confirmed>,
    /// What happened.
    #[source]
    pub cause: DatabaseError,
}

/// So many updates are compared with the table in one question: enough to make its way there and back cheap.
const COMPARED_AT_ONCE: usize = 1000;

const COMPARED: [(&str, Type); 3] = [
    ("uuid", Type::VARCHAR),
    ("modified_at", Type::TIMESTAMP),
    ("portable_data_hash", Type::VARCHAR),
];
const WRITTEN: [(&str, Type); 4] = [
    ("replication_confirmed", Type::INT4),
    ("replication_confirmed_at", Type::TIMESTAMP),
    ("storage_classes_confirmed", Type::JSONB),
    ("storage_classes_confirmed_at", Type::TIMESTAMP),
];

impl Database {
    /// Writes the confirmed columns of the collections that are still what they were and have other values. `modified_at`
    /// is not touched. No transaction is open while the stream is waited for.
    ///
    /// A row that the database refuses is counted and does not stop the others; a hundred in a row do.
    ///
    /// # Errors
    /// With what was done until then: the session ended, a commit failed, or a hundred rows in a row were refused.
    ///
    /// # Cancel safety
    /// Dropping the future undoes at most the last hundred rows. Doing the same again is harmless.
    pub async fn update_confirmed(
        &self,
        updates: impl Stream<Item = ConfirmedUpdate>,
        pass: ConfirmPass,
    ) -> Result<Confirmed, ConfirmError> {
        let mut done = Confirmed::default();
        match self.update_all(updates, pass, &mut done).await {
            Ok(()) => Ok(done),
            Err(cause) => {
                let settled =
                    done.written + done.unchanged + done.changed_since + done.too_new + done.failed;
                done.unfinished = done.taken.saturating_sub(settled);
                Err(ConfirmError { done: Box::new(done), cause })
            }
        }
    }

    async fn update_all(
        &self,
        updates: impl Stream<Item = ConfirmedUpdate>,
        pass: ConfirmPass,
        done: &mut Confirmed,
    ) -> Result<(), DatabaseError> {
        if pass.limit == 0 {
            done.limit_reached = true;
            return Ok(());
        }
        let session = self.open().await?;
        columns::check(&session, &COMPARED, Right::Select).await?;
        columns::check(&session, &WRITTEN, Right::Select).await?;
        columns::check(&session, &WRITTEN, Right::Update).await?;
        let writer = Writer::prepare(&session, pass.at).await?;
        let mut chunks = pin!(updates.chunks(COMPARED_AT_ONCE));
        let mut refused_in_a_row = 0;
        while let Some(chunk) = chunks.next().await {
            done.taken += chunk.len() as u64;
            let to_write = self.choose(&writer, chunk, pass, done).await?;
            for batch in to_write.chunks(write::BATCH) {
                let left = pass.limit - done.written;
                writer.write(batch, left, done, &mut refused_in_a_row).await?;
            }
            if done.limit_reached {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Those of `chunk` that are to be written. The others are counted.
    async fn choose(
        &self,
        writer: &Writer<'_>,
        mut chunk: Vec<ConfirmedUpdate>,
        pass: ConfirmPass,
        done: &mut Confirmed,
    ) -> Result<Vec<ConfirmedUpdate>, DatabaseError> {
        let all = chunk.len();
        let end = DatabaseTime::from(pass.modified_before);
        chunk.retain(|update| update.modified_at < end);
        done.too_new += (all - chunk.len()) as u64;
        let states = writer.compare(&chunk).await?;
        let mut to_write = Vec::new();
        for (update, state) in chunk.into_iter().zip(states) {
            match state {
                write::State::ChangedSince => done.changed_since += 1,
                write::State::Same => done.unchanged += 1,
                write::State::Different => to_write.push(update),
            }
        }
        Ok(to_write)
    }
}
