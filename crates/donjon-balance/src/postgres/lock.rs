//! One balancer at a time, in the database: the locks that keep-balance takes, so that the two never work together.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::Row;

use crate::postgres::error::shown;
use crate::postgres::session::Session;
use crate::postgres::{Database, DatabaseError};

/// Which lock (`spec/keep-balance.md` section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKey {
    /// A run is active: 10004.
    Sweep,
    /// A service that runs again and again is there, for its whole life: 10003.
    Service,
}

/// How long is waited for a lock that somebody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockWait {
    /// Between two tries; keep-balance has five seconds.
    pub every: Duration,
    /// All in all. Nought: one try.
    pub longest: Duration,
}

/// An advisory lock, and the session that holds it. Released when dropped or when the session ends, whoever ends it.
#[derive(Debug)]
pub struct SweepLock {
    key: LockKey,
    session: Session,
}

/// Who has a lock, as far as the server tells us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The server's process.
    pub pid: i32,
    /// The role; none if we may not know it.
    pub user: Option<String>,
    /// What the program calls itself.
    pub application: Option<String>,
    /// The address it comes from; none for a Unix socket.
    pub address: Option<String>,
    /// When its session began, UTC.
    pub since: Option<String>,
}

/// Why the lock is not ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// Somebody has it.
    #[error(
        "{place}: {key} is taken: {}; wait for that balancer, or stop it",
        holder.as_ref().map_or_else(|| "the holder has just gone".to_owned(), Holder::to_string)
    )]
    Taken {
        /// The database.
        place: String,
        /// The lock.
        key: LockKey,
        /// Who; none if it has gone since.
        holder: Option<Holder>,
    },
    /// It was ours. Another balancer may have begun: nothing may be sent any more.
    #[error("{key} was lost: {why}; nothing more is sent")]
    Lost {
        /// The lock.
        key: LockKey,
        /// How it was found out.
        why: String,
    },
    /// The database does not answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

const TAKING: &str = "take the balancer's lock";
const RELEASING: &str = "give back the balancer's lock";
const LOOKING: &str = "look at the balancer's lock";

/// Who holds the lock with the key `$1`, in this database.
const HOLDERS: &str = "SELECT l.pid, a.usename::text, a.application_name, host(a.client_addr),
    to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC'
    FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0 AND l.objid = $1::bigint::oid AND l.objsubid = 1
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) LIMIT 1";

impl SweepLock {
    /// Takes the lock, trying again while somebody has it.
    ///
    /// # Errors
    /// [`LockError::Taken`] when the wait is over; [`LockError::Database`] at once.
    pub async fn take(
        database: &Database,
        key: LockKey,
        wait: LockWait,
    ) -> Result<Self, LockError> {
        let tell = |holder: &Holder| {
            tracing::info!(lock = %key, %holder, "waiting for another balancer");
        };
        Self::take_telling(database, key, wait, tell).await
    }

    /// [`SweepLock::take`] that tells `tell`, and not the log, who has the lock: each holder once.
    ///
    /// # Errors
    /// As [`SweepLock::take`].
    pub async fn take_telling(
        database: &Database,
        key: LockKey,
        wait: LockWait,
        tell: impl Fn(&Holder),
    ) -> Result<Self, LockError> {
        let lock = SweepLock { key, session: database.open().await? };
        let began = Instant::now();
        let mut told = None;
        while !lock.try_take().await? {
            let holder = lock.holder().await?;
            let left = wait.longest.saturating_sub(began.elapsed());
            if left.is_zero() {
                let place = lock.session.place().to_owned();
                return Err(LockError::Taken { place, key, holder });
            }
            if let Some(holder) = holder.filter(|holder| told.as_ref() != Some(holder)) {
                tell(&holder);
                told = Some(holder);
            }
            tokio::time::sleep(wait.every.min(left)).await;
        }
        lock.still_held().await?;
        Ok(lock)
    }

    /// Asks the server whether the lock is ours. Asked before each thing that cannot be taken back
    /// (`spec/keep-balance.md` W18); the answer is as old as it is.
    ///
    /// # Errors
    /// [`LockError::Lost`], also if there is no answer.
    pub async fn still_held(&self) -> Result<(), LockError> {
        let key = self.key;
        let lost = |why: String| LockError::Lost { key, why };
        match self.holder().await {
            Ok(Some(holder)) if holder.pid == self.session.pid => Ok(()),
            Ok(Some(holder)) => Err(lost(format!("it is held by {holder}"))),
            Ok(None) => Err(lost("nobody holds it".to_owned())),
            Err(error) => Err(lost(error.to_string())),
        }
    }

    /// Gives the lock back. When this returns, it can be taken; after a mere drop, soon.
    ///
    /// # Errors
    /// [`LockError::Lost`] if it was not ours any more.
    pub async fn release(self) -> Result<(), LockError> {
        let lost = |why| LockError::Lost { key: self.key, why };
        let unlock = "SELECT pg_advisory_unlock($1)";
        let answer = self.session.query_one(RELEASING, unlock, &[&self.key.number()]).await;
        let answer = answer.map_err(|error| lost(error.to_string()))?;
        match self.session.field(RELEASING, &answer, 0)? {
            true => Ok(()),
            false => Err(lost("it was not held when it was given back".to_owned())),
        }
    }

    async fn try_take(&self) -> Result<bool, DatabaseError> {
        let lock = "SELECT pg_try_advisory_lock($1)";
        let answer = self.session.query_one(TAKING, lock, &[&self.key.number()]).await?;
        self.session.field(TAKING, &answer, 0)
    }

    async fn holder(&self) -> Result<Option<Holder>, DatabaseError> {
        let holders = self.session.query(LOOKING, HOLDERS, &[&self.key.number()]).await?;
        holders.first().map(|row| read_holder(&self.session, row)).transpose()
    }
}

impl LockKey {
    /// The key, as PostgreSQL has it.
    pub const fn number(self) -> i64 {
        match self {
            LockKey::Sweep => 10004,
            LockKey::Service => 10003,
        }
    }
}

impl fmt::Display for LockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            LockKey::Sweep => "a run",
            LockKey::Service => "a balancer service",
        };
        write!(f, "the lock of {what} (advisory lock {})", self.number())
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Holder { pid, user, application, address, since } = self;
        write!(f, "process {pid} of the server")?;
        for (name, value) in
            [("user", user), ("program", application), ("from", address), ("since", since)]
        {
            if let Some(value) = value {
                write!(f, ", {name} {value}")?;
            }
        }
        Ok(())
    }
}

fn read_holder(session: &Session, row: &Row) -> Result<Holder, DatabaseError> {
    let text = |index| -> Result<Option<String>, DatabaseError> {
        let text: Option<&str> = session.field(LOOKING, row, index)?;
        Ok(text.filter(|text| !text.is_empty()).map(shown))
    };
    Ok(Holder {
        pid: session.field(LOOKING, row, 0)?,
        user: text(1)?,
        application: text(2)?,
        address: text(3)?,
        since: text(4)?,
    })
}
