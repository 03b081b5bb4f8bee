//! `PUT /trash` and `PUT /pull` (spec section 2.9): a list is parsed while it arrives, and counts only as a whole.

use std::sync::Arc;

use block_work_list::BlockWork;
use http::header::{HeaderName, HeaderValue, USER_AGENT};
use http::{HeaderMap, StatusCode};
use keep_protocol::list::{Limits, ListError, ListParser, Names, Request, Sink};
use keep_protocol::status::{ListName, ListSource};
use keep_rules::BlockHash;
use sha2::{Digest, Sha256};

use super::books::Counts;
use super::receipt::{ListDigest, Receipt};
use super::record::Memory;
use super::work::{Item, ListClosed, NewList, Work};
use super::{WorkList, handler};
use crate::block::header_text;
use crate::http::{Answer, Failure, Incoming, Permit, Received, empty};
use crate::node::Node;

const X_DONJON_EPOCH: HeaderName = HeaderName::from_static("x-donjon-epoch");

/// Bytes of a refused list that are still read, so that its sender sees the answer.
const DRAINED_BYTES_MAX: u64 = 1 << 30;

/// Bytes of a name that a sender gives itself.
const NAME_BYTES_MAX: usize = 200;

/// The items of a list on its way in, as the work list will hold them.
struct Items<R>(Vec<Work<R>>);

impl<R> Sink<R> for Items<R> {
    fn accept(&mut self, hash: BlockHash, request: R) {
        // The limit on items is below 2^32.
        let index = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0.push(BlockWork { hash, data: Item { request, index } });
    }
}

/// A whole list, not yet accepted.
struct Parsed<R> {
    items: Vec<Work<R>>,
    names: Arc<Names>,
    digest: ListDigest,
}

/// Reads a list and makes it current.
///
/// # Errors
/// What is wrong with it. The old list stays then.
pub(crate) async fn put_list<R: Request + Send + Sync + 'static>(
    node: &Node,
    list: &WorkList<R>,
    headers: &HeaderMap,
    received: &Received,
    mut body: Incoming,
    mut permit: Permit,
) -> Result<Answer, Failure> {
    let epoch = epoch(headers)?;
    let parsed = match parse(node, &mut body, &mut permit).await {
        Ok(parsed) => parsed,
        Err(failure) => {
            body.drain(DRAINED_BYTES_MAX);
            return Err(failure);
        }
    };
    let _turn = list.turn().await;
    let receipt = Receipt {
        id: list.current_id() + 1,
        digest: parsed.digest,
        count: parsed.items.len() as u64,
        received_at: node.clock.now(),
        source: source(headers, received),
        epoch,
        durable: false,
    };
    let answer = answer(node, list.name(), &receipt);
    list.replace(NewList {
        receipt,
        items: parsed.items,
        names: parsed.names,
        ended: Counts::new(),
        recorder: Box::new(Memory),
        hold: None,
    })?;
    Ok(answer)
}

async fn parse<R: Request + Send + Sync + 'static>(
    node: &Node,
    body: &mut Incoming,
    permit: &mut Permit,
) -> Result<Parsed<R>, Failure> {
    let limits = Limits { items: node.limits.max_list_items.get() as u64, ..Limits::default() };
    let mut parser = ListParser::<R, _>::with_sink(limits, Items(Vec::new()));
    let mut digest = Sha256::new();
    while let Some(data) = body.next(permit).await? {
        digest.update(&data);
        parser.feed(&data)?;
    }
    let parsed = parser.finish()?;
    Ok(Parsed {
        items: parsed.items.0,
        names: parsed.names,
        digest: ListDigest(digest.finalize().into()),
    })
}

fn epoch(headers: &HeaderMap) -> Result<Option<u64>, Failure> {
    if !headers.contains_key(X_DONJON_EPOCH) {
        return Ok(None);
    }
    let text = header_text(headers, &X_DONJON_EPOCH);
    let bad = |_not_a_number| {
        Failure::new(
            StatusCode::BAD_REQUEST,
            "X-Donjon-Epoch must be a whole number from 0; leave it out if there is none",
        )
    };
    text.parse().map(Some).map_err(bad)
}

fn source(headers: &HeaderMap, received: &Received) -> ListSource {
    let name: String = header_text(headers, &USER_AGENT).chars().take(NAME_BYTES_MAX).collect();
    ListSource {
        remote_addr: received.peer.to_string(),
        request_id: received.request_id.clone(),
        user_agent: name,
    }
}

fn answer(node: &Node, list: ListName, receipt: &Receipt) -> Answer {
    let mut answer = empty(StatusCode::OK);
    let state = handler::state_of_a_new_list(node, list);
    let rows = [
        ("x-donjon-list-id", receipt.id.to_string()),
        ("x-donjon-list-digest", receipt.digest.to_string()),
        ("x-donjon-list-items", receipt.count.to_string()),
        ("x-donjon-list-state", state.as_str().to_owned()),
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
        Failure::new(
            StatusCode::BAD_REQUEST,
            format!("{error}; the list that was here before stays"),
        )
    }
}

impl From<ListClosed> for Failure {
    fn from(closed: ListClosed) -> Failure {
        Failure::new(StatusCode::SERVICE_UNAVAILABLE, closed.to_string())
    }
}
