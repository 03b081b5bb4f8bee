//! `PUT /trash` and `PUT /pull` (spec section 2.9): a list is parsed while it arrives, and counts only as a whole.
//!
//! A thread of its own parses, hashes and stores, so that no other request waits for it. The list is on the disk before
//! it is answered, and before the first item is begun.

use std::sync::Arc;

use block_work_list::BlockWork;
use bytes::Bytes;
use http::HeaderMap;
use http::StatusCode;
use http::header::{HeaderName, HeaderValue, USER_AGENT};
use keep_protocol::list::{
    Limits, ListError, ListParser, Names, PullRequest, Request, Sink, TrashRequest,
};
use keep_protocol::status::{ListName, ListSource, ListState};
use keep_rules::BlockHash;
use list_store::{Draft, Record, StoreError};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::absence::beat;
use super::accept::{Offer, accept};
use super::code::End;
use super::guard::{self, Named};
use super::handler;
use super::handler::Query;
use super::receipt::{ListDigest, Receipt};
use super::stores::Store;
use super::work::{Hold, Item, ListClosed, Work};
use crate::block::header_text;
use crate::http::{Answer, Failure, Incoming, Permit, Received, empty};
use crate::mounts::sentence;
use crate::node::Node;
use crate::to_its_end::to_its_end;

const X_DONJON_EPOCH: HeaderName = HeaderName::from_static("x-donjon-epoch");

/// Bytes of a refused list that are still read, so that its sender sees the answer.
const DRAINED_BYTES_MAX: u64 = 1 << 30;

/// Bytes of a name that a sender gives itself.
const NAME_CHARS_MAX: usize = 200;

/// Frames of a body that wait for the thread that parses them.
const FRAMES_AHEAD: usize = 4;

/// A request that brings a list.
pub(crate) struct Brought<'b> {
    pub(crate) headers: &'b HeaderMap,
    pub(crate) received: &'b Received,
    pub(crate) body: Incoming,
    pub(crate) permit: Permit,
}

/// Takes a list, or a dry run of one. A trash list that names much of a volume waits for the guard.
///
/// # Errors
/// What is wrong with it. The old list stays then.
pub(crate) async fn put_list(
    node: &Arc<Node>,
    list: ListName,
    query: Query<'_>,
    brought: Brought<'_>,
) -> Result<Answer, Failure> {
    let taken = match (list, dry_run(query)?) {
        (ListName::Trash, Run::Real) => put_trash_list(node, brought).await,
        (ListName::Pull, Run::Real) => put_pull_list(node, brought).await,
        (ListName::Trash, Run::Dry) => put_dry_trash_list(node, brought).await,
        (ListName::Pull, Run::Dry) => put_dry_pull_list(node, brought).await,
    };
    if let Err(failure) = &taken {
        node.metrics.list_refused(list, refusal(failure.status));
    }
    taken
}

/// Whether a list is carried out.
enum Run {
    Real,
    Dry,
}

fn dry_run(query: Query<'_>) -> Result<Run, Failure> {
    match query.text("dry_run").as_deref() {
        None | Some("" | "0" | "false") => Ok(Run::Real),
        Some("1" | "true") => Ok(Run::Dry),
        // A slip of the pen must not turn a dry run into a real one.
        Some(_) => Err(Failure::new(StatusCode::BAD_REQUEST, "dry_run must be 1 or 0")),
    }
}

/// Why a list was refused, for the metric.
fn refusal(status: StatusCode) -> &'static str {
    match status {
        StatusCode::CONFLICT => "stale_epoch",
        StatusCode::PRECONDITION_FAILED => "absence",
        StatusCode::INSUFFICIENT_STORAGE => "no_room",
        StatusCode::BAD_REQUEST => "malformed",
        StatusCode::REQUEST_TIMEOUT => "stalled",
        _ => "other",
    }
}

async fn put_trash_list(node: &Arc<Node>, brought: Brought<'_>) -> Result<Answer, Failure> {
    let began = beat(node).absences;
    let store = node.stores.as_ref().map(|stores| stores.trash.clone());
    let (epoch, source) = (epoch(brought.headers)?, source(&brought));
    let parsed = parse::<TrashRequest>(node, store.as_ref(), brought).await?;
    let named = Named::of(node, &parsed.items.work, &parsed.names);
    let hold = named.first_look(node.guard);
    let to_check = hold == Some(Hold::Checking);
    let offer = Offer { parsed, epoch, source, hold, began: Some(began) };
    let node = node.clone();
    to_its_end(async move {
        let receipt = accept(&node, &node.trash_list, store, offer).await?;
        let state = if to_check {
            tokio::spawn(guard::check(node.clone(), receipt.id, named));
            ListState::Checking
        } else {
            handler::state_of_a_new_list(&node, ListName::Trash)
        };
        Ok(answer(&receipt, state.as_str()))
    })
    .await
}

