//! The layers around the handlers, from the outside in (spec section 2.1).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, Request, StatusCode};
use keep_rules::{AdminRefusal, HashPrefix, ReadMethod};
use tokio::time::timeout;

use super::answer::with_type;
use super::redact::{redact_path, redact_query};
use super::request_id::{X_REQUEST_ID, request_id};
use super::router::{AdminRoute, OwnRoute, Route, route};
use super::{Answer, Failure, Incoming, Permit, Priority, RequestFacts, Tokens, empty, json};
use crate::lists::{Brought, Paused, Query};
use crate::metrics::{as_json, as_text, families};
use crate::node::Node;
use crate::{block, freeze, health, index, ledger, lists};

/// Answers a request. Never fails: what goes wrong becomes an answer.
pub(crate) async fn handle(
    node: Arc<Node>,
    peer: SocketAddr,
    request: Request<hyper::body::Incoming>,
) -> Answer {
    let (parts, body) = request.into_parts();
    if let Some(answer) = outside_the_log(&node, &parts).await {
        return answer;
    }
    let id = request_id(&parts.headers);
    let mut watch = node.active.begin(facts(&parts, peer, &id));
    let body = Incoming::new(body, &parts.headers, node.limits.body_stall_timeout);
    let received =
        Received { peer, request_id: String::from_utf8_lossy(id.as_bytes()).into_owned() };
    let mut answer = match before_the_gate(&node, &parts) {
        Some(answer) => answer,
        None => through_the_gate(&node, &parts, received, body, &mut watch).await,
    };
    answer.headers_mut().insert(X_REQUEST_ID, id);
    watch.answered(answer.status(), answer.body().peek());
    answer.map(|body| body.watched(watch))
}

/// Metrics and probes: answered even if the queue is full, and not logged.
async fn outside_the_log(node: &Node, parts: &Parts) -> Option<Answer> {
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        return None;
    }
    match parts.uri.path() {
        "/metrics" | "/metrics.json" => Some(metrics(node, parts)),
        "/livez" => Some(health::live()),
        "/readyz" => Some(health::ready(node).await),
        _other => None,
    }
}

fn metrics(node: &Node, parts: &Parts) -> Answer {
    let tokens = Tokens::of(&parts.headers, parts.uri.query());
    if let Some(Err(refusal)) = node.tokens.management.as_ref().map(|secret| tokens.check(secret)) {
        return Failure::from(refusal).answer();
    }
    let families = families(node);
    let (content_type, text) = match parts.uri.path() {
        "/metrics.json" => ("application/json", as_json(&families)),
        _text => ("text/plain; version=0.0.4; charset=utf-8", as_text(&families)),
    };
    with_type(StatusCode::OK, HeaderValue::from_static(content_type), text)
}

fn before_the_gate(node: &Node, parts: &Parts) -> Option<Answer> {
    match (&parts.method, parts.uri.path()) {
        (&Method::GET, "/_inspect/requests") => Some(health::inspect(node, &parts.headers)),
        (method, "/_health/ping") => Some(health::ping(node, method, &parts.headers)),
        _other => None,
    }
}

fn facts(parts: &Parts, peer: SocketAddr, id: &HeaderValue) -> RequestFacts {
    let text = |name: HeaderName| {
        let value = parts.headers.get(name).map(HeaderValue::as_bytes).unwrap_or_default();
        String::from_utf8_lossy(value).into_owned()
    };
    let path = parts.uri.path();
    let length = text(header::CONTENT_LENGTH);
    RequestFacts {
        request_id: String::from_utf8_lossy(id.as_bytes()).into_owned(),
        method: parts.method.clone(),
        host: parts.uri.authority().map_or_else(|| text(header::HOST), ToString::to_string),
        path: redact_path(path.strip_prefix('/').unwrap_or(path)),
        query: redact_query(parts.uri.query().unwrap_or_default()),
        remote_addr: peer.to_string(),
        forwarded_for: text(HeaderName::from_static("x-forwarded-for")),
        bytes: length.parse().unwrap_or(-1),
    }
}

