//! What can go wrong with a database, and what to do about it.
//!
//! Texts are copied out of the driver's errors and those are dropped: what PostgreSQL adds as detail quotes rows.

use std::error::Error;
use std::io;

use tokio_postgres::error::{DbError, SqlState};

/// So much of a text from outside stands in a message, in characters.
const SHOWN_MAX: usize = 300;

/// Why the database did not do what it was asked. No variant holds a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseError {
    /// No session: nobody answers, or the server takes no sessions now. May pass.
    #[error(
        "{place}: cannot be reached: {why}; is the server running, and PostgreSQL.Connection right?"
    )]
    Unreachable {
        /// The database.
        place: String,
        /// What happened.
        why: String,
    },
    /// No session: this user, password or database is not accepted.
    #[error("{place}: refuses us: {why}; {advice}")]
    Refused {
        /// The database.
        place: String,
        /// What the server said.
        why: String,
        /// What to do.
        advice: &'static str,
    },
    /// It can be reached, and is not one that a balancer may work with.
    #[error("{place}: {why}")]
    Unfit {
        /// The database.
        place: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The role lacks a right.
    #[error(
        "{place}: cannot {doing}: {why}; grant it to the role, or use the role of the Arvados API server"
    )]
    Denied {
        /// The database.
        place: String,
        /// What was done.
        doing: &'static str,
        /// What the server said.
        why: String,
    },
    /// It took too long, by our clock or by the server's.
    #[error(
        "{place}: cannot {doing}: {why}; is the server overloaded, or a lock held on the table?"
    )]
    TimedOut {
        /// The database.
        place: String,
        /// What was done.
        doing: &'static str,
        /// How long, or what the server said.
        why: String,
    },
    /// The session has ended. What was not committed is undone.
    #[error("{place}: the session ended, cannot {doing}: {why}")]
    Lost {
        /// The database.
        place: String,
        /// What was done.
        doing: &'static str,
        /// What was last heard.
        why: String,
    },
    /// Anything else that it said.
    #[error("{place}: cannot {doing}: {why}")]
    Failed {
        /// The database.
        place: String,
        /// What was done.
        doing: &'static str,
        /// What the server said, with its SQLSTATE.
        why: String,
    },
}

impl DatabaseError {
    /// Of a session that did not come about.
    pub(super) fn on_connect(place: &str, error: &tokio_postgres::Error) -> Self {
        let place = place.to_owned();
        if let Some(said) = error.as_db_error() {
            let why = said_by_server(said);
            return match advice(said.code()) {
                Some(advice) => DatabaseError::Refused { place, why, advice },
                None => DatabaseError::Unreachable { place, why },
            };
        }
        let why = chain(error);
        if causes(error).any(|cause| cause.is::<io::Error>()) {
            return DatabaseError::Unreachable { place, why };
        }
        let advice = "set PostgreSQL.Connection.password, or another way in in pg_hba.conf";
        DatabaseError::Refused { place, why, advice }
    }

    /// Of a session that was asked something; `ended`: its last words, if it has ended.
    pub(super) fn on_question(
        place: &str,
        doing: &'static str,
        error: &tokio_postgres::Error,
        ended: Option<&str>,
    ) -> Self {
        let place = place.to_owned();
        let Some(said) = error.as_db_error() else {
            return match ended {
                Some(why) => DatabaseError::Lost { place, doing, why: why.to_owned() },
                None => DatabaseError::Failed { place, doing, why: chain(error) },
            };
        };
        let why = said_by_server(said);
        let code = said.code();
        if *code == SqlState::INSUFFICIENT_PRIVILEGE {
            DatabaseError::Denied { place, doing, why }
        } else if *code == SqlState::QUERY_CANCELED || *code == SqlState::LOCK_NOT_AVAILABLE {
            DatabaseError::TimedOut { place, doing, why }
        } else if ends_session(said) {
            DatabaseError::Lost { place, doing, why }
        } else {
            DatabaseError::Failed { place, doing, why }
        }
    }

    /// Whether no more can be asked in this session.
    pub(super) fn ends_all(&self) -> bool {
        matches!(self, DatabaseError::Lost { .. })
    }
}

/// Severities after which the server closes the session.
fn ends_session(said: &DbError) -> bool {
    use tokio_postgres::error::Severity::{Fatal, Panic};
    matches!(said.parsed_severity(), Some(Fatal | Panic)) || said.code().code().starts_with("08")
}

fn advice(code: &SqlState) -> Option<&'static str> {
    Some(match code.code() {
        "28P01" => "check PostgreSQL.Connection.user and password",
        "28000" => "check the user, and pg_hba.conf of the server: we come without TLS",
        "3D000" => "check PostgreSQL.Connection.dbname",
        "42501" => "grant the role CONNECT on the database",
        _ => return None,
    })
}

fn said_by_server(said: &DbError) -> String {
    format!("{} (SQLSTATE {})", shown(said.message()), said.code().code())
}

/// The error and its causes, in one line.
pub(super) fn chain(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(said) => said_by_server(said),
        None => shown(&causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")),
    }
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// A text from outside as it may stand in a message: one line, not long.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String =
        text.chars().take(SHOWN_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(SHOWN_MAX).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_one_short_line() {
        assert_eq!(shown("a\nb\u{1b}[31m"), "a b [31m");
        assert_eq!(shown(&"ä".repeat(300)), "ä".repeat(300));
        assert_eq!(shown(&"ä".repeat(301)).chars().count(), 301);
    }
}
