//! Bodies: what goes out in answers, what comes in with requests, and time limits on both.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::EXPECT;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Permit;
use super::active::Watch;

/// How long a request may wait for its client before it gives its place in the [`super::Gate`] to others.
const PATIENCE: Duration = Duration::from_millis(50);

/// The body of an answer.
#[derive(Debug)]
pub(crate) struct Body {
    kind: Kind,
    /// Ends with the body, however it ends.
    watch: Option<Watch>,
}

#[derive(Debug)]
enum Kind {
    Whole(VecDeque<Bytes>),
    Stream {
        pieces: mpsc::Receiver<Bytes>,
        /// Bytes that are missing, if the length is known.
        left: Option<u64>,
        /// Whether a sender that has gone has said that this was all.
        finished: Arc<AtomicBool>,
    },
}

/// A streamed body cannot be completed. The connection is closed, so that the client sees a short body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rest of the body cannot be sent")]
pub(crate) struct BodyBroken;

impl Body {
    /// No bytes.
    pub(crate) fn empty() -> Body {
        Body::pieces([])
    }

    /// These bytes.
    pub(crate) fn whole(data: impl Into<Bytes>) -> Body {
        Body::pieces([data.into()])
    }

    /// These bytes, one piece after the other.
    pub(crate) fn pieces(pieces: impl IntoIterator<Item = Bytes>) -> Body {
        let pieces = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
        Body { kind: Kind::Whole(pieces), watch: None }
    }

    /// A body that a task sends piece by piece; of `length` bytes if that is known. If it is not, the sender has to say
    /// that it has finished: one that goes away for any other reason leaves a broken body.
    pub(crate) fn stream(length: Option<u64>, stall_timeout: Duration) -> (BodySender, Body) {
        let (sender, pieces) = mpsc::channel(1);
        let finished = Arc::new(AtomicBool::new(false));
        let kind = Kind::Stream { pieces, left: length, finished: finished.clone() };
        (BodySender { pieces: sender, finished, stall_timeout }, Body { kind, watch: None })
    }

    /// This body, watched until it has been sent.
    pub(crate) fn watched(self, watch: Watch) -> Body {
        Body { watch: Some(watch), ..self }
    }

    /// The first bytes of a whole body; nothing of a streamed one.
    pub(crate) fn peek(&self) -> &[u8] {
        match &self.kind {
            Kind::Whole(pieces) => pieces.front().map_or(&[], |piece| piece),
            Kind::Stream { .. } => &[],
        }
    }
}

impl Kind {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyBroken>>> {
        let (pieces, left, finished) = match self {
            Kind::Whole(pieces) => return Poll::Ready(pieces.pop_front().map(Ok)),
            Kind::Stream { pieces, left, finished } => (pieces, left, finished),
        };
        match pieces.poll_recv(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(piece)) => {
                *left = left.map(|left| left.saturating_sub(piece.len() as u64));
                Poll::Ready(Some(Ok(piece)))
            }
            // A sender that went away early must not look like the end of the body.
            Poll::Ready(None) => match *left {
                Some(0) => Poll::Ready(None),
                None if finished.load(Ordering::Acquire) => Poll::Ready(None),
                Some(_) | None => Poll::Ready(Some(Err(BodyBroken))),
            },
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyBroken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyBroken>>> {
        let polled = self.kind.poll(context);
        if let (Poll::Ready(Some(Ok(piece))), Some(watch)) = (&polled, &mut self.watch) {
            watch.sent(piece.len());
        }
        polled.map_ok(Frame::data)
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.kind, Kind::Whole(pieces) if pieces.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole(pieces) => {
                SizeHint::with_exact(pieces.iter().map(|piece| piece.len() as u64).sum())
            }
            Kind::Stream { left: Some(left), .. } => SizeHint::with_exact(*left),
            Kind::Stream { left: None, .. } => SizeHint::default(),
        }
    }
}

/// The client stopped taking the body, or went away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientGone;

/// The other end of a streamed [`Body`].
#[derive(Debug)]
pub(crate) struct BodySender {
    pieces: mpsc::Sender<Bytes>,
    finished: Arc<AtomicBool>,
    stall_timeout: Duration,
}

impl BodySender {
    /// Hands over a piece, waiting until the client has taken the one before. While it waits long, the permit is lent
    /// to others.
    ///
    /// # Errors
    /// [`ClientGone`] if the client went away, or took nothing for the stall timeout.
    pub(crate) async fn send(&self, piece: Bytes, permit: &mut Permit) -> Result<(), ClientGone> {
        let slot = match timeout(PATIENCE, self.pieces.reserve()).await {
            Ok(slot) => slot,
            Err(_elapsed) => {
                permit.lend();
                let slot = timeout(self.stall_timeout, self.pieces.reserve())
                    .await
                    .map_err(|_elapsed| ClientGone)?;
                permit.take_back().await;
                slot
            }
        };
        slot.map_err(|_closed| ClientGone)?.send(piece);
        Ok(())
    }

