//! Databases that are not what they should be: said so, with what to do, and nothing read.

use std::convert::Infallible;

use donjon_balance::postgres::{Address, CollectionsError, Database, DatabaseError, Timeouts};

use crate::collections::insert;
use crate::server::Cluster;

async fn failure(database: &Database) -> DatabaseError {
    let mut seen = 0;
    let read = database.read_collections(|_| {
        seen += 1;
        Ok::<_, Infallible>(())
    });
    let error = read.await.unwrap_err();
    assert_eq!(seen, 0);
    let CollectionsError::Database(error) = error else { panic!("{error:?}") };
    error
}

async fn failure_after(statements: &str) -> String {
    let cluster = Cluster::new();
    insert(&cluster, 2);
    cluster.sql(statements);
    let error = failure(&cluster.connect().await).await;
    assert!(matches!(error, DatabaseError::Unfit { .. }), "{error:?}");
    error.to_string()
}

/// A role without a right but to come in, `grants` apart.
async fn role(cluster: &Cluster, grants: &str) -> Database {
    let Address { name, .. } = cluster.address();
    cluster.sql(&format!(
        "CREATE ROLE r_{name} LOGIN PASSWORD 'pw'; {}",
        grants.replace("ROLE", &format!("r_{name}"))
    ));
    let address =
        Address { user: format!("r_{name}"), password: "pw".to_owned(), ..cluster.address() };
    Database::connect(address, Timeouts::default()).await.unwrap()
}

#[tokio::test]
async fn a_database_without_the_table_is_not_empty() {
    let cluster = Cluster::empty();
    let error = failure(&cluster.connect().await).await.to_string();
    assert!(
        error.contains("no table collections") && error.contains("PostgreSQL.Connection.dbname"),
        "{error}"
    );
}

#[tokio::test]
async fn a_column_that_is_lacking_is_named() {
    let error = failure_after("ALTER TABLE collections DROP COLUMN storage_classes_desired").await;
    assert!(error.contains("no column storage_classes_desired"), "{error}");
}

#[tokio::test]
async fn a_column_of_another_type_is_named() {
    let error =
        failure_after("ALTER TABLE collections ALTER COLUMN modified_at TYPE timestamptz").await;
    assert!(
        error.contains("modified_at") && error.contains("timestamptz, not timestamp"),
        "{error}"
    );
    let text = Cluster::new();
    text.sql("ALTER TABLE collections ALTER COLUMN uuid TYPE text");
    let read = text.connect().await.read_collections(|_| Ok::<_, Infallible>(())).await;
    assert_eq!(read.unwrap().count, 0, "text will do for varchar");
}

#[tokio::test]
async fn a_role_without_rights_is_told_which() {
    let cluster = Cluster::new();
    insert(&cluster, 2);
    let database = role(&cluster, "GRANT SELECT (uuid) ON collections TO ROLE").await;
    let error = failure(&database).await.to_string();
    assert!(error.contains("may not SELECT the column manifest_text"), "{error}");
}

/// With row security the count and the reading would agree on too few.
#[tokio::test]
async fn rows_that_a_role_may_not_see_are_not_left_out() {
    let cluster = Cluster::new();
    insert(&cluster, 2);
    let grants =
        "GRANT SELECT ON collections TO ROLE; ALTER TABLE collections ENABLE ROW LEVEL SECURITY;
        CREATE POLICY one_only ON collections USING (id = 1)";
    let database = role(&cluster, grants).await;
    let error = failure(&database).await;
    assert!(matches!(error, DatabaseError::Denied { .. }), "{error:?}");
    assert!(error.to_string().contains("row-level security"), "{error}");
}

/// As a damaged index does it, or something on the way: one row is counted, and does not come.
#[tokio::test]
async fn rows_that_were_counted_and_do_not_come_are_missed() {
    let cluster = Cluster::new();
    insert(&cluster, 3);
    cluster.sql(
        "ALTER TABLE collections RENAME TO whole;
         CREATE VIEW collections AS SELECT * FROM whole WHERE id > 1 OR current_query() NOT LIKE 'COPY%'",
    );
    let read = cluster.connect().await.read_collections(|_| Ok::<_, Infallible>(())).await;
    assert_eq!(read.unwrap_err(), CollectionsError::Miscounted { counted: 3, received: 2 });
}
