//! Servers that a server under test calls: a peer to pull from, and another cluster's API server.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::report::Stop;

const HEAD_BYTES_MAX: usize = 64 << 10;
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);

/// A request that a fake received: its target, and its `Authorization` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) authorization: String,
}

/// What a fake answers. A body is announced with its length.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// A server on a port of its own that answers each request on a new connection; stopped when dropped.
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    serving: JoinHandle<()>,
}

type Respond = Arc<dyn Fn(&Received) -> Answer + Send + Sync>;

impl Fake {
    /// Serves plain HTTP.
    pub(crate) async fn start(
        respond: impl Fn(&Received) -> Answer + Send + Sync + 'static,
    ) -> Result<Self, Stop> {
        Self::serve(None, Arc::new(respond)).await
    }

    /// Serves HTTP over TLS, with a certificate nobody vouches for.
    pub(crate) async fn start_tls(
        respond: impl Fn(&Received) -> Answer + Send + Sync + 'static,
    ) -> Result<Self, Stop> {
        let config =
            self_signed().map_err(|error| Stop::Wrong(format!("making a certificate: {error}")))?;
        Self::serve(Some(TlsAcceptor::from(Arc::new(config))), Arc::new(respond)).await
    }

    async fn serve(tls: Option<TlsAcceptor>, respond: Respond) -> Result<Self, Stop> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let received = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&received);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _peer)) = listener.accept().await {
                let (tls, respond, all) = (tls.clone(), Arc::clone(&respond), Arc::clone(&all));
                tokio::spawn(timeout(CONNECTION_TIMEOUT, async move {
                    match tls {
                        Some(tls) => converse(tls.accept(stream).await?, &respond, &all).await,
                        None => converse(stream, &respond, &all).await,
                    }
                }));
            }
        });
        Ok(Fake { address, received, serving })
    }

    /// The requests so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl fmt::Debug for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fake({})", self.address)
    }
}

async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    respond: &Respond,
    all: &Mutex<Vec<Received>>,
) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        if head.len() > HEAD_BYTES_MAX || stream.read_buf(&mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let request = parse(&String::from_utf8_lossy(&head));
    all.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
    let answer = respond(&request);
    let length = answer.body.len();
    let status = answer.status;
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    if request.method != "HEAD" {
        stream.write_all(&answer.body).await?;
    }
    stream.shutdown().await
}

fn parse(head: &str) -> Received {
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let authorization = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        .map_or("", |(_, value)| value.trim());
    Received {
        method: method.to_owned(),
        target: target.to_owned(),
        authorization: authorization.to_owned(),
    }
}

fn self_signed() -> Result<ServerConfig, Box<dyn std::error::Error>> {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?)
}
