//! The confirmed columns, written.

use donjon_balance::postgres::{
    ConfirmPass, Confirmed, ConfirmedUpdate, Database, DatabaseError, DatabaseTime,
};
use futures_util::stream;
use keep_rules::Timestamp;

use crate::collections::insert;
use crate::server::Cluster;

/// 2026-08-02 03:04:05.000006 UTC.
pub(crate) const AT: Timestamp = Timestamp::from_nanos(1_785_639_845_000_006_000);
pub(crate) const PASS: ConfirmPass =
    ConfirmPass { at: AT, modified_before: Timestamp::from_nanos(i64::MAX), limit: u64::MAX };

/// Two copies in the default class of the rows `1..=n` as `insert` made them.
fn updates(n: u32) -> Vec<ConfirmedUpdate> {
    (1..=n).map(update).collect()
}

fn update(i: u32) -> ConfirmedUpdate {
    let noon = 838_900_800;
    ConfirmedUpdate {
        uuid: format!("zzzzz-4zz18-{i:015}"),
        modified_at: DatabaseTime::from_micros((noon + i64::from(i)) * 1_000_000),
        portable_data_hash: format!("pdh+{i}"),
        replication_confirmed: 2,
        storage_classes_confirmed: vec!["default".to_owned()],
    }
}

async fn confirm(database: &Database, updates: Vec<ConfirmedUpdate>) -> Confirmed {
    database.update_confirmed(stream::iter(updates), PASS).await.unwrap()
}

const CONFIRMED: &str =
    "SELECT id, replication_confirmed, replication_confirmed_at, storage_classes_confirmed,
    storage_classes_confirmed_at FROM collections ORDER BY id";

#[tokio::test]
async fn values_are_written_in_utc_and_only_once() {
    let cluster = Cluster::new();
    insert(&cluster, 2);
    assert_eq!(cluster.sql("SHOW timezone"), "Pacific/Auckland");
    let database = cluster.connect().await;
    let before = cluster.sql("SELECT modified_at, manifest_text FROM collections ORDER BY id");
    let done = confirm(&database, updates(2)).await;
    assert_eq!(done, Confirmed { taken: 2, written: 2, ..Confirmed::default() });
    let row = "2|2026-08-02 03:04:05.000006|[\"default\"]|2026-08-02 03:04:05.000006";
    let table = format!("1|{row}\n2|{row}");
    assert_eq!(cluster.sql(CONFIRMED), table);
    assert_eq!(
        cluster.sql("SELECT modified_at, manifest_text FROM collections ORDER BY id"),
        before
    );

    let later = ConfirmPass { at: Timestamp::from_seconds(2_000_000_000), ..PASS };
    let again = database.update_confirmed(stream::iter(updates(2)), later).await.unwrap();
    assert_eq!(again, Confirmed { taken: 2, unchanged: 2, ..Confirmed::default() });
    assert_eq!(cluster.sql(CONFIRMED), table, "timestamps of what is unchanged stay");
}

#[tokio::test]
async fn the_order_of_classes_matters() {
    let cluster = Cluster::new();
    insert(&cluster, 1);
    let database = cluster.connect().await;
    for (classes, written) in [(["a", "b"], 1), (["a", "b"], 0), (["b", "a"], 1)] {
        let classes = classes.map(str::to_owned).to_vec();
        let done = confirm(
            &database,
            vec![ConfirmedUpdate { storage_classes_confirmed: classes, ..update(1) }],
        )
        .await;
        assert_eq!(done.written, written);
    }
}

#[tokio::test]
async fn rows_changed_since_they_were_read_are_skipped() {
    let cluster = Cluster::new();
    insert(&cluster, 5);
    cluster.sql(
        "UPDATE collections SET modified_at = modified_at + interval '1 microsecond' WHERE id = 1;
         UPDATE collections SET portable_data_hash = 'other' WHERE id = 2;
         DELETE FROM collections WHERE id = 3",
    );
    let done = confirm(&cluster.connect().await, updates(5)).await;
    assert_eq!(done, Confirmed { taken: 5, written: 2, changed_since: 3, ..Confirmed::default() });
    let touched = cluster.sql("SELECT string_agg(id::text, ',' ORDER BY id) FROM collections WHERE replication_confirmed = 2");
    assert_eq!(touched, "4,5");
}

#[tokio::test]
async fn rows_newer_than_the_run_are_skipped() {
    let cluster = Cluster::new();
    insert(&cluster, 3);
    let pass = ConfirmPass { modified_before: update(2).modified_at.timestamp(), ..PASS };
    let database = cluster.connect().await;
    let done = database.update_confirmed(stream::iter(updates(3)), pass).await.unwrap();
    assert_eq!(done, Confirmed { taken: 3, written: 1, too_new: 2, ..Confirmed::default() });
}

