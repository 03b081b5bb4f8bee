//! When the queue is nearly full, the requests in hand are written to a file, for people to look at later (spec
//! section 8, `SystemLogs.RequestQueueDumpDirectory`).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::interval;

use crate::node::Node;

/// How often to look.
const PERIOD: Duration = Duration::from_secs(60);

/// The file in the directory.
const FILE: &str = "keepstore-requests.json";

/// Looks once a minute, until `stopping` changes.
pub(crate) async fn run(node: Arc<Node>, mut stopping: watch::Receiver<()>) {
    let Some(path) = node.queue_dump_dir.as_ref().map(|dir| dir.join(FILE)) else { return };
    let mut ticks = interval(PERIOD);
    loop {
        tokio::select! {
            _now = ticks.tick() => {}
            _stop = stopping.changed() => return,
        }
        if is_nearly_full(&node) {
            let text = serde_json::to_vec(&node.active.inspect()).expect("plain data becomes JSON");
            if let Err(error) = tokio::fs::write(&path, text).await {
                tracing::warn!(%error, path = %path.display(), "cannot write the requests in hand");
            }
        }
    }
}

/// Nine tenths of the places are taken.
fn is_nearly_full(node: &Node) -> bool {
    let limit = node.gate.limits().running.map(|limit| limit.get());
    limit.is_some_and(|limit| node.gate.stats().running * 10 >= limit * 9)
}