async fn put_pull_list(node: &Arc<Node>, brought: Brought<'_>) -> Result<Answer, Failure> {
    let store = node.stores.as_ref().map(|stores| stores.pull.clone());
    let (epoch, source) = (epoch(brought.headers)?, source(&brought));
    let parsed = parse::<PullRequest>(node, store.as_ref(), brought).await?;
    let offer = Offer { parsed, epoch, source, hold: None, began: None };
    let node = node.clone();
    to_its_end(async move {
        let receipt = accept(&node, &node.pull_list, store, offer).await?;
        Ok(answer(&receipt, handler::state_of_a_new_list(&node, ListName::Pull).as_str()))
    })
    .await
}

/// Takes a list that is only decided, and tells later what the guard would say. The current list is not touched.
async fn put_dry_trash_list(node: &Arc<Node>, brought: Brought<'_>) -> Result<Answer, Failure> {
    let source = source(&brought);
    let parsed = parse::<TrashRequest>(node, None, brought).await?;
    let named = Named::of(node, &parsed.items.work, &parsed.names);
    let offer = Offer { parsed, epoch: None, source, hold: None, began: None };
    let node = node.clone();
    to_its_end(async move {
        let receipt = accept(&node, &node.dry_trash_list, None, offer).await?;
        node.foreseen.ask(receipt.id, named);
        Ok(answer(&receipt, "dry-run"))
    })
    .await
}

/// Takes a list that is only decided. The current list is not touched.
async fn put_dry_pull_list(node: &Arc<Node>, brought: Brought<'_>) -> Result<Answer, Failure> {
    let source = source(&brought);
    let parsed = parse::<PullRequest>(node, None, brought).await?;
    let offer = Offer { parsed, epoch: None, source, hold: None, began: None };
    let receipt = accept(node, &node.dry_pull_list, None, offer).await?;
    Ok(answer(&receipt, "dry-run"))
}

/// The items of a list on its way in: as the work list will hold them, and on the disk.
pub(super) struct Items<R> {
    pub(super) work: Vec<Work<R>>,
    pub(super) draft: Option<Draft<R, End>>,
}

impl<R: Record + Request> Sink<R> for Items<R> {
    fn accept(&mut self, hash: BlockHash, request: R) {
        // The limit on items is below 2^32.
        let index = u32::try_from(self.work.len()).unwrap_or(u32::MAX);
        self.work.push(BlockWork { hash, data: Item { request, index } });
        if let Some(draft) = &mut self.draft {
            draft.accept(hash, request);
        }
    }
}

/// A whole list, not yet accepted.
pub(super) struct Parsed<R> {
    pub(super) items: Items<R>,
    pub(super) names: Arc<Names>,
    pub(super) digest: ListDigest,
}

/// Reads the body, and parses it on another thread.
async fn parse<R: Record + Request + Send + Sync + 'static>(
    node: &Node,
    store: Option<&Store<R>>,
    brought: Brought<'_>,
) -> Result<Parsed<R>, Failure> {
    let Ok(_reader) = node.list_readers.acquire().await else {
        return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, "the node is stopping"));
    };
    let limits = Limits { items: node.limits.max_list_items.get() as u64, ..Limits::default() };
    let draft = store.map(|store| store.lists.begin()).transpose()?;
    let (frames, waiting) = mpsc::channel(FRAMES_AHEAD);
    let parsing = tokio::task::spawn_blocking(move || parse_frames(limits, draft, waiting));
    let Brought { mut body, mut permit, .. } = brought;
    let read = read_frames(&mut body, &mut permit, frames).await;
    let parsed = parsing.await.expect("parsing a list does not panic");
    let result = match (read, parsed) {
        (Err(broken), _) => Err(broken),
        (Ok(()), Err(wrong)) => Err(wrong),
        (Ok(()), Ok(parsed)) => return Ok(parsed),
    };
    body.drain(DRAINED_BYTES_MAX);
    result
}

