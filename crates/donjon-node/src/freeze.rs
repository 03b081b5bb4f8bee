//! Freeze: trashing and emptying stop at once, on all volumes, until it is lifted, also after restarts.

use http::StatusCode;
use keep_protocol::status::FreezeRequest;

use crate::http::{Answer, Failure, json};
use crate::lists::read;
use crate::node::Node;

/// Characters of a reason that are kept.
const REASON_MAX: usize = 1_000;

/// Whether trashing is frozen, since when, and why.
pub(crate) fn show(node: &Node) -> Answer {
    json(StatusCode::OK, &node.steering.now().freeze())
}

/// Freezes. An empty body gives no reason.
pub(crate) async fn freeze(node: &Node, body: &[u8]) -> Result<Answer, Failure> {
    let request: FreezeRequest =
        if body.is_empty() { FreezeRequest::default() } else { read(body)? };
    // It is shown on terminals: no control characters.
    let clean = request.reason.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    let reason: String = clean.take(REASON_MAX).collect();
    tracing::warn!(reason, "frozen: nothing is trashed or emptied until this is lifted");
    node.steering.freeze(reason, node.clock.now()).await?;
    Ok(show(node))
}

/// Lifts the freeze.
pub(crate) async fn unfreeze(node: &Node) -> Result<Answer, Failure> {
    node.steering.unfreeze().await?;
    tracing::warn!("the freeze is lifted: trashing and emptying go on");
    Ok(show(node))
}

/// Refuses what a freeze forbids.
///
/// # Errors
/// 503 while it is in force.
pub(crate) fn refuse_while_frozen(node: &Node) -> Result<(), Failure> {
    if node.steering.is_frozen() {
        let text = "trashing is frozen on this node; `donjon unfreeze` lifts it";
        return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, text));
    }
    Ok(())
}
