//! Dry runs: a list that is decided item by item, by the same code as a real one, and touches nothing.

use std::sync::Arc;

use http::StatusCode;
use keep_protocol::status::ListName;

use super::handler::Query;
use super::{pull, steerable, trash};
use crate::http::{Answer, Failure, json};
use crate::node::Node;

/// Workers of each dry run: it only reads.
pub(crate) const WORKERS: usize = 2;

/// Decides the items of dry trash lists until the node stops.
pub(crate) async fn decide_trash(node: Arc<Node>) {
    while let Some(item) = node.dry_trash_list.next().await {
        let ending = trash::decide_only(&node, &item).await;
        item.settle(&ending);
    }
}

/// Decides the items of dry pull lists until the node stops.
pub(crate) async fn decide_pull(node: Arc<Node>) {
    while let Some(item) = node.dry_pull_list.next().await {
        let ending = pull::decide_only(&node, &item);
        item.settle(&ending);
    }
}

/// The books of the last dry run.
pub(crate) fn dry_status(node: &Node, list: ListName) -> Answer {
    let mut status = steerable::dry_list(node, list).books();
    status.workers = WORKERS as u64;
    json(StatusCode::OK, &status)
}

/// What became of the items of the last dry runs.
pub(crate) fn dry_outcomes(
    node: &Node,
    list: ListName,
    query: Query<'_>,
) -> Result<Answer, Failure> {
    let (after, limit) = query.after_and_limit()?;
    Ok(json(StatusCode::OK, &steerable::dry_list(node, list).outcomes(after, limit)))
}
