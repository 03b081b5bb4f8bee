//! After the node was away, or stood still while it ran: its trash list waits.

use std::sync::Arc;

use keep_rules::absence::{Doubt, beat_period};
use list_store::StoredList;
use tokio::sync::watch;

use super::guard::hold_on_disk;
use crate::every::every;
use crate::life::InDoubt;
use crate::node::Node;
use crate::pulse::Beat;

/// What to do about a list that is held after an absence.
const AFTER_ABSENCE: &str =
    "It is replaced by the balancer's next list, or goes on with `donjon list release`";

/// Why a list is held after an absence: a sentence.
pub(super) fn why_held(doubt: Doubt) -> String {
    format!("{doubt}; other copies of what it names may be lost since. {AFTER_ABSENCE}")
}

/// Notes that the node lives. If it stood still for too long, what is left of its trash list is held before this returns,
/// and what workers have in hand of it is no longer to be acted on.
pub(crate) fn beat(node: &Arc<Node>) -> Beat {
    node.pulse.beat(&node.clock, node.resume_trash_within, |doubt| hold_rest(node, doubt))
}

/// Notes that the node lives, now and then until `stopping` changes.
pub(crate) async fn run_pulse(node: Arc<Node>, mut stopping: watch::Receiver<()>) {
    beat(&node);
    every(beat_period(node.resume_trash_within), &mut stopping, async || {
        beat(&node);
    })
    .await;
}

/// Why a new list is held that was being stored when the node stood still: a sentence.
pub(super) fn why_held_when_stored() -> String {
    format!("the node stood still while this list was stored. {AFTER_ABSENCE}")
}

fn hold_rest(node: &Arc<Node>, doubt: Doubt) {
    let why = why_held(doubt);
    let Some(id) = node.trash_list.hold_after_absence(&why) else {
        tracing::warn!(%doubt, "nothing of a trash list was at work: there is nothing to hold");
        return;
    };
    tracing::error!(list = "trash", id, why, "the rest of the list is held");
    take_down(node, id, why);
}

/// Has it written that the trash list of this id is held in memory. Until it is, a sign of life would let the next start go
/// on: so it tells of the doubt.
pub(super) fn take_down(node: &Arc<Node>, id: u64, why: String) {
    if node.trash_list.stored(id).is_some() {
        if let Some(life) = &node.life {
            life.doubt(InDoubt::NotHeld(id));
        }
        tokio::spawn(write(node.clone(), id, why));
    }
}

/// In force already; an operator may have released it before it can be written.
async fn write(node: Arc<Node>, id: u64, why: String) {
    let _turn = node.trash_list.turn().lock().await;
    if node.trash_list.is_parked(id) {
        drop(hold_on_disk(&node, id, &why, StoredList::hold_after_absence).await);
    }
}

#[cfg(test)]
mod tests;
