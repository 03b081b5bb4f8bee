//! Dry runs: a list that is decided item by item, by the same code as a real one, and touches nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::StatusCode;
use keep_protocol::status::{ListName, ListState, WouldBeHeld};
use keep_volume::Halt;
use tokio::sync::watch;

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

/// What the guard says of the last dry trash list that it has counted for. It counts for one list at a time, and next for
/// the last of those that came meanwhile.
#[derive(Debug)]
pub(crate) struct Foreseen {
    asked: watch::Sender<Option<Arc<Asked>>>,
    verdict: Mutex<Verdict>,
}

/// What the guard is asked.
#[derive(Debug)]
struct Asked {
    /// The list's id.
    id: u64,
    named: Named,
}

#[derive(Clone, Debug, Default)]
struct Verdict {
    /// The list's id.
    id: u64,
    /// Why it would be held, if it would.
    hold: Option<String>,
}

impl Default for Foreseen {
    fn default() -> Self {
        Foreseen { asked: watch::Sender::new(None), verdict: Mutex::default() }
    }
}

impl Foreseen {
    /// Asks what the guard would say of the dry trash list of this id. A question about an earlier list is dropped.
    pub(super) fn ask(&self, id: u64, named: Named) {
        self.asked.send_if_modified(|last| {
            let is_newer = last.as_ref().is_none_or(|last| last.id < id);
            if is_newer {
                *last = Some(Arc::new(Asked { id, named }));
            }
            is_newer
        });
    }

    /// The verdict on this list; `None` while the guard is counting.
    fn on(&self, id: u64) -> Option<Verdict> {
        Some(self.lock().clone()).filter(|verdict| verdict.id == id)
    }

    fn lock(&self) -> MutexGuard<'_, Verdict> {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the guard about dry trash lists until `stopping` changes. It gives up a list as soon as a newer one is there.
pub(crate) async fn foresee(node: Arc<Node>, mut stopping: watch::Receiver<()>) {
    let mut asked = node.foreseen.asked.subscribe();
    let foreseeing = async {
        // The sender is part of the node, which is here.
        while let Ok(question) = asked.wait_for(Option::is_some).await.map(|last| last.clone()) {
            if let Some(question) = question {
                foresee_one(&node, &question).await;
            }
            if asked.changed().await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = foreseeing => {}
        _stop = stopping.changed() => {}
    }
}

async fn foresee_one(node: &Arc<Node>, asked: &Arc<Asked>) {
    let (question, of) = (asked.clone(), node.clone());
    let is_over = move || {
        let last = of.foreseen.asked.borrow();
        of.halt.is_stopped() || last.as_ref().is_some_and(|last| last.id != question.id)
    };
    let halt = Halt::when(is_over);
    let hold = examine(node, &asked.named, &halt).await.err();
    // A count that was broken off says nothing.
    if !halt.is_stopped() {
        *node.foreseen.lock() = Verdict { id: asked.id, hold };
    }
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

#[cfg(test)]
mod tests {
    use keep_rules::guard::Guard;
    use keep_volume::directory::Directory;
    use keep_volume::{Operation, Volume as _};
    use tempfile::TempDir;
    use tokio::task::{JoinHandle, yield_now};

    use super::*;
    use crate::rig::{self, Client, Hanging};

    const LIST: &str = r#"[{"locator":"d41d8cd98f00b204e9800998ecf8427e","block_mtime":1}]"#;
    const DRY_RUNS: u64 = 40;

    /// A node that has to count for every list.
    fn counting(volume: &Directory) -> Arc<Node> {
        rig::node(Arc::new(volume.clone()), None, |config| {
            config.lists.guard = Guard { percent: 20, floor: 0 };
        })
    }

    /// A node that counts for dry lists on a volume that hangs.
    struct OnAHangingVolume {
        hanging: Hanging,
        foreseeing: JoinHandle<()>,
        stop: watch::Sender<()>,
        node: Arc<Node>,
        volume: Directory,
        _root: TempDir,
    }

    fn on_a_hanging_volume() -> OnAHangingVolume {
        let root = tempfile::tempdir().unwrap();
        let volume = rig::directory(root.path());
        let node = counting(&volume);
        let (stop, stopping) = watch::channel(());
        let foreseeing = tokio::spawn(foresee(node.clone(), stopping));
        let hanging = Hanging::begin(root.path());
        OnAHangingVolume { hanging, foreseeing, stop, node, volume, _root: root }
    }

    async fn put(node: &Arc<Node>) {
        let answer = Client::send(node, "PUT /trash?dry_run=1", LIST).await.answer().await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }

    async fn verdict_on(node: &Node, id: u64) -> Verdict {
        loop {
            match node.foreseen.on(id) {
                Some(verdict) => return verdict,
                None => yield_now().await,
            }
        }
    }

    #[tokio::test]
    async fn volumes_are_counted_for_one_dry_run_at_a_time_and_for_the_last() {
        let on = on_a_hanging_volume();
        for _dry_run in 0..DRY_RUNS {
            put(&on.node).await;
        }
        assert_eq!(on.node.foreseen.on(DRY_RUNS).map(|verdict| verdict.id), None);
        on.hanging.end();
        assert!(verdict_on(&on.node, DRY_RUNS).await.hold.is_some());
        let counts = on.volume.stats().operations(Operation::Readdir);
        assert!(counts <= 2, "the first was given up for the last: {counts}");
        drop(on.stop);
        on.foreseeing.await.unwrap();
    }

    #[tokio::test]
    async fn a_stop_does_not_wait_for_a_count_that_hangs() {
        let on = on_a_hanging_volume();
        put(&on.node).await;
        drop(on.stop);
        on.foreseeing.await.unwrap();
        assert!(on.node.foreseen.on(1).is_none());
        on.hanging.end();
    }

    #[tokio::test]
    async fn a_question_that_comes_late_does_not_take_the_place_of_a_later_one() {
        let node = counting(&rig::directory(tempfile::tempdir().unwrap().path()));
        for id in [2, 1] {
            node.foreseen.ask(id, Named::default());
        }
        let last = node.foreseen.asked.borrow().as_ref().map(|last| last.id);
        assert_eq!(last, Some(2));
    }
}