    /// That was all. Needed if the length of the body was not known.
    pub(crate) fn finish(self) {
        self.finished.store(true, Ordering::Release);
    }
}

/// The body of a request, read with a limit on how long the client may say nothing.
#[derive(Debug)]
pub(crate) struct Incoming {
    body: hyper::body::Incoming,
    stall_timeout: Duration,
    sender: Sender,
}

/// What the client does with its body before it has an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sender {
    /// It sends.
    Sends,
    /// It waits to be told to: `Expect: 100-continue`. Reading the body tells it to.
    Waits,
}

/// Why a request's body could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IncomingError {
    /// Nothing came for the stall timeout.
    #[error("no data from the client for {} s", .0.as_secs())]
    Stalled(Duration),
    /// It is longer than it may be.
    #[error("the body is longer than {0} bytes")]
    TooLong(usize),
    /// The connection failed or ended early.
    #[error("the request's body ended early")]
    Broken(#[source] hyper::Error),
}

impl Incoming {
    pub(crate) fn new(
        body: hyper::body::Incoming,
        headers: &HeaderMap,
        stall_timeout: Duration,
    ) -> Incoming {
        let sender = if headers.contains_key(EXPECT) { Sender::Waits } else { Sender::Sends };
        Incoming { body, stall_timeout, sender }
    }

    /// The length that the client declared.
    pub(crate) fn declared_length(&self) -> Option<u64> {
        http_body::Body::size_hint(&self.body).exact()
    }

    /// The next bytes; `None` at the end. While the client keeps us waiting, the permit is lent to others, so that
    /// stalled uploads do not stop other requests.
    ///
    /// # Errors
    /// [`IncomingError`] if the client stalls or the connection breaks.
    pub(crate) async fn next(
        &mut self,
        permit: &mut Permit,
    ) -> Result<Option<Bytes>, IncomingError> {
        self.sender = Sender::Sends;
        loop {
            let frame = match timeout(PATIENCE, self.body.frame()).await {
                Ok(frame) => frame,
                Err(_elapsed) => {
                    permit.lend();
                    let frame = timeout(self.stall_timeout, self.body.frame())
                        .await
                        .map_err(|_elapsed| IncomingError::Stalled(self.stall_timeout))?;
                    permit.take_back().await;
                    frame
                }
            };
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(IncomingError::Broken(error)),
                Some(Ok(frame)) => {
                    // Trailers are not data; the protocol gives them no meaning.
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// Reads the whole body.
    ///
    /// # Errors
    /// [`IncomingError`], also if it is longer than `limit`.
    pub(crate) async fn whole(
        &mut self,
        limit: usize,
        permit: &mut Permit,
    ) -> Result<Vec<u8>, IncomingError> {
        let mut text = Vec::new();
        while let Some(data) = self.next(permit).await? {
            if text.len() + data.len() > limit {
                return Err(IncomingError::TooLong(limit));
            }
            text.extend_from_slice(&data);
        }
        Ok(text)
    }

    /// Reads and drops the rest in the background, at most `limit` bytes and for no longer than the stall timeout in all, so
    /// that a client that writes its whole body before it reads can see an early answer. One that waits to be told to send is
    /// left waiting.
    pub(crate) fn drain(mut self, limit: u64) {
        if self.sender == Sender::Waits {
            return;
        }
        let patience = self.stall_timeout;
        let draining = async move {
            let mut left = limit;
            while let Some(Ok(frame)) = self.body.frame().await {
                let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                if length > left {
                    return;
                }
                left -= length;
            }
        };
        // Dropping the body closes the connection.
        tokio::spawn(timeout(patience, draining));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Gate, GateLimits, Priority};
    use super::*;

    /// What a client gets of a body of which one piece was sent, before `end` was done to its sender.
    async fn received(length: Option<u64>, end: fn(BodySender)) -> Result<Bytes, BodyBroken> {
        let gate = Gate::new(GateLimits { running: None, queued: 0 });
        let mut permit = gate.enter(Priority::Normal).await.unwrap();
        let (sender, body) = Body::stream(length, Duration::from_secs(1));
        sender.send(Bytes::from_static(b"foo"), &mut permit).await.unwrap();
        end(sender);
        body.collect().await.map(|collected| collected.to_bytes())
    }

    #[tokio::test]
    async fn a_sender_that_is_dropped_is_no_end() {
        assert_eq!(received(None, drop).await, Err(BodyBroken));
        assert_eq!(received(Some(4), drop).await, Err(BodyBroken));
        assert_eq!(received(Some(4), BodySender::finish).await, Err(BodyBroken));
    }

    #[tokio::test]
    async fn an_end_is_said_or_known() {
        assert_eq!(received(None, BodySender::finish).await.unwrap(), "foo");
        assert_eq!(received(Some(3), drop).await.unwrap(), "foo");
    }
}
