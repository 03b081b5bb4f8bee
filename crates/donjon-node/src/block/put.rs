//! `PUT` of a block (spec section 2.5), and storing a block that comes from elsewhere.

use std::sync::Arc;

use bytes::Bytes;
use http::header::HeaderValue;
use http::{HeaderMap, HeaderName, StatusCode};
use keep_rules::mount::MountUuid;
use keep_rules::{BLOCK_SIZE_MAX, BlockHash, ClassSet, PutOutcome, Timestamp};

use super::upload::{Finished, Upload, too_large};
use crate::http::{Answer, Failure, Incoming, Permit, Tokens, text};
use crate::mounts::Mount;
use crate::node::Node;

const X_KEEP_STORAGE_CLASSES: HeaderName = HeaderName::from_static("x-keep-storage-classes");
const X_KEEP_REPLICAS_STORED: HeaderName = HeaderName::from_static("x-keep-replicas-stored");
const X_KEEP_STORAGE_CLASSES_CONFIRMED: HeaderName =
    HeaderName::from_static("x-keep-storage-classes-confirmed");

/// Mounts that are not to be written, by their UUIDs: what the client has there already is enough. Donjon's own.
const X_DONJON_NOT_ON: HeaderName = HeaderName::from_static("x-donjon-not-on");
/// The mounts that have the block now, by their UUIDs. Donjon's own.
const X_DONJON_STORED_ON: HeaderName = HeaderName::from_static("x-donjon-stored-on");

/// Bytes of a refused body that are still read, so that a client that writes first and reads then sees the answer.
const DRAINED_BYTES_MAX: u64 = 2 * BLOCK_SIZE_MAX;

/// Where the data of a block comes from.
pub(crate) trait Source: Send {
    /// The next bytes; `None` at the end.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, Failure>> + Send;
}

/// A block that is stored now.
#[derive(Debug)]
pub(crate) struct Stored {
    /// Bytes in it.
    pub(crate) size: u64,
    /// Copies, and the classes they are in: never a refusal.
    pub(crate) outcome: PutOutcome,
    /// Its replicas' mtime, at least.
    pub(crate) mtime: Timestamp,
    /// The mounts that have them.
    pub(crate) on: Vec<MountUuid>,
}

struct RequestBody<'r> {
    body: &'r mut Incoming,
    permit: &'r mut Permit,
}

impl Source for RequestBody<'_> {
    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        Ok(self.body.next(self.permit).await?)
    }
}

/// Stores the body of a request under the hash that begins `path`; whatever follows the hash is ignored.
pub(crate) async fn put(
    node: &Arc<Node>,
    path: &str,
    headers: &HeaderMap,
    tokens: &Tokens,
    mut body: Incoming,
    mut permit: Permit,
) -> Result<Answer, Failure> {
    if tokens.user().is_none() && node.writes_need_a_token() {
        body.drain(DRAINED_BYTES_MAX);
        return Err(keep_rules::ReadRefusal::NoToken.into());
    }
    if body.declared_length().is_some_and(|length| length > BLOCK_SIZE_MAX) {
        body.drain(DRAINED_BYTES_MAX);
        return Err(too_large());
    }
    let hash = BlockHash::from_hex(&path.as_bytes()[..32])
        .map_err(|bad| Failure::new(StatusCode::BAD_REQUEST, bad.to_string()))?;
    let classes = ClassSet::from_header(header_text(headers, &X_KEEP_STORAGE_CLASSES));
    let not_on: Vec<&str> =
        header_text(headers, &X_DONJON_NOT_ON).split(',').map(str::trim).collect();
    let mut mounts = node.mounts.in_write_order(hash);
    mounts.retain(|mount| !not_on.contains(&mount.uuid.as_str()));
    let source = RequestBody { body: &mut body, permit: &mut permit };
    match store(node, hash, classes, mounts, source).await {
        Ok(stored) => Ok(answer(node, hash, &stored, tokens)),
        Err(failure) => {
            body.drain(DRAINED_BYTES_MAX);
            Err(failure)
        }
    }
}

/// Stores what `source` yields, if it is the block `hash`, on the best of `mounts`.
///
/// # Errors
/// What the client should be told. No replica became visible then.
pub(crate) async fn store(
    node: &Arc<Node>,
    hash: BlockHash,
    classes: ClassSet,
    mounts: Vec<Arc<Mount>>,
    mut source: impl Source,
) -> Result<Stored, Failure> {
    let mut upload = Upload::new(node, hash, classes, mounts);
    let mut piece = node.buffers.take();
    while let Some(mut data) = source.next().await? {
        while !data.is_empty() {
            piece.fill(&mut data);
            if piece.is_full() {
                let full = std::mem::replace(&mut piece, node.buffers.take());
                upload.take(full.share()).await?;
            }
        }
    }
    upload.take(piece.share()).await?;
    let Finished { outcome, length, mtime, on } = upload.finish().await?;
    match outcome {
        PutOutcome::Stored { .. } => Ok(Stored { size: length, outcome, mtime, on }),
        PutOutcome::Full => {
            Err(Failure::new(StatusCode::INSUFFICIENT_STORAGE, "insufficient storage"))
        }
        PutOutcome::Unavailable => {
            Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, "volume unavailable"))
        }
    }
}

fn answer(node: &Node, hash: BlockHash, stored: &Stored, tokens: &Tokens) -> Answer {
    let locator = node.sign(hash, stored.size, tokens.user(), stored.mtime);
    let mut answer = text(StatusCode::OK, &locator);
    if let PutOutcome::Stored { replicas, classes } = &stored.outcome {
        let confirmed: Vec<String> =
            classes.iter().map(|(class, copies)| format!("{class}={copies}")).collect();
        let confirmed = HeaderValue::from_str(&confirmed.join(", "));
        answer.headers_mut().insert(X_KEEP_REPLICAS_STORED, HeaderValue::from(*replicas));
        let on: Vec<&str> = stored.on.iter().map(MountUuid::as_str).collect();
        // A UUID that no header can carry is not told.
        if let Ok(on) = HeaderValue::from_str(&on.join(", ")) {
            answer.headers_mut().insert(X_DONJON_STORED_ON, on);
        }
        // Class names come from the config; one that no header can carry is not confirmed.
        if let Ok(confirmed) = confirmed {
            answer.headers_mut().insert(X_KEEP_STORAGE_CLASSES_CONFIRMED, confirmed);
        }
    }
    answer
}

pub(crate) fn header_text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
