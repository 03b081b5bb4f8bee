//! The table, read.

use std::convert::Infallible;
use std::time::Duration;

use donjon_balance::postgres::{
    CollectionRow, CollectionsError, CollectionsRead, Database, DatabaseError, DatabaseTime,
    Timeouts,
};

use crate::server::Cluster;
use crate::somebody;

/// A row, owned.
type Row = (String, String, String, Option<i32>, Option<Vec<String>>, DatabaseTime);

fn owned(row: CollectionRow<'_>) -> Row {
    let CollectionRow { uuid, manifest_text, portable_data_hash, .. } = row;
    (
        uuid.to_owned(),
        manifest_text.to_owned(),
        portable_data_hash.to_owned(),
        row.replication_desired,
        row.storage_classes_desired,
        row.modified_at,
    )
}

async fn read(
    database: &Database,
) -> Result<(CollectionsRead, Vec<Row>), CollectionsError<Infallible>> {
    let mut rows = Vec::new();
    let read = database.read_collections(|row| {
        rows.push(owned(row));
        Ok(())
    });
    let read = read.await?;
    rows.sort();
    Ok((read, rows))
}

/// `n` collections without anything special.
pub(crate) fn insert(cluster: &Cluster, n: u32) {
    cluster.sql(&format!(
        "INSERT INTO collections (uuid, manifest_text, portable_data_hash, modified_at)
         SELECT 'zzzzz-4zz18-' || lpad(i::text, 15, '0'), '. x+1 0:1:' || i || E'\\n', 'pdh+' || i,
             timestamp '2026-08-01 12:00:00' + i * interval '1 second'
         FROM generate_series(1, {n}) i"
    ));
}

#[tokio::test]
async fn every_row_is_read_as_it_is() {
    let cluster = Cluster::new();
    cluster.sql(
        "INSERT INTO collections (uuid, manifest_text, portable_data_hash, modified_at, replication_desired, storage_classes_desired)
         VALUES ('a', '', 'd41d8cd98f00b204e9800998ecf8427e+0', '2000-01-01 00:00:00.000001', NULL, NULL),
             ('b', E'. ä\\n', 'p', '2026-08-01', 3, '[\"hot\", \"archive\"]'),
             ('c', 'x', 'p', '1999-12-31 23:59:59', 0, 'null')",
    );
    let (read, rows) = read(&cluster.connect().await).await.unwrap();
    let text = str::to_owned;
    let expected: [Row; 3] = [
        (
            text("a"),
            text(""),
            text("d41d8cd98f00b204e9800998ecf8427e+0"),
            None,
            None,
            DatabaseTime::from_micros(1),
        ),
        (
            text("b"),
            text(". ä\n"),
            text("p"),
            Some(3),
            Some(vec![text("hot"), text("archive")]),
            DatabaseTime::from_micros(838_857_600_000_000),
        ),
        (text("c"), text("x"), text("p"), Some(0), None, DatabaseTime::from_micros(-1_000_000)),
    ];
    assert_eq!(rows, expected);
    assert_eq!(read.count, 3);
    assert_eq!(read.newest, Some(DatabaseTime::from_micros(838_857_600_000_000)));
}

#[tokio::test]
async fn trashed_and_old_versions_are_references() {
    let cluster = Cluster::new();
    insert(&cluster, 4);
    cluster.sql(
        "UPDATE collections SET is_trashed = true, trash_at = '2020-01-01', delete_at = '2020-01-02' WHERE id = 1;
         UPDATE collections SET current_version_uuid = 'zzzzz-4zz18-000000000000003', version = 7 WHERE id = 2;",
    );
    let (read, rows) = read(&cluster.connect().await).await.unwrap();
    assert_eq!((read.count, rows.len()), (4, 4));
}

#[tokio::test]
async fn an_empty_table_is_read() {
    let (read, rows) = read(&Cluster::new().connect().await).await.unwrap();
    assert_eq!((read.count, read.newest, rows.len()), (0, None, 0));
}

#[tokio::test]
async fn a_null_where_something_must_be_refuses() {
    for column in ["manifest_text", "modified_at", "portable_data_hash", "uuid"] {
        let cluster = Cluster::new();
        insert(&cluster, 3);
        cluster.sql(&format!("UPDATE collections SET {column} = NULL WHERE id = 2"));
        let error = read(&cluster.connect().await).await.unwrap_err();
        let example = match column {
            "uuid" => "one without uuid",
            _ => "zzzzz-4zz18-000000000000002",
        };
        let expected =
            CollectionsError::Incomplete { rows: 1, count: 3, examples: vec![example.to_owned()] };
        assert_eq!(error, expected, "{column}");
        assert!(error.to_string().contains(example), "{error}");
    }
}

/// What others commit while the table is read is neither here nor missing: the snapshot is of the beginning.
#[tokio::test(flavor = "multi_thread")]
async fn the_reading_is_of_one_instant() {
    let cluster = Cluster::new();
    insert(&cluster, 2000);
    let database = cluster.connect().await;
    let before = read(&database).await.unwrap();
    let mut rows = Vec::new();
    let during = database
        .read_collections(|row| {
            if rows.is_empty() {
                cluster.sql(
                    "DELETE FROM collections WHERE id > 1000;
                     UPDATE collections SET manifest_text = 'changed', modified_at = '2027-01-01' WHERE id = 1000;
                     INSERT INTO collections (uuid, manifest_text, portable_data_hash, modified_at)
                     VALUES ('late', '', 'p', '2027-01-01')",
                );
            }
            rows.push(owned(row));
            Ok::<_, Infallible>(())
        })
        .await
        .unwrap();
    rows.sort();
    assert_eq!((during, rows), before);
    let (after, rows) = read(&database).await.unwrap();
    assert_eq!(after.count, 1001);
    assert!(rows.iter().any(|row| row.0 == "late"));
    assert_ne!(after.digest, during.digest);
}

