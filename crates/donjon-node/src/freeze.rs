//! Freeze: trashing and emptying stop at once, on all volumes, until it is lifted, also after restarts.

use std::io;
use std::time::Duration;

use http::StatusCode;
use keep_protocol::status::FreezeRequest;
use tokio::sync::RwLockReadGuard;
use tokio::time::timeout;

use crate::http::{Answer, Failure, json};
use crate::lists::read;
use crate::node::Node;

/// Characters of a reason that are kept.
const REASON_MAX: usize = 1_000;

/// How long a freeze waits for what was begun before it.
const ACTS_END: Duration = Duration::from_secs(30);

/// Whether trashing is frozen, since when, and why.
pub(crate) fn show(node: &Node) -> Answer {
    json(StatusCode::OK, &node.steering.now().freeze())
}

/// Freezes. An empty body gives no reason. Once this has answered 200, no replica is trashed and no trash deleted.
///
/// # Errors
/// The freeze is in force whatever this answers, but for a body that cannot be read: 500 if it is not on the disk, 503
/// if something that was begun before it has not ended.
pub(crate) async fn freeze(node: &Node, body: &[u8]) -> Result<Answer, Failure> {
    let request: FreezeRequest =
        if body.is_empty() { FreezeRequest::default() } else { read(body)? };
    // It is shown on terminals: no control characters.
    let clean = request.reason.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    let reason: String = clean.take(REASON_MAX).collect();
    tracing::warn!(reason, "freezing: nothing more is trashed or emptied until this is lifted");
    let written = node.steering.freeze(reason, node.clock.now()).await;
    written.map_err(|error| not_durable("frozen", &error))?;
    if timeout(ACTS_END, node.acts.write()).await.is_err() {
        let text = "frozen; but what was begun before has not ended, a volume is slow: freeze again to wait for it";
        return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, text));
    }
    Ok(show(node))
}

/// Lifts the freeze.
pub(crate) async fn unfreeze(node: &Node) -> Result<Answer, Failure> {
    node.steering.unfreeze().await?;
    tracing::warn!("the freeze is lifted: trashing and emptying go on");
    Ok(show(node))
}

/// A stop that is in force and not on the disk.
pub(crate) fn not_durable(state: &str, error: &io::Error) -> Failure {
    tracing::error!(%error, state, "the settings cannot be written: a restart forgets this");
    let text = format!(
        "{state} now, but a restart forgets it: the settings cannot be written ({}), the log says where",
        error.kind()
    );
    Failure::new(StatusCode::INTERNAL_SERVER_ERROR, text)
}

/// Leave to trash or delete, for as long as it is held: a freeze waits for it.
pub(crate) struct Leave<'n>(
    #[expect(dead_code, reason = "held, not read")] RwLockReadGuard<'n, ()>,
);

/// Asks for leave to trash or delete. `None` while a freeze is in force.
pub(crate) async fn begin_act(node: &Node) -> Option<Leave<'_>> {
    let act = node.acts.read().await;
    (!node.steering.is_frozen()).then_some(Leave(act))
}

/// The answer to what a freeze forbids.
pub(crate) fn frozen() -> Failure {
    let text = "trashing is frozen on this node; `donjon unfreeze` lifts it";
    Failure::new(StatusCode::SERVICE_UNAVAILABLE, text)
}
