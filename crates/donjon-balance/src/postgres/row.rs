//! One row of the table, as it is read.

use tokio_postgres::binary_copy::BinaryCopyOutRow;
use tokio_postgres::types::{FromSql, Json, Type};

use crate::postgres::DatabaseTime;
use crate::postgres::error::shown;

/// A collection, as its row stands in the table; texts are borrowed from what was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectionRow<'a> {
    /// `uuid`.
    pub uuid: &'a str,
    /// `manifest_text`, unchecked.
    pub manifest_text: &'a str,
    /// `portable_data_hash`, unchecked.
    pub portable_data_hash: &'a str,
    /// `replication_desired`; none: the default of the cluster. Unchecked: it may be nought, or negative.
    pub replication_desired: Option<i32>,
    /// `storage_classes_desired`, in order; none: the default class.
    pub storage_classes_desired: Option<Vec<String>>,
    /// `modified_at`.
    pub modified_at: DatabaseTime,
}

/// The columns, in the order in which they are asked for, and the types in which they come.
pub(super) const COLUMNS: [(&str, Type); 6] = [
    ("uuid", Type::VARCHAR),
    ("manifest_text", Type::TEXT),
    ("portable_data_hash", Type::VARCHAR),
    ("replication_desired", Type::INT4),
    ("storage_classes_desired", Type::JSONB),
    ("modified_at", Type::TIMESTAMP),
];

/// What of a row cannot be understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadValue {
    pub(super) uuid: Option<String>,
    pub(super) column: &'static str,
    pub(super) why: String,
}

impl<'a> CollectionRow<'a> {
    pub(super) fn read(row: &'a BinaryCopyOutRow) -> Result<Self, BadValue> {
        let classes: Option<Json<Option<Vec<String>>>> = value(row, 4)?;
        Ok(CollectionRow {
            uuid: value(row, 0)?,
            manifest_text: value(row, 1)?,
            portable_data_hash: value(row, 2)?,
            replication_desired: value(row, 3)?,
            storage_classes_desired: classes.and_then(|Json(classes)| classes),
            modified_at: value(row, 5)?,
        })
    }
}

fn value<'a, T: FromSql<'a>>(row: &'a BinaryCopyOutRow, index: usize) -> Result<T, BadValue> {
    row.try_get(index).map_err(|error| BadValue {
        uuid: row.try_get::<&str>(0).ok().map(shown),
        column: COLUMNS[index].0,
        why: std::error::Error::source(&error)
            .map_or_else(|| shown(&error.to_string()), |source| shown(&source.to_string())),
    })
}