#[tokio::test]
async fn a_row_that_is_refused_does_not_stop_the_others() {
    // At once, and when the constraint would wait for the commit.
    let at_once =
        "ALTER TABLE collections ADD CHECK (id % 50 <> 7 OR replication_confirmed IS NULL)";
    let deferred = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not this one'; END $$;
        CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON collections DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (NEW.id % 50 = 7) EXECUTE FUNCTION refuse()";
    for (constraint, why) in [(at_once, "violates check constraint"), (deferred, "not this one")] {
        let cluster = Cluster::new();
        insert(&cluster, 250);
        cluster.sql(constraint);
        let done = confirm(&cluster.connect().await, updates(250)).await;
        assert_eq!((done.taken, done.written, done.failed), (250, 245, 5));
        let uuids: Vec<&str> = done.failures.iter().map(|failure| failure.uuid.as_str()).collect();
        assert_eq!(uuids, [7, 57, 107, 157, 207].map(|i| format!("zzzzz-4zz18-{i:015}")));
        for failure in &done.failures {
            let text = failure.why.to_string();
            assert!(text.contains(why), "{text}");
            assert!(!text.contains("0:1:"), "the row is not quoted: {text}");
        }
        assert_eq!(
            cluster.sql("SELECT count(*) FROM collections WHERE replication_confirmed = 2"),
            "245"
        );
    }
}

#[tokio::test]
async fn a_hundred_refusals_in_a_row_end_it() {
    let cluster = Cluster::new();
    insert(&cluster, 350);
    cluster.sql("ALTER TABLE collections ADD CHECK (id <= 130 OR replication_confirmed IS NULL)");
    let error = cluster
        .connect()
        .await
        .update_confirmed(stream::iter(updates(350)), PASS)
        .await
        .unwrap_err();
    assert!(matches!(error.cause, DatabaseError::Failed { .. }), "{error:?}");
    assert_eq!(error.done.taken, 350);
    assert_eq!(sum(&error.done), 350);
    let written = cluster.sql("SELECT count(*) FROM collections WHERE replication_confirmed = 2");
    assert_eq!(error.done.written.to_string(), written);
}

#[tokio::test]
async fn no_more_than_the_limit_is_written() {
    let cluster = Cluster::new();
    insert(&cluster, 2500);
    let database = cluster.connect().await;
    for (limit, written, all) in [(0, 0, 0), (1, 1, 1), (150, 150, 151), (5000, 2349, 2500)] {
        let pass = ConfirmPass { limit, ..PASS };
        let done = database.update_confirmed(stream::iter(updates(2500)), pass).await.unwrap();
        assert_eq!((done.written, done.limit_reached), (written, limit < 5000), "{done:?}");
        assert_eq!(sum(&done), done.taken);
        let count = cluster.sql("SELECT count(*) FROM collections WHERE replication_confirmed = 2");
        assert_eq!(count, all.to_string());
    }
}

/// A site may still put something off to the commit. What is said to be written is, and the rest is not.
#[tokio::test]
async fn a_commit_that_fails_is_not_missed() {
    let cluster = Cluster::new();
    insert(&cluster, 300);
    cluster.sql(
        "CREATE FUNCTION put_off() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN SET CONSTRAINTS late DEFERRED; RETURN NEW; END $$;
         CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'too late'; END $$;
         CREATE TRIGGER put_off BEFORE UPDATE ON collections FOR EACH ROW WHEN (NEW.id = 142) EXECUTE FUNCTION put_off();
         CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON collections DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW WHEN (NEW.id = 142) EXECUTE FUNCTION refuse()",
    );
    let database = cluster.connect().await;
    let error = database.update_confirmed(stream::iter(updates(300)), PASS).await.unwrap_err();
    assert!(error.to_string().contains("cannot commit the confirmed columns: too late"), "{error}");
    let expected = Confirmed { taken: 300, written: 100, unfinished: 200, ..Confirmed::default() };
    assert_eq!(*error.done, expected);
    let count = cluster.sql("SELECT count(*) FROM collections WHERE replication_confirmed = 2");
    assert_eq!(count, "100");
}

#[tokio::test]
async fn a_session_that_ends_takes_only_its_last_transaction_with_it() {
    let cluster = Cluster::new();
    insert(&cluster, 300);
    let database = cluster.connect().await;
    cluster.sql(
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
         CREATE TRIGGER die AFTER UPDATE ON collections FOR EACH ROW WHEN (NEW.id = 142) EXECUTE FUNCTION die()",
    );
    let error = database.update_confirmed(stream::iter(updates(300)), PASS).await.unwrap_err();
    assert!(matches!(error.cause, DatabaseError::Lost { .. }), "{error:?}");
    let expected = Confirmed { taken: 300, written: 100, unfinished: 200, ..Confirmed::default() };
    assert_eq!(*error.done, expected);
    let count = cluster.sql("SELECT count(*) FROM collections WHERE replication_confirmed = 2");
    assert_eq!(count, "100");
}

#[tokio::test]
async fn a_role_that_may_not_write_is_told_before() {
    let cluster = Cluster::new();
    insert(&cluster, 1);
    let name = cluster.address().name;
    cluster.sql(&format!(
        "CREATE ROLE reader_{name} LOGIN PASSWORD 'pw'; GRANT SELECT ON collections TO reader_{name}"
    ));
    let address = donjon_balance::postgres::Address {
        user: format!("reader_{name}"),
        password: "pw".to_owned(),
        ..cluster.address()
    };
    let database = Database::connect(address, Default::default()).await.unwrap();
    let error = database.update_confirmed(stream::iter(updates(1)), PASS).await.unwrap_err();
    assert!(
        error.to_string().contains("may not UPDATE the column replication_confirmed"),
        "{error}"
    );
}

pub(crate) fn sum(done: &Confirmed) -> u64 {
    let Confirmed { written, unchanged, changed_since, too_new, failed, unfinished, .. } = done;
    written + unchanged + changed_since + too_new + failed + unfinished
}
