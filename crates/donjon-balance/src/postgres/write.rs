//! Rows compared and written, a hundred to a transaction.

use keep_rules::Timestamp;
use serde_json::Value;
use tokio_postgres::Statement;
use tokio_postgres::types::ToSql;

use crate::postgres::confirm::{Confirmed, ConfirmedUpdate, RowFailure};
use crate::postgres::error::shown;
use crate::postgres::session::Session;
use crate::postgres::{DatabaseError, DatabaseTime};

/// Rows of a transaction (`spec/keep-balance.md` section 2.7).
pub(super) const BATCH: usize = 100;
/// So many refusals, one after another, are not a matter of single rows.
const REFUSED_IN_A_ROW_MAX: u32 = 100;
/// So many refusals are logged and kept for the report; all are counted.
const FAILURES_KEPT: usize = 10;

/// How a row of the table stands to an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is gone, or is not what was read.
    ChangedSince,
    /// It has the values.
    Same,
    /// It has others.
    Different,
}

/// The session in which rows are written.
pub(super) struct Writer<'s> {
    session: &'s Session,
    update: Statement,
    at: DatabaseTime,
}

const COMPARING: &str = "compare the confirmed columns";
const WRITING: &str = "write the confirmed columns";
const COMMITTING: &str = "commit the confirmed columns";

const COMPARE: &str = "SELECT u.ord, c.replication_confirmed IS DISTINCT FROM u.replication
        OR c.storage_classes_confirmed IS DISTINCT FROM u.classes
    FROM unnest($1::text[], $2::timestamp[], $3::text[], $4::int4[], $5::jsonb[])
        WITH ORDINALITY AS u(uuid, modified_at, pdh, replication, classes, ord)
    JOIN collections c ON c.uuid = u.uuid AND c.modified_at = u.modified_at AND c.portable_data_hash = u.pdh";

/// Once more with all conditions: the row may have changed since the comparison.
const UPDATE: &str = "UPDATE collections SET replication_confirmed = $4, replication_confirmed_at = $6,
        storage_classes_confirmed = $5, storage_classes_confirmed_at = $6
    WHERE uuid = $1 AND modified_at = $2 AND portable_data_hash = $3
        AND (replication_confirmed IS DISTINCT FROM $4 OR storage_classes_confirmed IS DISTINCT FROM $5)";

/// Constraints that wait for the commit would fail all rows for one: here they wait for nothing.
const BEGIN: &str = "BEGIN; SET CONSTRAINTS ALL IMMEDIATE; SAVEPOINT row";
const KEEP_ROW: &str = "RELEASE SAVEPOINT row; SAVEPOINT row";
const UNDO_ROW: &str = "ROLLBACK TO SAVEPOINT row";
/// In a transaction that has failed the release is an error, where a mere commit would silently undo everything.
const KEEP_LAST: &str = "RELEASE SAVEPOINT row";

/// What a transaction will have done, once it is committed.
#[derive(Default)]
struct Pending {
    written: u64,
    changed_since: u64,
    failures: Vec<RowFailure>,
    failed: u64,
    unfinished: u64,
}

impl<'s> Writer<'s> {
    pub(super) async fn prepare(
        session: &'s Session,
        at: Timestamp,
    ) -> Result<Self, DatabaseError> {
        let update = session.ask(WRITING, session.client.prepare(UPDATE)).await?;
        Ok(Writer { session, update, at: at.into() })
    }

