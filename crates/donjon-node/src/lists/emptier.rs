//! The emptier (spec section 5.4): deletes trash whose lifetime is over. At start-up, then once an interval.

use std::sync::Arc;
use std::time::Duration;

use keep_rules::MountUuid;
use keep_rules::trash::Trashing;
use keep_volume::{EmptiedCopy, EmptyOrder, Halt, Round};
use ledger::{Operation, Outcome, Record};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::freeze::begin_act;
use crate::mounts::sentence;
use crate::node::Node;

/// Temp files of other programs that are younger than this are left alone: they may be writing them.
const TEMP_AGE: Duration = Duration::from_secs(24 * 3600);

/// Empties and sweeps until `stopping` changes.
pub(crate) async fn run(node: Arc<Node>, mut stopping: watch::Receiver<()>) {
    let Some(period) = node.trash.check_interval else { return };
    if node.trash.enabled == Trashing::Disabled || node.trash.delete_workers == 0 {
        return;
    }
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _now = ticks.tick() => round(&node).await,
            _stop = stopping.changed() => return,
        }
    }
}

async fn round(node: &Arc<Node>) {
    for mount in node.mounts.iter().filter(|mount| mount.access.allows_trash()) {
        if node.steering.is_frozen() {
            tracing::warn!("the trash is not emptied: frozen");
            return;
        }
        let now = node.clock.now();
        let order = order(node, &mount.uuid);
        let Some(act) = begin_act(node).await else { continue };
        let result = mount.volume.empty_trash(now, order).await;
        drop(act);
        match result {
            Ok(round) => {
                node.metrics.emptied(&mount.uuid, round);
                let (emptied, end) = match round {
                    Round::Complete(emptied) => (emptied, "complete"),
                    Round::Halted(emptied) => {
                        (emptied, "halted by a freeze or the end of the node")
                    }
                };
                tracing::info!(
                    mount = %mount.uuid,
                    deleted = emptied.deleted,
                    deleted_bytes = emptied.deleted_bytes,
                    kept = emptied.kept,
                    kept_bytes = emptied.kept_bytes,
                    failed = emptied.failed,
                    end,
                    "emptied the trash"
                );
            }
            Err(error) => {
                tracing::error!(mount = %mount.uuid, error = sentence(&error), "cannot empty the trash")
            }
        }
        if mount.access.allows_write() {
            sweep(mount, now).await;
        }
    }
}

/// Stops at a freeze and at the end of the node; puts each copy on record.
fn order(node: &Arc<Node>, mount: &MountUuid) -> EmptyOrder {
    let (asked, told, mount) = (node.clone(), node.clone(), mount.clone());
    EmptyOrder {
        workers: node.trash.delete_workers,
        halt: Halt::when(move || asked.steering.is_frozen() || asked.halt.is_stopped()),
        report: Arc::new(move |copy: EmptiedCopy| {
            told.books.record(&Record {
                size: Some(copy.size),
                mtime: Some(copy.mtime),
                mount: Some(mount.clone()),
                ..Record::new(told.clock.now(), Operation::Empty, copy.hash, Outcome::Done)
            });
        }),
    }
}

/// Deletes temp files that a crash left behind.
pub(crate) async fn sweep(mount: &crate::mounts::Mount, now: keep_rules::Timestamp) {
    match mount.volume.sweep(now.before(TEMP_AGE)).await {
        Ok(swept) if swept.deleted + swept.failed == 0 => {}
        Ok(swept) => {
            tracing::info!(mount = %mount.uuid, deleted = swept.deleted, failed = swept.failed, "swept temp files");
        }
        Err(error) => {
            tracing::error!(mount = %mount.uuid, error = sentence(&error), "cannot sweep temp files")
        }
    }
}
