//! Connections: how they are accepted, how many there may be, and how they end.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{interval, sleep, timeout};

use crate::http::handle;
use crate::node::Node;
use crate::tls::Tls;

/// How long a client may take to send a request's header, and how long a connection may be idle: hyper knows one limit
/// for both. Longer than the peers of a node keep idle connections.
const HEADER_TIMEOUT: Duration = Duration::from_secs(75);

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of a request's header, at most, and of what is read ahead of a body.
const READ_BUFFER_MAX: usize = 128 << 10;

/// Streams of one HTTP/2 connection that run at once.
const STREAMS_MAX: u32 = 64;

/// Bytes of an HTTP/2 stream that its client may send ahead.
const STREAM_WINDOW: u32 = 256 << 10;

/// How long to wait before accepting again when the system has no more of something (files, memory).
const RECOVERY: Duration = Duration::from_millis(100);

/// How often idle connections are asked again to make room, while somebody waits for a place.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// How long a client that was asked to go may still take for the head of its first request.
const FIRST_HEAD: Duration = Duration::from_secs(1);

/// A trouble that lasts is complained about so often.
const COMPLAIN_AGAIN: Duration = Duration::from_secs(60);

/// Accepts connections until `stop` ends. Then waits until the requests in hand have been answered.
pub(crate) async fn accept(
    node: Arc<Node>,
    listener: TcpListener,
    tls: Option<Tls>,
    stop: impl Future<Output = ()>,
) {
    let room = Room::new(node.limits.max_connections.get());
    let (stopping, stopped) = watch::channel(());
    let mut stop = std::pin::pin!(stop);
    let mut complaints = Complaints::default();
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = next(&room, &listener) => accepted,
        };
        match accepted {
            Ok((place, stream, peer)) => {
                let (node, crowded, stopped) =
                    (node.clone(), room.crowded.clone(), stopped.clone());
                let connection = Connection { node, peer, crowded, stopped };
                let tls = tls.clone();
                tokio::spawn(async move {
                    connection.serve(stream, tls).await;
                    drop(place);
                });
            }
            Err(error) => {
                if complaints.are_due(Instant::now()) {
                    tracing::error!(
                        %error,
                        "cannot accept connections; if it is files that are missing, raise LimitNOFILE (ulimit -n) above \
                         Donjon.MaxConnections"
                    );
                }
                sleep(RECOVERY).await;
            }
        }
    }
    drop((listener, stopped));
    stopping.send_replace(());
    stopping.closed().await;
}

/// The next connection that has a place. One is accepted beyond the limit, and waits here; others wait in the system's
/// queue.
async fn next(
    room: &Room,
    listener: &TcpListener,
) -> io::Result<(OwnedSemaphorePermit, TcpStream, SocketAddr)> {
    let (stream, peer) = listener.accept().await?;
    Ok((room.place().await, stream, peer))
}

/// When to complain about what goes wrong many times a second.
#[derive(Default)]
struct Complaints(Option<Instant>);

impl Complaints {
    fn are_due(&mut self, now: Instant) -> bool {
        let due = self.0.is_none_or(|last| now.duration_since(last) >= COMPLAIN_AGAIN);
        if due {
            self.0 = Some(now);
        }
        due
    }
}

/// The places for connections.
struct Room {
    places: Arc<Semaphore>,
    /// Somebody waits for a place: whoever is idle should leave.
    crowded: Arc<Notify>,
    complaints: Mutex<Complaints>,
}

impl Room {
    fn new(places: usize) -> Room {
        let complaints = Mutex::default();
        Room { places: Arc::new(Semaphore::new(places)), crowded: Arc::default(), complaints }
    }

    /// Waits for a place, and asks idle connections to go.
    async fn place(&self) -> OwnedSemaphorePermit {
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            return place;
        }
        if self.complaints.lock().unwrap_or_else(PoisonError::into_inner).are_due(Instant::now()) {
            tracing::warn!(
                "all places for connections are taken (Donjon.MaxConnections): idle connections are closed to make room"
            );
        }
        let mut place = std::pin::pin!(self.places.clone().acquire_owned());
        let mut ticks = interval(ASK_AGAIN);
        loop {
            tokio::select! {
                biased;
                place = &mut place => return place.expect("the semaphore is never closed"),
                _now = ticks.tick() => self.crowded.notify_waiters(),
            }
        }
    }
}