    /// How the rows of the table stand to `updates`, one by one.
    pub(super) async fn compare(
        &self,
        updates: &[ConfirmedUpdate],
    ) -> Result<Vec<State>, DatabaseError> {
        let mut states = vec![State::ChangedSince; updates.len()];
        let uuids: Vec<&str> = updates.iter().map(|update| update.uuid.as_str()).collect();
        let times: Vec<DatabaseTime> = updates.iter().map(|update| update.modified_at).collect();
        let hashes: Vec<&str> =
            updates.iter().map(|update| update.portable_data_hash.as_str()).collect();
        let copies: Vec<i32> = updates.iter().map(|update| update.replication_confirmed).collect();
        let classes: Vec<Value> = updates.iter().map(classes).collect();
        let parameters: [&(dyn ToSql + Sync); 5] = [&uuids, &times, &hashes, &copies, &classes];
        for row in self.session.query(COMPARING, COMPARE, &parameters).await? {
            let place: i64 = self.session.field(COMPARING, &row, 0)?;
            let differs: bool = self.session.field(COMPARING, &row, 1)?;
            let state = usize::try_from(place - 1).ok().and_then(|index| states.get_mut(index));
            if let Some(state) = state {
                *state = if differs { State::Different } else { State::Same };
            }
        }
        Ok(states)
    }

    /// Writes at most `limit` of `batch` in one transaction, and adds to `done` what was committed. `refused` counts
    /// refusals since the last row that was written.
    pub(super) async fn write(
        &self,
        batch: &[ConfirmedUpdate],
        limit: u64,
        done: &mut Confirmed,
        refused: &mut u32,
    ) -> Result<(), DatabaseError> {
        if limit == 0 {
            done.unfinished += batch.len() as u64;
            done.limit_reached = true;
            return Ok(());
        }
        self.session.execute(WRITING, BEGIN).await?;
        let mut pending = Pending::default();
        for (update, tried) in batch.iter().zip(0..) {
            if pending.written == limit {
                pending.unfinished = batch.len() as u64 - tried;
                break;
            }
            self.write_row(update, &mut pending, refused).await?;
        }
        self.session.execute(COMMITTING, KEEP_LAST).await?;
        self.session.execute(COMMITTING, "COMMIT").await?;
        pending.settle(limit, done);
        Ok(())
    }

    async fn write_row(
        &self,
        update: &ConfirmedUpdate,
        pending: &mut Pending,
        refused: &mut u32,
    ) -> Result<(), DatabaseError> {
        let ConfirmedUpdate { uuid, modified_at, portable_data_hash, .. } = update;
        let (copies, classes) = (update.replication_confirmed, classes(update));
        let parameters: [&(dyn ToSql + Sync); 6] =
            [uuid, modified_at, portable_data_hash, &copies, &classes, &self.at];
        let answer = self.session.client.execute(&self.update, &parameters);
        match self.session.ask(WRITING, answer).await {
            Ok(0) => pending.changed_since += 1,
            Ok(_) => {
                pending.written += 1;
                *refused = 0;
                self.session.execute(WRITING, KEEP_ROW).await?;
            }
            Err(error) if error.ends_all() => return Err(error),
            Err(error) => {
                *refused += 1;
                if *refused >= REFUSED_IN_A_ROW_MAX {
                    return Err(error);
                }
                pending.note(uuid, error);
                self.session.execute(WRITING, UNDO_ROW).await?;
            }
        }
        Ok(())
    }
}

impl Pending {
    fn note(&mut self, uuid: &str, why: DatabaseError) {
        self.failed += 1;
        if self.failures.len() < FAILURES_KEPT {
            self.failures.push(RowFailure { uuid: shown(uuid), why });
        }
    }

    fn settle(self, limit: u64, done: &mut Confirmed) {
        done.written += self.written;
        done.changed_since += self.changed_since;
        done.failed += self.failed;
        done.unfinished += self.unfinished;
        done.limit_reached |= self.written == limit;
        let room = FAILURES_KEPT.saturating_sub(done.failures.len());
        for failure in self.failures.into_iter().take(room) {
            tracing::warn!(uuid = failure.uuid, error = %failure.why, "confirmed columns not written");
            done.failures.push(failure);
        }
    }
}

fn classes(update: &ConfirmedUpdate) -> Value {
    update.storage_classes_confirmed.iter().map(String::as_str).collect()
}
