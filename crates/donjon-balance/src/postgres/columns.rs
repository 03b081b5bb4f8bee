//! Whether the table is the one that is meant.

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::postgres::DatabaseError;
use crate::postgres::session::Session;

/// What is to be done with columns, and so what right is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    Select,
    Update,
}

const DOING: &str = "look at the columns of the table collections";

/// The columns of the table that this role finds under the name, with the rights that it has. No row: no table.
const SHAPE: &str = "SELECT a.attname::text, a.atttypid,
    has_column_privilege(a.attrelid, a.attnum, 'SELECT'), has_column_privilege(a.attrelid, a.attnum, 'UPDATE')
    FROM pg_attribute a WHERE a.attrelid = to_regclass('collections') AND a.attnum > 0 AND NOT a.attisdropped";

struct Column {
    name: String,
    kind: u32,
    select: bool,
    update: bool,
}

/// Refuses a table that lacks one of `wanted`, has it with another type, or denies us the right.
pub(super) async fn check(
    session: &Session,
    wanted: &[(&str, Type)],
    right: Right,
) -> Result<(), DatabaseError> {
    let rows = session.query(DOING, SHAPE, &[]).await?;
    if rows.is_empty() {
        return Err(session.unfit(
            "there is no table collections; is PostgreSQL.Connection.dbname the database of Arvados?",
        ));
    }
    let columns =
        rows.iter().map(|row| read(session, row)).collect::<Result<Vec<_>, DatabaseError>>()?;
    wanted
        .iter()
        .try_for_each(|(name, kind)| check_one(&columns, name, kind, right))
        .map_err(|why| session.unfit(why))
}

fn read(session: &Session, row: &Row) -> Result<Column, DatabaseError> {
    Ok(Column {
        name: session.field(DOING, row, 0)?,
        kind: session.field(DOING, row, 1)?,
        select: session.field(DOING, row, 2)?,
        update: session.field(DOING, row, 3)?,
    })
}

fn check_one(columns: &[Column], name: &str, kind: &Type, right: Right) -> Result<(), String> {
    let Some(column) = columns.iter().find(|column| column.name == name) else {
        return Err(format!(
            "the table collections has no column {name}; is it a database of Arvados 2.5 or later?"
        ));
    };
    if !fits(column.kind, kind) {
        let found = Type::from_oid(column.kind).map_or_else(
            || format!("the type with the oid {}", column.kind),
            |found| format!("the type {}", found.name()),
        );
        return Err(format!(
            "the column {name} of collections has {found}, not {}; is it a database of Arvados?",
            kind.name()
        ));
    }
    let (has, verb) = match right {
        Right::Select => (column.select, "SELECT"),
        Right::Update => (column.update, "UPDATE"),
    };
    if has {
        return Ok(());
    }
    Err(format!(
        "the role may not {verb} the column {name} of collections; grant it, or use the role of the Arvados API server"
    ))
}

/// `text` and `character varying` are one on the wire.
fn fits(found: u32, wanted: &Type) -> bool {
    let text = [Type::TEXT, Type::VARCHAR];
    found == wanted.oid() || text.contains(wanted) && text.iter().any(|kind| kind.oid() == found)
}
