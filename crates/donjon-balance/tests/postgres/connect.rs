//! Who is let in, and what is said to who is not.

use std::convert::Infallible;
use std::time::Duration;

use donjon_balance::postgres::{
    Address, Database, DatabaseError, LockKey, LockWait, SweepLock, Timeouts,
};

use crate::confirm::PASS;
use testkit::postgres::PostgresServer;

use crate::server::{Cluster, PASSWORD, address};

async fn refusal(address: Address) -> DatabaseError {
    let shown = format!("{address:?}");
    assert!(!shown.contains(&address.password), "{shown}");
    Database::connect(address, Timeouts::default()).await.unwrap_err()
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_not_shown() {
    let address = Address { password: "swordfish-31".to_owned(), ..Cluster::empty().address() };
    let error = refusal(address).await;
    assert!(matches!(error, DatabaseError::Refused { .. }), "{error:?}");
    let text = format!("{error} {error:?}");
    assert!(text.contains("password authentication failed"), "{text}");
    assert!(text.contains("PostgreSQL.Connection.user and password"), "{text}");
    assert!(!text.contains("swordfish"), "{text}");
}

#[tokio::test]
async fn no_password_where_one_is_wanted_is_refused() {
    let address = Address { password: String::new(), ..Cluster::empty().address() };
    let error = Database::connect(address, Timeouts::default()).await.unwrap_err();
    assert!(matches!(error, DatabaseError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("password"), "{error}");
}

#[tokio::test]
async fn a_database_that_is_not_there_is_named() {
    let error =
        refusal(Address { name: "arvados_wrong".to_owned(), ..Cluster::empty().address() }).await;
    assert!(matches!(error, DatabaseError::Refused { .. }), "{error:?}");
    let text = format!("{error} {error:?}");
    assert!(
        text.contains("arvados_wrong") && text.contains("PostgreSQL.Connection.dbname"),
        "{text}"
    );
    assert!(!text.contains(PASSWORD), "{text}");
}

#[tokio::test]
async fn a_server_that_is_not_there_may_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let host = dir.path().to_str().unwrap().to_owned();
    let error = refusal(Address { host: host.clone(), ..Cluster::empty().address() }).await;
    assert!(matches!(error, DatabaseError::Unreachable { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(&host) && !text.contains(PASSWORD), "{text}");
}

/// It accepts and never says anything, as a machine does that hangs.
#[tokio::test]
async fn a_server_that_is_silent_is_given_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address {
        host: "127.0.0.1".to_owned(),
        port: silent.local_addr().unwrap().port(),
        user: "postgres".to_owned(),
        password: PASSWORD.to_owned(),
        name: "arvados".to_owned(),
    };
    let timeouts = Timeouts { connect: Duration::from_millis(50), ..Timeouts::default() };
    let error = Database::connect(address, timeouts).await.unwrap_err();
    assert!(matches!(error, DatabaseError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("no session within 50ms"), "{error}");
}

#[tokio::test]
async fn a_standby_is_refused() {
    let standby = PostgresServer::start("standby.signal");
    let error = refusal(address(&standby)).await;
    assert!(matches!(error, DatabaseError::Unfit { .. }), "{error:?}");
    assert!(error.to_string().contains("standby"), "{error}");
}

/// A run is a task of its own: what it waits for must be able to move between threads.
#[tokio::test]
async fn every_task_can_be_spawned() {
    let cluster = Cluster::new();
    let database = cluster.connect().await;
    let done = tokio::spawn(async move {
        let wait = LockWait { every: Duration::ZERO, longest: Duration::ZERO };
        let lock = SweepLock::take(&database, LockKey::Sweep, wait).await.unwrap();
        let read = database.read_collections(|_| Ok::<_, Infallible>(())).await.unwrap();
        lock.still_held().await.unwrap();
        let done = database.update_confirmed(futures_util::stream::empty(), PASS).await.unwrap();
        lock.release().await.unwrap();
        (read.count, done.taken)
    });
    assert_eq!(done.await.unwrap(), (0, 0));
}