/// Hands the body over, frame by frame. Ends early if the parser has seen enough.
async fn read_frames(
    body: &mut Incoming,
    permit: &mut Permit,
    frames: mpsc::Sender<Frame>,
) -> Result<(), Failure> {
    while let Some(data) = body.next(permit).await? {
        if frames.send(Frame::Data(data)).await.is_err() {
            return Ok(());
        }
    }
    // An error means that the parser has ended with an error of its own.
    drop(frames.send(Frame::End).await);
    Ok(())
}

/// A body that breaks off has no end, and is no list.
enum Frame {
    Data(Bytes),
    End,
}

fn parse_frames<R: Record + Request>(
    limits: Limits,
    draft: Option<Draft<R, End>>,
    mut frames: mpsc::Receiver<Frame>,
) -> Result<Parsed<R>, Failure> {
    let mut parser = ListParser::<R, _>::with_sink(limits, Items { work: Vec::new(), draft });
    let mut digest = Sha256::new();
    while let Some(frame) = frames.blocking_recv() {
        match frame {
            Frame::Data(data) => {
                digest.update(&data);
                parser.feed(&data)?;
            }
            Frame::End => {
                let mut list = parser.finish()?;
                list.items.work.shrink_to_fit();
                let digest = ListDigest(digest.finalize().into());
                return Ok(Parsed { items: list.items, names: list.names, digest });
            }
        }
    }
    Err(Failure::new(
        StatusCode::BAD_REQUEST,
        "the list broke off; the list that was here before stays",
    ))
}

fn epoch(headers: &HeaderMap) -> Result<Option<u64>, Failure> {
    if !headers.contains_key(X_DONJON_EPOCH) {
        return Ok(None);
    }
    let bad = "X-Donjon-Epoch must be a whole number from 0; leave it out if there is none";
    let number = header_text(headers, &X_DONJON_EPOCH).parse();
    number.map(Some).map_err(|_not_a_number| Failure::new(StatusCode::BAD_REQUEST, bad))
}

fn source(brought: &Brought<'_>) -> ListSource {
    let name: String =
        header_text(brought.headers, &USER_AGENT).chars().take(NAME_CHARS_MAX).collect();
    let Received { peer, request_id } = brought.received;
    ListSource { remote_addr: peer.to_string(), request_id: request_id.clone(), user_agent: name }
}

fn answer(receipt: &Receipt, state: &'static str) -> Answer {
    let mut answer = empty(StatusCode::OK);
    let rows = [
        ("x-donjon-list-id", receipt.id.to_string()),
        ("x-donjon-list-digest", receipt.digest.to_string()),
        ("x-donjon-list-items", receipt.count.to_string()),
        ("x-donjon-list-state", state.to_owned()),
        ("x-donjon-list-durable", receipt.durable.to_string()),
    ];
    for (name, value) in rows {
        let value = HeaderValue::from_str(&value).expect("digits and letters");
        answer.headers_mut().insert(HeaderName::from_static(name), value);
    }
    answer
}

impl From<ListError> for Failure {
    fn from(error: ListError) -> Failure {
        Failure::new(StatusCode::BAD_REQUEST, error.to_string())
    }
}

impl From<ListClosed> for Failure {
    fn from(closed: ListClosed) -> Failure {
        Failure::new(StatusCode::SERVICE_UNAVAILABLE, closed.to_string())
    }
}

/// The paths in the error are for the log; the answer has none.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever else the disk does is one and the same to a client"
)]
impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        tracing::error!(error = sentence(&error), "cannot store");
        let status = match &error {
            StoreError::Full { .. } => {
                let text = "no room to store the list; the list that was here before stays";
                return Failure::new(StatusCode::INSUFFICIENT_STORAGE, text);
            }
            StoreError::StaleGeneration { .. }
            | StoreError::StaleEpoch { .. }
            | StoreError::Superseded { .. }
            | StoreError::Cancelled { .. } => StatusCode::CONFLICT,
            StoreError::TooManyItems { .. } | StoreError::TooManyRemoved { .. } => {
                StatusCode::BAD_REQUEST
            }
            _ => {
                let text = "the list cannot be stored; the list that was here before stays. The log says more";
                return Failure::new(StatusCode::INTERNAL_SERVER_ERROR, text);
            }
        };
        Failure::new(status, error.to_string())
    }
}
