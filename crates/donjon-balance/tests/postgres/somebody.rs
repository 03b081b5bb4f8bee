//! Another program at the same database.

use donjon_balance::postgres::Address;
use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::{Client, Config, Connection, NoTls, Socket};

use crate::server::Cluster;

/// A session of a program that calls itself `somebody else`, and what drives it.
pub(crate) async fn session(cluster: &Cluster) -> (Client, Connection<Socket, NoTlsStream>) {
    let Address { host, user, password, name, .. } = cluster.address();
    let mut config = Config::new();
    config.host(host).user(user).password(password).dbname(name);
    config.application_name("somebody else").connect(NoTls).await.unwrap()
}
