//! Where the database is, and how long it may take.

use std::fmt;
use std::time::Duration;

/// How to reach a database. Its `Debug` form does not show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// A name, an IP address, or the directory of a Unix socket; empty: this machine.
    pub host: String,
    /// The port, also of a Unix socket. Arvados has 5432.
    pub port: u16,
    /// The role; empty: the name of the user that runs this program.
    pub user: String,
    /// Its password; empty: none.
    pub password: String,
    /// The name of the database; empty: that of the role.
    pub name: String,
}

/// How long is waited for a database. None of them is the deadline of a run: drop the future for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a session: name, connection, password and first questions together.
    pub connect: Duration,
    /// For one small statement, and for a lock that it needs.
    pub statement: Duration,
    /// For counting or reading the whole table, all in all.
    pub scan: Duration,
    /// For the next row while the table is read.
    pub silence: Duration,
}

impl Default for Timeouts {
    /// 30 s to connect, 60 s for a statement, six hours for the table, ten minutes without a row.
    fn default() -> Self {
        Timeouts {
            connect: Duration::from_secs(30),
            statement: Duration::from_secs(60),
            scan: Duration::from_secs(6 * 3600),
            silence: Duration::from_secs(600),
        }
    }
}

/// Shows the place, not the password.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.user)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The place, as messages name it.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Address { port, name, user, .. } = self;
        write!(f, "database {name:?} at {}:{port}, user {user:?}", self.host())
    }
}

impl Address {
    pub(super) fn host(&self) -> &str {
        if self.host.is_empty() { "localhost" } else { &self.host }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let address = Address {
            host: "db.example".into(),
            port: 5432,
            user: "arvados".into(),
            password: "hunter2".into(),
            name: "arvados_production".into(),
        };
        for text in [format!("{address:?}"), address.to_string()] {
            assert!(text.contains("db.example") && text.contains("arvados_production"), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}
