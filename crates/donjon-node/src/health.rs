//! Whether the node is well: for people who watch it, and for programs that start it (spec section 9).

use std::sync::Arc;

use http::header::{ALLOW, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use keep_rules::AdminRefusal;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Duration;

use crate::every::every;
use crate::http::{Answer, empty, is_bearer, json, text};
use crate::node::Node;

/// A volume that does not answer for so long is not well.
pub(crate) const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// How often the volumes are checked though nobody asks: metrics and alerts go by it.
const PERIOD: Duration = Duration::from_secs(60);

/// `/_health/ping`: says that the process runs. Tests nothing.
pub(crate) fn ping(node: &Node, method: &Method, headers: &HeaderMap) -> Answer {
    match *method {
        Method::OPTIONS => {
            let mut answer = empty(StatusCode::OK);
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, OPTIONS"));
            return answer;
        }
        Method::GET => {}
        _ => return text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed"),
    }
    let Some(secret) = &node.tokens.management else {
        return text(StatusCode::NOT_FOUND, "disabled");
    };
    match is_bearer(headers, secret) {
        Ok(()) => json(StatusCode::OK, &serde_json::json!({"health": "OK"})),
        Err(AdminRefusal::NoToken) => text(StatusCode::UNAUTHORIZED, "authorization required"),
        Err(AdminRefusal::NoneMatches) => text(StatusCode::FORBIDDEN, "authorization error"),
    }
}

/// `/_inspect/requests`: what is being answered now.
pub(crate) fn inspect(node: &Node, headers: &HeaderMap) -> Answer {
    let allowed =
        node.tokens.management.as_ref().is_some_and(|secret| is_bearer(headers, secret).is_ok());
    if !allowed {
        return json(StatusCode::UNAUTHORIZED, &serde_json::json!({"errors": ["unauthorized"]}));
    }
    json(StatusCode::OK, &node.active.inspect())
}

/// `/livez`: the process answers.
pub(crate) fn live() -> Answer {
    text(StatusCode::OK, "ok")
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    /// Trashing is frozen. The node serves as ever, so this does not make it unready.
    frozen: bool,
    volumes: Vec<VolumeReadiness>,
}

#[derive(Serialize)]
struct VolumeReadiness {
    uuid: String,
    ok: bool,
    problem: Option<String>,
}

/// `/readyz`: every volume was read, and written if it may be, just now. 503 if one of them does not work.
///
/// Open to all, so it tells no paths and no device names.
pub(crate) async fn ready(node: &Node) -> Answer {
    let checks = node.mounts.iter().map(async |mount| {
        let problem = mount.check(CHECK_TIMEOUT).await.err();
        VolumeReadiness { uuid: mount.uuid.to_string(), ok: problem.is_none(), problem }
    });
    let volumes = futures_util::future::join_all(checks).await;
    let ready = volumes.iter().all(|volume| volume.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(status, &Readiness { ready, frozen: node.steering.is_frozen(), volumes })
}

/// Checks every volume once a minute, until `stopping` changes.
pub(crate) async fn run(node: Arc<Node>, mut stopping: watch::Receiver<()>) {
    every(PERIOD, &mut stopping, || check_all(&node)).await;
}

/// Checks every volume, all at once. What is wrong is remembered by the mounts.
async fn check_all(node: &Node) {
    let checks = node.mounts.iter().map(|mount| mount.check(CHECK_TIMEOUT));
    drop(futures_util::future::join_all(checks).await);
}