#[tokio::test]
async fn the_digest_is_of_what_is_there_not_of_its_order() {
    let cluster = Cluster::new();
    insert(&cluster, 500);
    let database = cluster.connect().await;
    let (first, _) = read(&database).await.unwrap();
    cluster.sql(
        "CREATE TABLE sorted AS SELECT * FROM collections ORDER BY id DESC; TRUNCATE collections;
         INSERT INTO collections SELECT * FROM sorted",
    );
    let (turned, _) = read(&database).await.unwrap();
    assert_eq!(first, turned);
    cluster.sql("UPDATE collections SET replication_desired = 1 WHERE id = 250");
    assert_ne!(read(&database).await.unwrap().0.digest, first.digest);
}

#[tokio::test]
async fn an_error_of_the_sink_ends_the_reading() {
    let cluster = Cluster::new();
    insert(&cluster, 100);
    let mut seen = 0;
    let database = cluster.connect().await;
    let read = database.read_collections(|_| {
        seen += 1;
        if seen == 7 { Err("seven") } else { Ok(()) }
    });
    assert_eq!(read.await.unwrap_err(), CollectionsError::Sink("seven"));
    assert_eq!(seen, 7);
}

#[tokio::test]
async fn classes_that_are_no_list_of_names_are_refused() {
    for classes in ["{\"default\": true}", "\"default\"", "[1]", "[\"a\", null]"] {
        let cluster = Cluster::new();
        insert(&cluster, 1);
        cluster.sql(&format!("UPDATE collections SET storage_classes_desired = '{classes}'"));
        let error = read(&cluster.connect().await).await.unwrap_err();
        let CollectionsError::Malformed { row: 1, uuid: Some(uuid), column, .. } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(
            (uuid.as_str(), *column),
            ("zzzzz-4zz18-000000000000001", "storage_classes_desired")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_while_the_table_is_read_is_an_error() {
    let cluster = Cluster::new();
    // More than fits into the buffers on the way.
    insert(&cluster, 100);
    cluster.sql("UPDATE collections SET manifest_text = repeat(md5(id::text), 10000)");
    let database = cluster.connect().await;
    let mut seen = 0;
    let read = database.read_collections(|_| {
        if seen == 0 {
            cluster.sql(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
                 WHERE datname = current_database() AND query LIKE 'COPY%'",
            );
        }
        seen += 1;
        Ok::<_, Infallible>(())
    });
    let error = read.await.unwrap_err();
    // What is heard last depends on who notices first.
    assert!(
        matches!(&error, CollectionsError::Database(DatabaseError::Lost { .. })),
        "{error:?} after {seen}"
    );
    assert!(seen < 100, "{seen}");
}

#[tokio::test]
async fn a_table_that_is_locked_is_given_up() {
    let cluster = Cluster::new();
    insert(&cluster, 1);
    let (holder, connection) = somebody::session(&cluster).await;
    let driving = tokio::spawn(connection);
    holder.batch_execute("BEGIN; LOCK TABLE collections IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let timeouts = Timeouts { statement: Duration::from_millis(50), ..Timeouts::default() };
    let database = Database::connect(cluster.address(), timeouts).await.unwrap();
    let error = read(&database).await.unwrap_err();
    assert!(
        matches!(&error, CollectionsError::Database(DatabaseError::TimedOut { .. })),
        "{error:?}"
    );
    assert!(error.to_string().contains("lock timeout"), "{error}");
    drop(holder);
    driving.await.unwrap().unwrap();
}

/// Counting goes through a view that takes longer than is allowed for all.
#[tokio::test]
async fn a_statement_that_takes_too_long_is_given_up() {
    let cluster = Cluster::new();
    insert(&cluster, 1);
    cluster.sql(
        "ALTER TABLE collections RENAME TO slow;
         CREATE VIEW collections AS SELECT slow.* FROM slow, pg_sleep(3600)",
    );
    let timeouts = Timeouts { scan: Duration::from_millis(50), ..Timeouts::default() };
    let database = Database::connect(cluster.address(), timeouts).await.unwrap();
    let error = read(&database).await.unwrap_err();
    let CollectionsError::Database(error) = error else { panic!("{error:?}") };
    assert!(matches!(error, DatabaseError::TimedOut { .. }), "{error:?}");
    assert!(error.to_string().contains("statement timeout"), "{error}");
}

/// The server sends nothing for longer than is allowed, though all in all there is time.
#[tokio::test]
async fn a_server_that_falls_silent_is_given_up() {
    let cluster = Cluster::new();
    insert(&cluster, 2);
    cluster.sql(
        "ALTER TABLE collections RENAME TO slow;
         CREATE FUNCTION slowly(jsonb) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$ BEGIN PERFORM pg_sleep(3600); RETURN $1; END $$;
         CREATE VIEW collections AS SELECT uuid, portable_data_hash, manifest_text, replication_desired, modified_at,
             slowly(storage_classes_desired) AS storage_classes_desired FROM slow",
    );
    let timeouts = Timeouts { silence: Duration::from_millis(50), ..Timeouts::default() };
    let database = Database::connect(cluster.address(), timeouts).await.unwrap();
    let error = read(&database).await.unwrap_err();
    assert!(error.to_string().contains("no answer for 50ms"), "{error}");
}
