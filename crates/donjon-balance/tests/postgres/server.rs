//! The servers and databases of the testkit, as the balancer addresses them.

use donjon_balance::postgres::{Address, Database, Timeouts};
use testkit::postgres::{ArvadosDatabase, PORT, PostgresServer, USER};

pub(crate) use testkit::postgres::PASSWORD;

/// A database of its own for one test.
#[derive(Debug)]
pub(crate) struct Cluster(ArvadosDatabase);

impl Cluster {
    /// With the table `collections` as Arvados has it.
    pub(crate) fn new() -> Self {
        Cluster(ArvadosDatabase::new())
    }

    /// Without the table.
    pub(crate) fn empty() -> Self {
        Cluster(ArvadosDatabase::empty())
    }

    /// Runs statements in a session of their own, and waits for them; what they give, a row a line, unaligned.
    pub(crate) fn sql(&self, statements: &str) -> String {
        self.0.sql(statements)
    }

    pub(crate) fn address(&self) -> Address {
        Address { name: self.0.name().to_owned(), ..address(PostgresServer::shared()) }
    }

    pub(crate) async fn connect(&self) -> Database {
        Database::connect(self.address(), Timeouts::default()).await.unwrap()
    }
}

/// The database that every server has.
pub(crate) fn address(server: &PostgresServer) -> Address {
    Address {
        host: server.host().to_str().unwrap().to_owned(),
        port: PORT,
        user: USER.to_owned(),
        password: PASSWORD.to_owned(),
        name: "postgres".to_owned(),
    }
}
