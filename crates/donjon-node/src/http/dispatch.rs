//! From a route to what carries it out.

use std::net::SocketAddr;
use std::sync::Arc;

use http::StatusCode;
use http::request::Parts;
use keep_rules::{AdminRefusal, HashPrefix, ReadMethod};

use super::router::{AdminRoute, Order, OwnRoute, Route};
use super::{Answer, Failure, Incoming, Permit, Tokens, empty, json};
use crate::lists::{Brought, Paused, Query};
use crate::node::Node;
use crate::to_its_end::to_its_end;
use crate::{block, freeze, index, ledger, lists};

/// Bytes of a body that are still read when its sender was refused.
const REFUSED_BYTES_MAX: u64 = 16 << 20;

/// Bytes of a JSON body that an operator sends, at most.
const REQUEST_BYTES_MAX: usize = 64 << 10;

/// From where and under which name a request came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// The other end of the connection.
    pub(crate) peer: SocketAddr,
    /// The id of the request.
    pub(crate) request_id: String,
}

/// A request that may run.
pub(super) struct Call {
    pub(super) parts: Parts,
    pub(super) received: Received,
    pub(super) body: Incoming,
    pub(super) permit: Permit,
}

/// Carries out a request.
///
/// # Errors
/// What the client is told instead.
pub(super) async fn dispatch(
    node: &Arc<Node>,
    route: Route,
    call: Call,
) -> Result<Answer, Failure> {
    let tokens = Tokens::of(&call.parts.headers, call.parts.uri.query());
    match route {
        Route::Preflight => Ok(empty(StatusCode::OK)),
        Route::Unknown => Err(Failure::new(StatusCode::BAD_REQUEST, "Bad Request")),
        Route::Get(locator) => read(node, ReadMethod::Get, &locator, &tokens, call).await,
        Route::Head(locator) => read(node, ReadMethod::Head, &locator, &tokens, call).await,
        Route::Put(path) => {
            let Call { parts, body, permit, .. } = call;
            block::put(node, &path, &parts.headers, &tokens, body, permit).await
        }
        Route::Admin(route) => match tokens.check(&node.tokens.system_root) {
            Ok(()) => administer(node, route, call).await,
            Err(refusal) => refuse(call, refusal),
        },
        Route::Own(route) => match tokens.check(&node.tokens.system_root) {
            Ok(()) => look(node, route, call).await,
            Err(refusal) => refuse(call, refusal),
        },
        Route::Order(order) => match tokens.check(&node.tokens.system_root) {
            Ok(()) => carry_out(node, order, call).await,
            Err(refusal) => refuse(call, refusal),
        },
    }
}

async fn read(
    node: &Arc<Node>,
    method: ReadMethod,
    locator: &str,
    tokens: &Tokens,
    call: Call,
) -> Result<Answer, Failure> {
    let Call { parts, permit, .. } = call;
    block::get(node, method, locator, &parts.headers, tokens, permit).await
}

/// A client that is still sending must be able to read the refusal.
fn refuse(call: Call, refusal: AdminRefusal) -> Result<Answer, Failure> {
    call.body.drain(REFUSED_BYTES_MAX);
    Err(refusal.into())
}

/// The administrator's part of the Keep protocol.
async fn administer(node: &Arc<Node>, route: AdminRoute, call: Call) -> Result<Answer, Failure> {
    let Call { parts, received, body, permit } = call;
    let query = parts.uri.query();
    match route {
        AdminRoute::Touch(locator) => block::touch(node, &locator).await,
        AdminRoute::Index(prefix) => {
            let mounts = node.mounts.iter().cloned().collect();
            index::index(node, &parts.method, mounts, asked_prefix(query, prefix), permit).await
        }
        AdminRoute::MountIndex(uuid, prefix) => {
            let mount = node.mounts.get(&uuid).ok_or_else(Failure::not_found)?;
            index::index(
                node,
                &parts.method,
                vec![mount.clone()],
                asked_prefix(query, prefix),
                permit,
            )
            .await
        }
        AdminRoute::Mounts => Ok(index::mounts(node)),
        AdminRoute::PutList(list) => {
            let brought = Brought { headers: &parts.headers, received: &received, body, permit };
            lists::put_list(node, list, Query(query), brought).await
        }
    }
}

/// What Donjon shows beside the protocol, to operators.
async fn look(node: &Arc<Node>, route: OwnRoute, call: Call) -> Result<Answer, Failure> {
    let Call { parts, permit, .. } = call;
    let query = Query(parts.uri.query());
    match route {
        OwnRoute::Status => Ok(lists::status(node).await),
        OwnRoute::ListStatus(list) => Ok(json(StatusCode::OK, &lists::list_status(node, list))),
        OwnRoute::ListById(list, id) => lists::list_by_id(node, list, id),
        OwnRoute::ListItems(list) => lists::items(node, list, query),
        OwnRoute::ListOutcomes(list) => lists::outcomes(node, list, query),
        OwnRoute::DryStatus(list) => Ok(lists::dry_status(node, list)),
        OwnRoute::DryOutcomes(list) => lists::dry_outcomes(node, list, query),
        OwnRoute::Settings(list) => Ok(json(StatusCode::OK, &lists::settings(node, list))),
        OwnRoute::Ledger => ledger::show(node, query, permit).await,
        OwnRoute::VerifyLedger => ledger::verify(node, query).await,
        OwnRoute::Explain(hash) => block::explain(node, hash).await,
        OwnRoute::ShowFreeze => Ok(freeze::show(node)),
    }
}

/// Whatever can be cut short is done first; then the order runs to its end, and keeps its place at the gate until then.
async fn carry_out(node: &Arc<Node>, order: Order, call: Call) -> Result<Answer, Failure> {
    let Call { parts, mut body, mut permit, .. } = call;
    let text = if order.has_a_body() {
        body.whole(REQUEST_BYTES_MAX, &mut permit).await?
    } else {
        Vec::new()
    };
    let node = node.clone();
    to_its_end(async move {
        let _place = permit;
        obey(&node, order, Query(parts.uri.query()), &text).await
    })
    .await
}

async fn obey(
    node: &Arc<Node>,
    order: Order,
    query: Query<'_>,
    text: &[u8],
) -> Result<Answer, Failure> {
    match order {
        Order::Delete(locator) => block::delete(node, &locator).await,
        Order::Untrash(locator) => block::untrash(node, &locator).await,
        Order::UntrashBlock(hash) => block::untrash_explained(node, hash, query).await,
        Order::RemoveItem(list, hash) => lists::remove(node, list, hash).await,
        Order::Pause(list) => lists::pause(node, list, Paused::Yes).await,
        Order::Resume(list) => lists::pause(node, list, Paused::No).await,
        Order::Cancel(list) => lists::cancel(node, list).await,
        Order::Release(list, id) => lists::release(node, list, id, query).await,
        Order::SetSettings(list) => lists::set_settings(node, list, text).await,
        Order::Freeze => freeze::freeze(node, text).await,
        Order::Unfreeze => freeze::unfreeze(node).await,
    }
}

/// The prefix of a listing: that of the query, if it has one, else that of the path. `None` if no hash can have it.
fn asked_prefix(query: Option<&str>, of_path: HashPrefix) -> Option<HashPrefix> {
    let mut pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    match pairs.find(|(key, value)| key == "prefix" && !value.is_empty()) {
        Some((_, text)) => text.parse().ok(),
        None => Some(of_path),
    }
}
