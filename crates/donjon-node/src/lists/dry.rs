//! Dry runs: a list that is decided item by item, by the same code as a real one, and touches nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::StatusCode;
use keep_protocol::status::{ListName, ListState, WouldBeHeld};

use super::guard::{Named, examine};
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

/// What the guard says of the last dry trash list that it has counted for.
#[derive(Debug, Default)]
pub(crate) struct Foreseen(Mutex<Verdict>);

#[derive(Clone, Debug, Default)]
struct Verdict {
    /// The list's id.
    id: u64,
    /// Why it would be held, if it would.
    hold: Option<String>,
}

impl Foreseen {
    /// Takes a verdict, unless that on a later list is known.
    fn set(&self, new: Verdict) {
        let mut last = self.lock();
        if new.id > last.id {
            *last = new;
        }
    }

    /// The verdict on this list; `None` while the guard is counting.
    fn on(&self, id: u64) -> Option<Verdict> {
        Some(self.lock().clone()).filter(|verdict| verdict.id == id)
    }

    fn lock(&self) -> MutexGuard<'_, Verdict> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the guard what it would say of the dry trash list of this id.
pub(super) async fn foresee(node: Arc<Node>, id: u64, named: Named) {
    let hold = examine(&node, &named).await.err();
    node.foreseen.set(Verdict { id, hold });
}

/// The books of the last dry run, and whether the guard would hold the list.
pub(crate) fn dry_status(node: &Node, list: ListName) -> Answer {
    let mut status = steerable::dry_list(node, list).books();
    status.workers = WORKERS as u64;
    let verdict = match list {
        ListName::Trash => node.foreseen.on(status.generation),
        // The guard looks at trash lists alone.
        ListName::Pull => Some(Verdict::default()),
    };
    match verdict {
        None => status.state = ListState::Checking,
        Some(Verdict { hold, .. }) => {
            let (percent, floor) = (node.guard.percent, node.guard.floor);
            status.would_be_held = hold.map(|reason| WouldBeHeld { reason, percent, floor });
        }
    }
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
