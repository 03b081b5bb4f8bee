//! Any updates on any table, beside a plain model of what should come of them.

use std::collections::BTreeMap;

use donjon_balance::postgres::{ConfirmPass, ConfirmedUpdate, DatabaseTime};
use futures_util::stream;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::confirm::{AT, sum};
use crate::server::Cluster;

/// A row: when it was modified, and what is confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    modified: i64,
    copies: Option<i32>,
    classes: Vec<String>,
}

#[derive(Clone, Debug)]
struct Case {
    rows: BTreeMap<u8, Row>,
    updates: Vec<(u8, Row)>,
    before: i64,
    limit: u64,
}

/// The table refuses so many copies.
const REFUSED: i32 = 3;

fn row() -> impl Strategy<Value = Row> {
    let classes =
        prop::collection::vec(prop::sample::select(vec!["a".to_owned(), "b".to_owned()]), 0..3);
    (0i64..3, prop::option::of(0i32..REFUSED), classes)
        .prop_map(|(modified, copies, classes)| Row { modified, copies, classes })
}

fn case() -> impl Strategy<Value = Case> {
    let updates = prop::collection::vec((0u8..12, row(), 0..=REFUSED), 0..30).prop_map(|updates| {
        updates
            .into_iter()
            .map(|(id, row, copies)| (id, Row { copies: Some(copies), ..row }))
            .collect()
    });
    (prop::collection::btree_map(0u8..12, row(), 0..12), updates, 1i64..4, 0u64..12)
        .prop_map(|(rows, updates, before, limit)| Case { rows, updates, before, limit })
}

/// What should come of it: the rows, and how many were written.
fn expected(case: &Case) -> (BTreeMap<u8, Row>, u64) {
    // Up to a thousand updates are compared with the table as it was before the first of them is written.
    let before = &case.rows;
    let mut rows = case.rows.clone();
    let mut written = 0;
    for (id, new) in &case.updates {
        let fits =
            |row: &Row| row.modified == new.modified && row.modified < case.before && row != new;
        let was_worth_it = before.get(id).is_some_and(fits);
        let Some(row) = rows.get_mut(id).filter(|row| was_worth_it && fits(row)) else { continue };
        if written < case.limit && new.copies != Some(REFUSED) {
            *row = new.clone();
            written += 1;
        }
    }
    (rows, written)
}

fn insert(cluster: &Cluster, rows: &BTreeMap<u8, Row>) {
    let mut statements = "TRUNCATE collections;".to_owned();
    for (id, Row { modified, copies, classes }) in rows {
        let copies = copies.map_or("NULL".to_owned(), |copies| copies.to_string());
        statements += &format!(
            "INSERT INTO collections (uuid, manifest_text, portable_data_hash, modified_at, replication_confirmed, storage_classes_confirmed)
             VALUES ('{id}', '', 'p', timestamp '2000-01-01' + {modified} * interval '1 microsecond', {copies}, '{classes:?}');"
        );
    }
    cluster.sql(&statements);
}

fn stored(cluster: &Cluster) -> BTreeMap<u8, Row> {
    let table = cluster.sql(
        "SELECT uuid, extract(microseconds FROM modified_at)::int, replication_confirmed, storage_classes_confirmed
         FROM collections",
    );
    let row = |line: &str| {
        let [id, modified, copies, classes] =
            line.split('|').collect::<Vec<_>>().try_into().unwrap();
        let row = Row {
            modified: modified.parse().unwrap(),
            copies: copies.parse().ok(),
            classes: serde_json::from_str(classes).unwrap(),
        };
        (id.parse().unwrap(), row)
    };
    table.lines().map(row).collect()
}

#[test]
fn the_table_matches_the_model() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cluster = Cluster::new();
    cluster.sql(&format!("ALTER TABLE collections ADD CHECK (replication_confirmed <> {REFUSED})"));
    let database = runtime.block_on(cluster.connect());
    let mut runner = TestRunner::new(Config { cases: 64, ..Config::default() });
    let outcome = runner.run(&case(), |case| {
        insert(&cluster, &case.rows);
        let modified_before = DatabaseTime::from_micros(case.before).timestamp();
        let pass = ConfirmPass { at: AT, modified_before, limit: case.limit };
        let updates = case.updates.iter().map(|(id, new)| ConfirmedUpdate {
            uuid: id.to_string(),
            modified_at: DatabaseTime::from_micros(new.modified),
            portable_data_hash: "p".to_owned(),
            replication_confirmed: new.copies.unwrap(),
            storage_classes_confirmed: new.classes.clone(),
        });
        let done =
            runtime.block_on(database.update_confirmed(stream::iter(updates), pass)).unwrap();
        let (rows, written) = expected(&case);
        prop_assert_eq!(stored(&cluster), rows);
        prop_assert_eq!(done.written, written);
        prop_assert_eq!(sum(&done), done.taken);
        Ok(())
    });
    outcome.unwrap();
}
