//! The requests that are being answered: for `/_inspect/requests`, for the log, and for the metrics.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use serde::Serialize;

use crate::metrics::RequestMetrics;

/// Bytes of an error's text that go into the log.
const LOGGED_BODY_MAX: usize = 1024;

/// What is known of a request when it arrives. Secrets have been removed.
#[derive(Clone, Debug)]
pub(crate) struct RequestFacts {
    /// The id it goes by.
    pub request_id: String,
    /// Its method.
    pub method: Method,
    /// The host it was sent to.
    pub host: String,
    /// Its path, without the first slash and without signatures.
    pub path: String,
    /// Its query, without tokens.
    pub query: String,
    /// Where it came from.
    pub remote_addr: String,
    /// Whom a proxy says that it came from.
    pub forwarded_for: String,
    /// The length that it declared; -1 if none.
    pub bytes: i64,
}

/// The requests that are being answered. A clone is another handle on the same list.
#[derive(Clone, Debug, Default)]
pub(crate) struct ActiveRequests(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    next: AtomicU64,
    running: Mutex<BTreeMap<u64, (Instant, RequestFacts)>>,
    metrics: RequestMetrics,
}

/// One row of `/_inspect/requests` (spec section 9).
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Inspected {
    #[serde(rename = "RequestID")]
    request_id: String,
    method: String,
    host: String,
    #[serde(rename = "URL")]
    url: String,
    remote_addr: String,
    #[serde(rename = "XForwardedFor")]
    forwarded_for: String,
    elapsed: f64,
}

impl ActiveRequests {
    /// Notes a request, and logs it, until the watch is dropped.
    pub(crate) fn begin(&self, facts: RequestFacts) -> Watch {
        log_request(&facts);
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        let started = Instant::now();
        self.lock().insert(number, (started, facts.clone()));
        Watch {
            requests: self.clone(),
            number,
            started,
            facts,
            priority: "",
            status: None,
            sent: 0,
            error_text: None,
        }
    }

    /// How long the oldest has been running.
    pub(crate) fn oldest_age(&self) -> Duration {
        let oldest = self.lock().values().map(|(started, _)| *started).min();
        oldest.map_or(Duration::ZERO, |started| started.elapsed())
    }

    /// Durations so far.
    pub(crate) fn metrics(&self) -> &RequestMetrics {
        &self.0.metrics
    }

    /// All of them, the youngest first.
    pub(crate) fn inspect(&self) -> Vec<Inspected> {
        let mut rows: Vec<Inspected> =
            self.lock().values().map(|(started, facts)| inspected(*started, facts)).collect();
        rows.sort_by(|a, b| a.elapsed.total_cmp(&b.elapsed));
        rows
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, (Instant, RequestFacts)>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn inspected(started: Instant, facts: &RequestFacts) -> Inspected {
    let query = if facts.query.is_empty() { String::new() } else { format!("?{}", facts.query) };
    Inspected {
        request_id: facts.request_id.clone(),
        method: facts.method.to_string(),
        host: facts.host.clone(),
        url: format!("/{}{query}", facts.path),
        remote_addr: facts.remote_addr.clone(),
        forwarded_for: facts.forwarded_for.clone(),
        elapsed: started.elapsed().as_secs_f64(),
    }
}

/// Watches one request from its arrival until the last byte of its answer has been taken, or the client has left.
#[derive(Debug)]
pub(crate) struct Watch {
    requests: ActiveRequests,
    number: u64,
    started: Instant,
    facts: RequestFacts,
    priority: &'static str,
    status: Option<(StatusCode, Instant)>,
    sent: u64,
    error_text: Option<String>,
}

impl Watch {
    /// Which queue priority it had.
    pub(crate) fn queued_as(&mut self, priority: &'static str) {
        self.priority = priority;
    }

    /// The answer stands.
    pub(crate) fn answered(&mut self, status: StatusCode, body: &[u8]) {
        self.status = Some((status, Instant::now()));
        if status.is_client_error() || status.is_server_error() {
            let end = body.len().min(LOGGED_BODY_MAX);
            self.error_text = Some(String::from_utf8_lossy(&body[..end]).into_owned());
        }
    }

    /// These many bytes of the answer's body were handed to the connection.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.sent += bytes as u64;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.requests.lock().remove(&self.number);
        let ended = Instant::now();
        // No answer: the client left before there was one.
        let (status, answered) =
            self.status.map_or((499, ended), |(status, at)| (status.as_u16(), at));
        let total = ended - self.started;
        let to_status = answered - self.started;
        self.requests.0.metrics.record(&self.facts.method, status, total, to_status);
        tracing::info!(
            RequestID = self.facts.request_id,
            remoteAddr = self.facts.remote_addr,
            reqForwardedFor = self.facts.forwarded_for,
            reqMethod = self.facts.method.as_str(),
            reqHost = self.facts.host,
            reqPath = self.facts.path,
            reqQuery = self.facts.query,
            reqBytes = self.facts.bytes,
            respStatusCode = status,
            respStatus = status_text(status),
            respBytes = self.sent,
            timeTotal = total.as_secs_f64(),
            timeToStatus = to_status.as_secs_f64(),
            timeWriteBody = (ended - answered).as_secs_f64(),
            queue = if self.priority.is_empty() { "" } else { "api" },
            priority = self.priority,
            respBody = self.error_text,
            "response"
        );
    }
}

fn log_request(facts: &RequestFacts) {
    tracing::info!(
        RequestID = facts.request_id,
        remoteAddr = facts.remote_addr,
        reqForwardedFor = facts.forwarded_for,
        reqMethod = facts.method.as_str(),
        reqHost = facts.host,
        reqPath = facts.path,
        reqQuery = facts.query,
        reqBytes = facts.bytes,
        "request"
    );
}

fn status_text(status: u16) -> &'static str {
    match status {
        499 => "Client Closed Request",
        other => StatusCode::from_u16(other)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("unknown"),
    }
}
