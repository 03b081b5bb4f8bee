//! Nobody else balances: the lock of the state directory, and that of the database where there is one, which the Go program
//! takes too (`spec/keep-balance.md` sections 2.1 and 8.1).

use crate::lock::{Lock, LockError};
use crate::postgres;

/// The locks of a run.
#[derive(Debug)]
pub struct Alone {
    state: Lock,
    database: Option<postgres::SweepLock>,
}

/// Why it is not certain that nobody else balances.
#[derive(Debug, thiserror::Error)]
pub enum NotAlone {
    /// The state directory.
    #[error(transparent)]
    State(#[from] LockError),
    /// The database.
    #[error("{0}")]
    Database(#[source] Box<postgres::LockError>),
}

impl Alone {
    /// The lock of a state directory alone: there is no database.
    pub fn by_state(state: Lock) -> Alone {
        Alone { state, database: None }
    }

    /// The lock of a state directory, and that of the database.
    pub fn by_both(state: Lock, database: postgres::SweepLock) -> Alone {
        Alone { state, database: Some(database) }
    }

    /// Looks whether the locks are still held. Asked before each thing that cannot be taken back (W18).
    ///
    /// # Errors
    /// Another balancer may have begun: nothing more may be sent.
    pub async fn check(&self) -> Result<(), NotAlone> {
        self.state.check()?;
        match &self.database {
            None => Ok(()),
            Some(lock) => {
                lock.still_held().await.map_err(|error| NotAlone::Database(Box::new(error)))
            }
        }
    }
}
