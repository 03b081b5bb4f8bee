//! The layers around the handlers, from the outside in (spec section 2.1).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, Request, StatusCode};
use tokio::time::timeout;

use super::answer::with_type;
use super::dispatch::{Call, Received, dispatch};
use super::redact::{redact_path, redact_query};
use super::request_id::{X_REQUEST_ID, request_id};
use super::router::{Route, route};
use super::{Answer, Failure, Incoming, Priority, RequestFacts, Tokens, empty};
use crate::health;
use crate::metrics::{as_json, as_text, families};
use crate::node::Node;

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
        None => through_the_gate(&node, parts, received, body, &mut watch).await,
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
    parts: Parts,
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
    let too_late = if matches!(route, Route::Order(_)) { ORDER_TOO_LATE } else { TOO_LATE };
    let work = async {
        let arrived = Instant::now();
        match node.gate.enter(priority).await {
            Err(_overflow) => {
                node.metrics.turned_away(priority, arrived.elapsed());
                None
            }
            Ok(permit) => {
                node.metrics.queued(priority, arrived.elapsed());
                let call = Call { parts, received, body, permit };
                Some(behind_the_gate(node, route, call).await)
            }
        }
    };
    let answered = match deadline {
        None => work.await,
        Some(limit) => {
            timeout(limit, work).await.unwrap_or_else(|_elapsed| Some(timed_out(too_late)))
        }
    };
    // Turned away: 503 without a body or CORS headers (spec section 2.1, layer 8).
    answered.unwrap_or_else(|| empty(StatusCode::SERVICE_UNAVAILABLE))
}

const TOO_LATE: &str = "the request took longer than API.RequestTimeout";

const ORDER_TOO_LATE: &str =
    "the request took longer than API.RequestTimeout; what was begun of it goes on to its end";

/// 503 and not 499, which clients take for final (spec section 11, weak point 10).
fn timed_out(text: &str) -> Answer {
    with_cors(Failure::new(StatusCode::SERVICE_UNAVAILABLE, text).answer())
}

async fn behind_the_gate(node: &Arc<Node>, route: Route, call: Call) -> Answer {
    let reads_a_block = matches!(route, Route::Get(_) | Route::Head(_));
    let handled = dispatch(node, route, call).await;
    let mut answer = handled.unwrap_or_else(|failure| failure.answer());
    if reads_a_block {
        answer.headers_mut().insert(header::VARY, HeaderValue::from_static("X-Keep-Signature"));
    }
    with_cors(answer)
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
