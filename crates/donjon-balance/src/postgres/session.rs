//! The database, and sessions with it.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::types::{FromSql, ToSql};
use tokio_postgres::{Client, Config, NoTls, Row};

use crate::postgres::error::chain;
use crate::postgres::{Address, DatabaseError, Timeouts};

/// A database that was reached once, and found to be one that takes changes. It holds no session.
#[derive(Clone, Debug)]
pub struct Database {
    address: Arc<Address>,
    timeouts: Timeouts,
}

impl Database {
    /// Opens a session, to see that all is well, and closes it.
    ///
    /// # Errors
    /// [`DatabaseError::Unreachable`] if it may be well later, [`DatabaseError::Refused`] if not, [`DatabaseError::Unfit`]
    /// for a standby server: it lags, and has locks of its own.
    pub async fn connect(address: Address, timeouts: Timeouts) -> Result<Self, DatabaseError> {
        let database = Database { address: Arc::new(address), timeouts };
        drop(database.open().await?);
        Ok(database)
    }

    /// A session of its own for one task.
    pub(super) async fn open(&self) -> Result<Session, DatabaseError> {
        Session::open(&self.address, self.timeouts).await
    }

    pub(super) fn timeouts(&self) -> Timeouts {
        self.timeouts
    }
}

/// One session. Closed at once when dropped, in the middle of an answer, too: the server then undoes what was not committed.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) client: Client,
    /// Of the server's process.
    pub(super) pid: i32,
    place: String,
    statement: Duration,
    task: JoinHandle<()>,
    /// Set before any question learns that the session has ended.
    ended: Arc<OnceLock<String>>,
}

/// Settings of a session that are not left to the server's defaults:
/// - a session that waits is not ended for it: one holds a lock;
/// - rows that the role may not see are an error, and not left out (row security);
/// - a machine that is gone is noticed in two minutes, and its lock is free.
///
/// Through `pg_settings`, because older servers do not have all of them.
const SETTINGS: &str = "SELECT set_config(s.name, v.value, false) FROM pg_settings s JOIN (VALUES
    ('statement_timeout', $1), ('lock_timeout', $1), ('idle_session_timeout', '0'),
    ('idle_in_transaction_session_timeout', '0'), ('row_security', 'off'),
    ('tcp_keepalives_idle', '60'), ('tcp_keepalives_interval', '15'), ('tcp_keepalives_count', '4')
    ) AS v(name, value) ON s.name = v.name";

const ABOUT: &str = "SELECT pg_backend_pid(), pg_is_in_recovery()";

impl Session {
    async fn open(address: &Address, timeouts: Timeouts) -> Result<Self, DatabaseError> {
        let opening = Self::open_unhurried(address, timeouts);
        tokio::time::timeout(timeouts.connect, opening).await.unwrap_or_else(|_elapsed| {
            let why = format!("no session within {:?}", timeouts.connect);
            Err(DatabaseError::Unreachable { place: address.to_string(), why })
        })
    }

    async fn open_unhurried(address: &Address, timeouts: Timeouts) -> Result<Self, DatabaseError> {
        let place = address.to_string();
        let (client, mut connection) = config(address, timeouts)
            .connect(NoTls)
            .await
            .map_err(|error| DatabaseError::on_connect(&place, &error))?;
        let ended = Arc::new(OnceLock::new());
        let last_words = Arc::clone(&ended);
        let task = tokio::spawn(async move {
            let end = (&mut connection).await;
            let why = end.map_or_else(|error| chain(&error), |()| "it was closed".to_owned());
            last_words.get_or_init(|| why);
            // Only now do questions in hand learn of it.
            drop(connection);
        });
        let statement = timeouts.statement;
        let mut session = Session { client, pid: 0, place, statement, task, ended };
        let limit = millis(statement);
        session.query("set up a session", SETTINGS, &[&limit]).await?;
        let about = session.query_one("look around", ABOUT, &[]).await?;
        session.pid = session.field("look around", &about, 0)?;
        if session.field("look around", &about, 1)? {
            return Err(session.unfit(
                "it is a standby, which lags behind and has locks of its own; name the primary",
            ));
        }
        Ok(session)
    }

    /// Asks for rows that are few.
    pub(super) async fn query(
        &self,
        doing: &'static str,
        statement: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, DatabaseError> {
        self.ask(doing, self.client.query(statement, parameters)).await
    }

    /// Asks for one row.
    pub(super) async fn query_one(
        &self,
        doing: &'static str,
        statement: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Row, DatabaseError> {
        self.ask(doing, self.client.query_one(statement, parameters)).await
    }

    /// Carries out statements without parameters; the first that fails is the last.
    pub(super) async fn execute(
        &self,
        doing: &'static str,
        statements: &str,
    ) -> Result<(), DatabaseError> {
        self.ask(doing, self.client.batch_execute(statements)).await
    }

    /// Waits for a small statement.
    pub(super) async fn ask<T>(
        &self,
        doing: &'static str,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, DatabaseError> {
        self.ask_within(doing, self.statement.saturating_add(SERVER_FIRST), answer).await
    }

    /// Waits no longer than `limit`. After that the session is of no use: drop it.
    pub(super) async fn ask_within<T>(
        &self,
        doing: &'static str,
        limit: Duration,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, DatabaseError> {
        match tokio::time::timeout(limit, answer).await {
            Ok(answer) => answer.map_err(|error| self.failure(doing, &error)),
            Err(_elapsed) => {
                let why = format!("no answer for {limit:?}");
                Err(DatabaseError::Lost { place: self.place.clone(), doing, why })
            }
        }
    }

    /// A field of an answer to a question of our own.
    pub(super) fn field<'r, T: FromSql<'r>>(
        &self,
        doing: &'static str,
        row: &'r Row,
        index: usize,
    ) -> Result<T, DatabaseError> {
        row.try_get(index).map_err(|error| self.failure(doing, &error))
    }

    pub(super) fn failure(
        &self,
        doing: &'static str,
        error: &tokio_postgres::Error,
    ) -> DatabaseError {
        let ended = self.ended.get().map(String::as_str);
        DatabaseError::on_question(&self.place, doing, error, ended)
    }

    pub(super) fn unfit(&self, why: impl Into<String>) -> DatabaseError {
        DatabaseError::Unfit { place: self.place.clone(), why: why.into() }
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// So much later than the server do we give up on a statement: when its clock strikes, the session can be used on.
pub(super) const SERVER_FIRST: Duration = Duration::from_secs(5);

fn config(address: &Address, timeouts: Timeouts) -> Config {
    let mut config = Config::new();
    config
        .host(address.host())
        .port(address.port)
        .application_name("donjon-balance")
        .connect_timeout(timeouts.connect)
        .keepalives_idle(Duration::from_secs(60))
        .keepalives_interval(Duration::from_secs(15))
        .keepalives_retries(4)
        .tcp_user_timeout(Duration::from_secs(120));
    if !address.user.is_empty() {
        config.user(&address.user);
    }
    if !address.password.is_empty() {
        config.password(&address.password);
    }
    if !address.name.is_empty() {
        config.dbname(&address.name);
    }
    config
}

/// As PostgreSQL takes it: at least 1, because 0 means for ever, and at most `i32::MAX`.
pub(super) fn millis(limit: Duration) -> String {
    limit.as_millis().clamp(1, 2_147_483_647).to_string()
}
