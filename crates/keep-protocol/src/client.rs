//! A client of one node: everything that the protocol lets a program ask.
//!
//! Start with [`KeepClient`]. Blocks stream in and out and are checked against their hash on the way; a listing that
//! ended early is an error, never a shorter listing; tokens and signatures are never part of an error or of `Debug`.
//! There are no retries and no redirects here: the caller knows whether another server is worth asking.

mod answer;
mod block;
mod block_data;
mod error;
mod index;
mod ledger;
mod lists;
mod own;
mod receipt;
mod service;
mod steering;
mod token;

use std::time::Duration;

use keep_rules::Token;
use reqwest::{Method, RequestBuilder, Response};
use url::Url;

pub use block::{PutBlock, Stored};
pub use block_data::BlockData;
pub use error::ClientError;
pub use index::{DatedMounts, IndexScope, IndexStream};
pub use ledger::{LedgerCheck, LedgerProblem, LedgerStream};
pub use lists::{IntakeMode, ListIntake};
pub use receipt::{ListReceipt, ReceiptState};

pub use reqwest::Body;
use token::Shown;

/// What the node notes as the sender of a list.
const USER_AGENT: &str = concat!("donjon/", env!("CARGO_PKG_VERSION"));
/// How long a connection may take to open. As the Go and Python clients do (spec section 10).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a node may be silent. Longer than reading a whole block from a slow disk; shorter than a person's patience.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// How long an upload and its answer may take: the node's own deadline (`API.RequestTimeout`, spec section 8).
const UPLOAD_MAX: Duration = Duration::from_secs(300);
/// How long an idle connection is kept. Shorter than the 60 s after which nodes close them.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// Whether an `https` server must prove who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerCheck {
    /// Its certificate must lead to a root that this machine trusts.
    #[default]
    Certificate,
    /// Any certificate will do: `TLS.Insecure` (spec section 8).
    None,
}

/// A connection to one node, with the token to show it. Cheap to clone; clones share the open connections.
///
/// # Examples
/// ```no_run
/// use keep_protocol::client::KeepClient;
/// use keep_rules::Token;
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client = KeepClient::new("http://127.0.0.1:25107/".parse()?, Token::new("a token"))?;
/// let mut data = client.get_block(&"acbd18db4cc2f85cedef654fccc4a4d8+3".parse()?).await?;
/// while let Some(piece) = data.next().await {
///     println!("{} bytes", piece?.len());
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct KeepClient {
    http: reqwest::Client,
    base: Url,
    token: Option<Shown>,
    silence_max: Duration,
}

impl KeepClient {
    /// A client of the node at `base`, which shows it `token`. Opens no connection yet.
    ///
    /// # Errors
    /// [`ClientError::BadUrl`] if `base` is no `http` or `https` URL of a server, or carries a user, query or fragment;
    /// [`ClientError::BadToken`] if the token cannot stand in a header.
    pub fn new(base: Url, token: Option<Token>) -> Result<Self, ClientError> {
        KeepClient::with_check(base, token, ServerCheck::Certificate)
    }

    /// As [`KeepClient::new`], with a choice of how an `https` server is checked.
    ///
    /// # Errors
    /// As [`KeepClient::new`].
    pub fn with_check(
        base: Url,
        token: Option<Token>,
        check: ServerCheck,
    ) -> Result<Self, ClientError> {
        let token = token.map(Shown::new).transpose()?;
        Ok(KeepClient {
            http: http_client(check)?,
            base: checked(base)?,
            token,
            silence_max: SILENCE_MAX,
        })
    }

    /// The same client, for another node: it shares this one's connections and token.
    ///
    /// # Errors
    /// [`ClientError::BadUrl`], as [`KeepClient::new`].
    pub fn at(&self, base: Url) -> Result<Self, ClientError> {
        Ok(KeepClient { base: checked(base)?, ..self.clone() })
    }

    /// The same client, showing `token`.
    ///
    /// # Errors
    /// [`ClientError::BadToken`] if the token cannot stand in a header.
    pub fn with_token(&self, token: Option<Token>) -> Result<Self, ClientError> {
        Ok(KeepClient { token: token.map(Shown::new).transpose()?, ..self.clone() })
    }

    /// The same client, giving up on a node that has been silent for `silence_max`. 60 seconds unless told.
    #[must_use]
    pub fn with_silence_max(&self, silence_max: Duration) -> Self {
        KeepClient { silence_max, ..self.clone() }
    }

    /// The node's address.
    pub fn base(&self) -> &Url {
        &self.base
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let root = self.base.as_str().trim_end_matches('/');
        let request = self.http.request(method, format!("{root}{path}"));
        match &self.token {
            Some(token) => request.header(http::header::AUTHORIZATION, &token.header),
            None => request,
        }
    }

    /// Sends a request without a body. The answer has a good status.
    async fn ask(&self, method: Method, path: &str) -> Result<Response, ClientError> {
        self.send(self.request(method, path), self.silence_max).await
    }

    /// Sends a request with a body. The answer has a good status.
    async fn upload(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        self.send(request, UPLOAD_MAX.max(self.silence_max)).await
    }

    async fn send(
        &self,
        request: RequestBuilder,
        patience: Duration,
    ) -> Result<Response, ClientError> {
        let response = match tokio::time::timeout(patience, request.send()).await {
            Ok(sent) => sent.map_err(ClientError::unsent)?,
            Err(_elapsed) => return Err(ClientError::silent(patience)),
        };
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(answer::refusal(response, self.token.as_ref(), self.silence_max).await)
        }
    }
}

/// Shows the node, not the token.
impl std::fmt::Debug for KeepClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeepClient").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

fn checked(base: Url) -> Result<Url, ClientError> {
    let problem = if !matches!(base.scheme(), "http" | "https") {
        "its scheme is neither http nor https"
    } else if !base.username().is_empty() || base.password().is_some() {
        "it carries a user or password; give a token instead"
    } else if base.query().is_some() || base.fragment().is_some() {
        "it carries a query or fragment"
    } else {
        return Ok(base);
    };
    Err(ClientError::BadUrl { problem })
}

fn http_client(check: ServerCheck) -> Result<reqwest::Client, ClientError> {
    let builder = || {
        reqwest::Client::builder()
            .no_proxy()
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_MAX)
            .tcp_nodelay(true)
            .tls_danger_accept_invalid_certs(check == ServerCheck::None)
    };
    // A machine without any root certificate can still speak http; https then fails for want of a trusted root.
    builder()
        .build()
        .or_else(|_no_roots| builder().tls_certs_only([]).build())
        .map_err(ClientError::unsent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refuses(url: &str, expected: &str) {
        let error = KeepClient::new(url.parse().unwrap(), None).unwrap_err().to_string();
        assert!(error.contains(expected), "{url}: {error}");
    }

    #[test]
    fn urls_of_no_server_are_refused() {
        refuses("ftp://host/", "neither http nor https");
        refuses("http://user@host/", "give a token");
        refuses("http://host/?api_token=secret", "query");
    }

    #[test]
    fn debug_shows_no_token() {
        let client =
            KeepClient::new("http://host:1/".parse().unwrap(), Token::new("secretsecret")).unwrap();
        assert!(!format!("{client:?}").contains("secretsecret"));
    }
}
