//! Fetching blocks from other nodes.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use keep_rules::Token;

use crate::config::PeerTrust;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a peer may say nothing.
const READ_TIMEOUT: Duration = Duration::from_secs(20);

/// How long one block may take: 64 MiB at 128 KiB/s. A slower peer does not finish.
const BLOCK_TIMEOUT: Duration = Duration::from_secs(512);

/// Idle connections are dropped before a server that follows Donjon's own header timeout would drop them.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Connections to other nodes.
#[derive(Clone, Debug)]
pub(crate) struct Peers(reqwest::Client);

/// Why a peer did not give the block.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PeerFailure {
    /// It says that it has no such block.
    #[error("the server has no such block")]
    Absent,
    /// It answered something else.
    #[error("the server answered {0}")]
    Refused(StatusCode),
    /// It cannot be reached, or broke off.
    #[error("the server cannot be reached or broke off: {0}")]
    Unreachable(String),
}

/// A block on its way from a peer.
#[derive(Debug)]
pub(crate) struct Incoming {
    response: reqwest::Response,
}

/// The settings that all clients share. No proxy, no redirects: a node talks to the nodes that it was told, and to no
/// other.
pub(crate) fn client(trust: PeerTrust) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .user_agent(concat!("donjon/", env!("CARGO_PKG_VERSION")))
        .tls_danger_accept_invalid_certs(trust == PeerTrust::AcceptAny)
        .build()
}

impl Peers {
    /// No connection yet.
    ///
    /// # Errors
    /// The TLS library cannot be set up.
    pub(crate) fn new(trust: PeerTrust) -> Result<Peers, reqwest::Error> {
        client(trust).map(Peers)
    }

    /// Asks `server`, a base URL, for a block.
    pub(crate) async fn get(
        &self,
        server: &str,
        locator: &str,
        token: &Token,
    ) -> Result<Incoming, PeerFailure> {
        get(&self.0, server, locator, token).await
    }
}

/// Asks `server`, a base URL, for a block.
pub(crate) async fn get(
    client: &reqwest::Client,
    server: &str,
    locator: &str,
    token: &Token,
) -> Result<Incoming, PeerFailure> {
    let url = format!("{}/{locator}", server.trim_end_matches('/'));
    let request = client.get(url).timeout(BLOCK_TIMEOUT).bearer_auth(token.as_str());
    let response = request.send().await.map_err(unreachable)?;
    match response.status() {
        StatusCode::OK => Ok(Incoming { response }),
        StatusCode::NOT_FOUND => Err(PeerFailure::Absent),
        other => Err(PeerFailure::Refused(other)),
    }
}

impl Incoming {
    /// The length that the peer declared.
    pub(crate) fn declared_length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// The next bytes; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, PeerFailure> {
        self.response.chunk().await.map_err(unreachable)
    }
}

/// The URL is taken out: it holds a signature.
fn unreachable(error: reqwest::Error) -> PeerFailure {
    PeerFailure::Unreachable(crate::mounts::sentence(&error.without_url()))
}