async fn through_the_gate(
    node: &Arc<Node>,
    parts: &Parts,
    received: Received,
    body: Incoming,
    watch: &mut super::active::Watch,
) -> Answer {
    let route = route(&parts.method, parts.uri.path());
    let origin = parts.headers.get(header::ORIGIN).is_some_and(|origin| !origin.is_empty());
    let priority = if origin { Priority::High } else { Priority::Normal };
    let label = crate::metrics::priority_label(priority);
    watch.queued_as(label);
    let deadline = node.api.request_timeout.filter(|_| !route.is_exempt_from_deadline());
    let work = async {
        let arrived = Instant::now();
        match node.gate.enter(priority).await {
            Err(_overflow) => {
                node.metrics.turned_away(priority, arrived.elapsed());
                None
            }
            Ok(permit) => {
                node.metrics.queued(priority, arrived.elapsed());
                let call = Call { parts, received: &received, body, permit };
                Some(behind_the_gate(node, route, call).await)
            }
        }
    };
    let answered = match deadline {
        None => work.await,
        Some(limit) => timeout(limit, work).await.unwrap_or_else(|_elapsed| Some(too_late())),
    };
    // Turned away: 503 without a body or CORS headers (spec section 2.1, layer 8).
    answered.unwrap_or_else(|| empty(StatusCode::SERVICE_UNAVAILABLE))
}

/// 503 and not 499, which clients take for final (spec section 11, weak point 10).
fn too_late() -> Answer {
    let text = "the request took longer than API.RequestTimeout";
    with_cors(Failure::new(StatusCode::SERVICE_UNAVAILABLE, text).answer())
}

/// From where and under which name a request came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// The other end of the connection.
    pub(crate) peer: SocketAddr,
    /// The id of the request.
    pub(crate) request_id: String,
}

/// A request that may run.
struct Call<'c> {
    parts: &'c Parts,
    received: &'c Received,
    body: Incoming,
    permit: Permit,
}

/// Bytes of a body that are still read when its sender was refused.
const REFUSED_BYTES_MAX: u64 = 16 << 20;

/// Bytes of a JSON body that an operator sends, at most.
const REQUEST_BYTES_MAX: usize = 64 << 10;

async fn behind_the_gate(node: &Arc<Node>, route: Route, call: Call<'_>) -> Answer {
    let reads_a_block = matches!(route, Route::Get(_) | Route::Head(_));
    let handled = dispatch(node, route, call).await;
    let mut answer = handled.unwrap_or_else(|failure| failure.answer());
    if reads_a_block {
        answer.headers_mut().insert(header::VARY, HeaderValue::from_static("X-Keep-Signature"));
    }
    with_cors(answer)
}

async fn dispatch(node: &Arc<Node>, route: Route, call: Call<'_>) -> Result<Answer, Failure> {
    let headers = &call.parts.headers;
    let tokens = Tokens::of(headers, call.parts.uri.query());
    match route {
        Route::Preflight => Ok(empty(StatusCode::OK)),
        Route::Unknown => Err(Failure::new(StatusCode::BAD_REQUEST, "Bad Request")),
        Route::Get(locator) => {
            block::get(node, ReadMethod::Get, &locator, headers, &tokens, call.permit).await
        }
        Route::Head(locator) => {
            block::get(node, ReadMethod::Head, &locator, headers, &tokens, call.permit).await
        }
        Route::Put(path) => block::put(node, &path, headers, &tokens, call.body, call.permit).await,
        Route::Admin(route) => match tokens.check(&node.tokens.system_root) {
            Ok(()) => administer(node, route, call).await,
            Err(refusal) => refuse(call, refusal),
        },
        Route::Own(route) => match tokens.check(&node.tokens.system_root) {
            Ok(()) => operate(node, route, call).await,
            Err(refusal) => refuse(call, refusal),
        },
    }
}