struct Connection {
    node: Arc<Node>,
    peer: SocketAddr,
    crowded: Arc<Notify>,
    /// Held until the connection has ended: the node waits for that.
    stopped: watch::Receiver<()>,
}

impl Connection {
    async fn serve(self, stream: TcpStream, tls: Option<Tls>) {
        prepare(&stream, self.node.limits.body_stall_timeout);
        let Some(tls) = tls else { return self.speak(stream, Speaks::Http1).await };
        match timeout(HANDSHAKE_TIMEOUT, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => self.speak(stream, Speaks::WhatWasNegotiated).await,
            Ok(Err(error)) => tracing::debug!(%error, peer = %self.peer, "TLS handshake failed"),
            Err(_elapsed) => tracing::debug!(peer = %self.peer, "TLS handshake took too long"),
        }
    }

    async fn speak(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        speaks: Speaks,
    ) {
        let Connection { node, peer, crowded, mut stopped } = self;
        let asked = Arc::new(AtomicBool::new(false));
        let has_asked = asked.clone();
        let service = service_fn(move |request| {
            has_asked.store(true, Ordering::Relaxed);
            let answer = handle(node.clone(), peer, request);
            async move { Ok::<_, std::convert::Infallible>(answer.await) }
        });
        let builder = builder(speaks);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let asked_to_go = async {
            tokio::select! {
                () = crowded.notified() => {}
                _stop = stopped.changed() => {}
            }
        };
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = asked_to_go => {
                // What is in hand is answered, and no more is taken.
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    () = never_asks(&asked) => {
                        tracing::debug!(%peer, "connection cut: it took too long for the head of its first request");
                        return;
                    }
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(error, %peer, "connection ended early");
        }
    }
}

/// Ends if the client does not get to the end of its first head. Nothing is in hand then.
async fn never_asks(asked: &AtomicBool) {
    sleep(FIRST_HEAD).await;
    if asked.load(Ordering::Relaxed) {
        std::future::pending().await
    }
}

/// Sets what the system does for the connection. One that refuses works all the same.
fn prepare(stream: &TcpStream, stall_timeout: Duration) {
    // Without it, small answers wait for the client's acknowledgement of the one before.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    // A client that takes nothing of an answer: the system alone sees it, once hyper has the last piece. 0 would be the
    // system's own limit, a quarter of an hour.
    let millis = u32::try_from(stall_timeout.as_millis()).unwrap_or(u32::MAX).max(1);
    if let Err(error) = set_tcp_user_timeout(stream, millis) {
        tracing::debug!(%error, "cannot set TCP_USER_TIMEOUT");
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaks {
    Http1,
    /// HTTP/2 is offered with TLS only (spec section 8).
    WhatWasNegotiated,
}

fn builder(speaks: Speaks) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(READ_BUFFER_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .initial_stream_window_size(STREAM_WINDOW)
        .keep_alive_interval(HEADER_TIMEOUT);
    match speaks {
        Speaks::Http1 => builder.http1_only(),
        Speaks::WhatWasNegotiated => builder,
    }
}

#[cfg(test)]
mod tests {
    use rustix::net::sockopt::tcp_user_timeout;

    use super::*;

    #[test]
    fn what_goes_wrong_all_the_time_is_told_once_a_minute() {
        let (mut complaints, start) = (Complaints::default(), Instant::now());
        let told = (0..130).filter(|s| complaints.are_due(start + Duration::from_secs(*s)));
        assert_eq!(told.collect::<Vec<_>>(), [0, 60, 120]);
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _peer) = listener.accept().await.unwrap();
        let check = |stall_timeout: Duration, millis: u32| {
            prepare(&stream, stall_timeout);
            assert_eq!(tcp_user_timeout(&stream).unwrap(), millis);
        };
        check(Duration::from_secs(30), 30_000);
        check(Duration::from_nanos(1), 1);
    }
}
