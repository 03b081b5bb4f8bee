//! One balancer at a time, with two of ours and one of others.

use std::time::Duration;

use donjon_balance::postgres::{LockError, LockKey, LockWait, SweepLock};

use crate::server::Cluster;
use crate::somebody;

const AT_ONCE: LockWait = LockWait { every: Duration::from_millis(5), longest: Duration::ZERO };
const PATIENT: LockWait =
    LockWait { every: Duration::from_millis(5), longest: Duration::from_secs(60) };

/// Ends the sessions of the database that hold a lock, and waits until they have ended.
const KILL: &str =
    "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

#[tokio::test]
async fn one_at_a_time_and_the_other_learns_who() {
    let cluster = Cluster::new();
    let database = cluster.connect().await;
    let first = SweepLock::take(&database, LockKey::Sweep, AT_ONCE).await.unwrap();
    first.still_held().await.unwrap();
    let error = SweepLock::take(&database, LockKey::Sweep, AT_ONCE).await.unwrap_err();
    let text = error.to_string();
    let LockError::Taken { holder: Some(holder), .. } = error else { panic!("{text}") };
    assert_eq!(holder.user.as_deref(), Some("postgres"));
    assert_eq!(holder.application.as_deref(), Some("donjon-balance"));
    assert!(holder.since.is_some(), "{holder:?}");
    assert!(
        text.contains("advisory lock 10004") && text.contains("program donjon-balance"),
        "{text}"
    );
    // The other lock is another one.
    let service = SweepLock::take(&database, LockKey::Service, AT_ONCE).await.unwrap();
    service.still_held().await.unwrap();
    first.release().await.unwrap();
    SweepLock::take(&database, LockKey::Sweep, AT_ONCE).await.unwrap();
}

#[tokio::test]
async fn who_waits_gets_it_when_it_is_free() {
    let cluster = Cluster::new();
    let database = cluster.connect().await;
    let first = SweepLock::take(&database, LockKey::Sweep, AT_ONCE).await.unwrap();
    let (second, ()) = tokio::join!(SweepLock::take(&database, LockKey::Sweep, PATIENT), async {
        first.still_held().await.unwrap();
        drop(first);
    });
    second.unwrap().still_held().await.unwrap();
}

#[tokio::test]
async fn keep_balance_and_we_keep_each_other_out() {
    let cluster = Cluster::new();
    let database = cluster.connect().await;
    let (other, connection) = somebody::session(&cluster).await;
    let driving = tokio::spawn(connection);
    let lock = async |key: i64| {
        let row = other.query_one("SELECT pg_try_advisory_lock($1)", &[&key]).await.unwrap();
        row.get::<_, bool>(0)
    };
    assert!(lock(10004).await);
    let error = SweepLock::take(&database, LockKey::Sweep, AT_ONCE).await.unwrap_err().to_string();
    assert!(error.contains("somebody else"), "{error}");
    let ours = SweepLock::take(&database, LockKey::Service, AT_ONCE).await.unwrap();
    assert!(!lock(10003).await);
    ours.release().await.unwrap();
    assert!(lock(10003).await);
    drop(other);
    driving.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_lock_whose_session_was_killed_is_lost() {
    let cluster = Cluster::new();
    let database = cluster.connect().await;
    let lock = SweepLock::take(&database, LockKey::Sweep, AT_ONCE).await.unwrap();
    cluster.sql(KILL);
    let error = lock.still_held().await.unwrap_err();
    assert!(matches!(error, LockError::Lost { key: LockKey::Sweep, .. }), "{error:?}");
    assert!(error.to_string().contains("was lost"), "{error}");
    let second = SweepLock::take(&database, LockKey::Sweep, AT_ONCE).await.unwrap();
    assert!(matches!(lock.still_held().await, Err(LockError::Lost { .. })));
    assert!(matches!(lock.release().await, Err(LockError::Lost { .. })));
    second.still_held().await.unwrap();
}

/// The server ends every session of this database that waits for two seconds: ours are exempt.
#[tokio::test]
async fn a_site_that_ends_idle_sessions_does_not_end_the_lock() {
    let cluster = Cluster::new();
    let name = cluster.address().name;
    cluster.sql(&format!("ALTER DATABASE {name} SET idle_session_timeout = '2s'"));
    let database = cluster.connect().await;
    let lock = SweepLock::take(&database, LockKey::Sweep, AT_ONCE).await.unwrap();
    let (other, connection) = somebody::session(&cluster).await;
    connection.await.unwrap_err();
    drop(other);
    // The other waited until it was ended; so did ours, and was not.
    lock.still_held().await.unwrap();
}