/// A client that is still sending must be able to read the refusal.
fn refuse(call: Call<'_>, refusal: AdminRefusal) -> Result<Answer, Failure> {
    call.body.drain(REFUSED_BYTES_MAX);
    Err(refusal.into())
}

/// The administrator's part of the Keep protocol.
async fn administer(
    node: &Arc<Node>,
    route: AdminRoute,
    call: Call<'_>,
) -> Result<Answer, Failure> {
    let Call { parts, received, body, permit } = call;
    let query = parts.uri.query();
    match route {
        AdminRoute::Touch(locator) => block::touch(node, &locator).await,
        AdminRoute::Delete(locator) => block::delete(node, &locator).await,
        AdminRoute::Untrash(locator) => block::untrash(node, &locator).await,
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
            let brought = Brought { headers: &parts.headers, received, body, permit };
            lists::put_list(node, list, Query(query), brought).await
        }
    }
}

/// What Donjon has beside the protocol, for operators.
async fn operate(node: &Arc<Node>, route: OwnRoute, call: Call<'_>) -> Result<Answer, Failure> {
    let Call { parts, mut body, mut permit, .. } = call;
    let query = Query(parts.uri.query());
    match route {
        OwnRoute::Status => Ok(lists::status(node).await),
        OwnRoute::ListStatus(list) => Ok(json(StatusCode::OK, &lists::list_status(node, list))),
        OwnRoute::ListById(list, id) => lists::list_by_id(node, list, id),
        OwnRoute::ListItems(list) => lists::items(node, list, query),
        OwnRoute::ListOutcomes(list) => lists::outcomes(node, list, query),
        OwnRoute::DryStatus(list) => Ok(lists::dry_status(node, list)),
        OwnRoute::DryOutcomes(list) => lists::dry_outcomes(node, list, query),
        OwnRoute::RemoveItem(list, hash) => lists::remove(node, list, hash).await,
        OwnRoute::Pause(list) => lists::pause(node, list, Paused::Yes).await,
        OwnRoute::Resume(list) => lists::pause(node, list, Paused::No).await,
        OwnRoute::Cancel(list) => lists::cancel(node, list).await,
        OwnRoute::Release(list, id) => lists::release(node, list, id, query).await,
        OwnRoute::Settings(list) => Ok(json(StatusCode::OK, &lists::settings(node, list))),
        OwnRoute::SetSettings(list) => {
            let text = body.whole(REQUEST_BYTES_MAX, &mut permit).await?;
            lists::set_settings(node, list, &text).await
        }
        OwnRoute::Ledger => ledger::show(node, query, permit).await,
        OwnRoute::VerifyLedger => ledger::verify(node, query).await,
        OwnRoute::Explain(hash) => block::explain(node, hash).await,
        OwnRoute::UntrashBlock(hash) => block::untrash_explained(node, hash, query).await,
        OwnRoute::ShowFreeze => Ok(freeze::show(node)),
        OwnRoute::Freeze => {
            let text = body.whole(REQUEST_BYTES_MAX, &mut permit).await?;
            freeze::freeze(node, &text).await
        }
        OwnRoute::Unfreeze => freeze::unfreeze(node).await,
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

fn with_cors(mut answer: Answer) -> Answer {
    cors(answer.headers_mut());
    answer
}

fn cors(headers: &mut HeaderMap) {
    const ALLOWED: &str = "Authorization, Content-Length, Content-Type, X-Keep-Desired-Replicas, X-Keep-Signature, \
                           X-Keep-Storage-Classes";
    const EXPOSED: &str =
        "X-Keep-Locator, X-Keep-Replicas-Stored, X-Keep-Storage-Classes-Confirmed";
    let rows = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, PUT, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED),
        (header::ACCESS_CONTROL_MAX_AGE, "86486400"),
    ];
    for (name, value) in rows {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
