//! `GET` and `HEAD` of a block (spec section 2.3).
//!
//! A small block is verified before its first byte leaves; a large one before its last piece. While nothing was sent, a
//! damaged or failing replica is skipped and the next mount is tried.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};
use keep_rules::{Admission, BlockHash, Locator, ReadMethod, ReadRefusal, read_access};
use keep_volume::{BlockReader, Error as VolumeError};

use super::reading::{DAMAGED, Piece, ReadFailure, Reading, read_whole};
use super::trash_hit::{self, LookAgain};
use crate::federation;
use crate::http::{Answer, Body, Failure, Permit, Tokens, empty};
use crate::mounts::Mount;
use crate::node::Node;

/// Pieces that are held back until the block is verified or proves to be longer. Blocks up to this many pieces are
/// never answered with damaged data, and are read from another mount if one is damaged.
const HELD_PIECES: usize = 2;

/// Reads a block, from this node's mounts or from another cluster.
pub(crate) async fn get(
    node: &Arc<Node>,
    method: ReadMethod,
    text: &str,
    headers: &HeaderMap,
    tokens: &Tokens,
    permit: Permit,
) -> Result<Answer, Failure> {
    let locator = parse(text)?;
    let signing = node.signing.for_reads();
    match read_access(method, &locator, tokens.user(), signing, node.clock.now())? {
        Admission::Remote(remote) => {
            let token = tokens.user().ok_or(ReadRefusal::NoToken)?;
            federation::read(node, method, remote, token, headers, permit).await
        }
        Admission::Local => match method {
            ReadMethod::Head => verify(node, &locator).await,
            ReadMethod::Get => {
                let size = locator.size().ok_or(ReadRefusal::NoSize)?;
                send(node, locator.hash(), size, permit).await
            }
        },
    }
}

/// Parses a locator that came in a path.
pub(crate) fn parse(text: &str) -> Result<Locator, Failure> {
    text.parse().map_err(|_bad: keep_rules::BadLocator| {
        Failure::new(StatusCode::BAD_REQUEST, "invalid locator")
    })
}

impl From<ReadRefusal> for Failure {
    fn from(refusal: ReadRefusal) -> Failure {
        use keep_rules::SignatureError;
        let status = match &refusal {
            ReadRefusal::NoSize => StatusCode::METHOD_NOT_ALLOWED,
            ReadRefusal::NoToken | ReadRefusal::Signature(SignatureError::Expired) => {
                StatusCode::UNAUTHORIZED
            }
            ReadRefusal::Signature(SignatureError::Missing | SignatureError::Invalid)
            | ReadRefusal::RemoteHint(_) => StatusCode::BAD_REQUEST,
        };
        Failure::new(status, refusal.to_string())
    }
}

/// Asks mounts one after the other, and remembers what to answer if none has the block.
struct Search<'n> {
    node: &'n Arc<Node>,
    hash: BlockHash,
    mounts: std::vec::IntoIter<Arc<Mount>>,
    trash: Looked,
    failure: Option<Failure>,
}

/// Whether the trash was looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Looked {
    NotYet,
    Once,
}

impl<'n> Search<'n> {
    fn new(node: &'n Arc<Node>, hash: BlockHash) -> Search<'n> {
        let mounts = node.mounts.in_read_order(hash).into_iter();
        Search { node, hash, mounts, trash: Looked::NotYet, failure: None }
    }

    /// The next mount that opens the block. If none has it, and it lies in the trash, that is an alarm, and perhaps the
    /// way to get it.
    async fn next(&mut self) -> Option<(Arc<Mount>, Box<dyn BlockReader>)> {
        loop {
            while let Some(mount) = self.mounts.next() {
                match mount.volume.open(self.hash).await {
                    Ok(reader) => return Some((mount, reader)),
                    Err(VolumeError::NotFound) => {}
                    Err(error) => {
                        self.failure = Some(self.report(&mount, ReadFailure::Volume(error)));
                    }
                }
            }
            let looked = std::mem::replace(&mut self.trash, Looked::Once);
            if self.failure.is_some() || looked == Looked::Once {
                return None;
            }
            match trash_hit::look(self.node, self.hash).await {
                Ok(LookAgain::Yes) => {}
                Ok(LookAgain::No) => return None,
                Err(error) => {
                    self.failure = Some(error.into());
                    return None;
                }
            }
            self.mounts = self.node.mounts.in_read_order(self.hash).into_iter();
        }
    }

    /// That replica was no good.
    fn failed(&mut self, mount: &Mount, failure: ReadFailure) {
        self.failure = Some(self.report(mount, failure));
    }

    fn report(&self, mount: &Mount, failure: ReadFailure) -> Failure {
        let what = failure.describe();
        let failure = match failure {
            ReadFailure::Damaged => Failure::new(StatusCode::BAD_GATEWAY, DAMAGED),
            ReadFailure::Volume(error) => error.into(),
        };
        self.node.metrics.read_failed(&mount.uuid);
        tracing::warn!(mount = %mount.uuid, locator = %self.hash, error = what, "cannot use this replica");
        failure
    }

    /// Nobody had it.
    fn give_up(self) -> Failure {
        self.failure.unwrap_or_else(Failure::not_found)
    }
}

async fn verify(node: &Arc<Node>, locator: &Locator) -> Result<Answer, Failure> {
    let mut search = Search::new(node, locator.hash());
    while let Some((mount, reader)) = search.next().await {
        let size = reader.replica().size;
        let as_wanted = locator.size().is_none_or(|wanted| wanted == size);
        let read = if as_wanted {
            read_whole(locator.hash(), reader, &node.buffers).await
        } else {
            Err(ReadFailure::Damaged)
        };
        match read {
            Ok(replica) => {
                let mut answer = empty(StatusCode::OK);
                answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(replica.size));
                return Ok(answer);
            }
            Err(failure) => search.failed(&mount, failure),
        }
    }
    Err(search.give_up())
}

/// Sends the block of `wanted` bytes from the first mount that has it whole.
pub(crate) async fn send(
    node: &Arc<Node>,
    hash: BlockHash,
    wanted: u64,
    permit: Permit,
) -> Result<Answer, Failure> {
    let mut search = Search::new(node, hash);
    while let Some((mount, reader)) = search.next().await {
        if reader.replica().size != wanted {
            search.failed(&mount, ReadFailure::Damaged);
            continue;
        }
        let mut reading = Reading::new(hash, reader, node.buffers.clone());
        match hold_back(&mut reading).await {
            Ok(Held::Whole(pieces)) => return Ok(answer_with(Body::pieces(pieces), wanted)),
            Ok(Held::Beginning(pieces)) => {
                let body = stream(node, mount, reading, pieces, permit);
                return Ok(answer_with(body, wanted));
            }
            Err(failure) => search.failed(&mount, failure),
        }
    }
    Err(search.give_up())
}

enum Held {
    /// The whole block, verified.
    Whole(Vec<Bytes>),
    /// The first pieces of a longer block.
    Beginning(Vec<Bytes>),
}

async fn hold_back(reading: &mut Reading) -> Result<Held, ReadFailure> {
    let mut pieces = Vec::with_capacity(HELD_PIECES);
    while pieces.len() < HELD_PIECES {
        match reading.next().await? {
            Piece::More(piece) => pieces.push(piece),
            Piece::Last(piece) => {
                pieces.push(piece);
                return Ok(Held::Whole(pieces));
            }
        }
    }
    Ok(Held::Beginning(pieces))
}

/// Sends a long block from a task of its own, so that reading, hashing and sending overlap.
fn stream(
    node: &Arc<Node>,
    mount: Arc<Mount>,
    reading: Reading,
    held: Vec<Bytes>,
    permit: Permit,
) -> Body {
    let (sender, body) = Body::stream(Some(reading.replica().size), node.limits.body_stall_timeout);
    let metrics = node.metrics.clone();
    tokio::spawn(async move {
        let (hash, mut reading, mut permit) = (reading.hash(), reading, permit);
        for piece in held {
            if sender.send(piece, &mut permit).await.is_err() {
                return;
            }
        }
        loop {
            let (piece, is_last) = match reading.next().await {
                Ok(Piece::More(piece)) => (piece, false),
                Ok(Piece::Last(piece)) => (piece, true),
                Err(failure) => {
                    metrics.read_failed(&mount.uuid);
                    let error = failure.describe();
                    tracing::error!(mount = %mount.uuid, locator = %hash, error, "a block broke off while it was being sent");
                    return;
                }
            };
            if sender.send(piece, &mut permit).await.is_err() || is_last {
                return;
            }
        }
    });
    body
}

fn answer_with(body: Body, size: u64) -> Answer {
    let mut answer = Answer::new(body);
    answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(size));
    // Never sniffed: a block is bytes, not a page for a browser to run (spec section 11, weak point 22).
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    answer
}
