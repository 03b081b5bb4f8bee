//! The quick way for blocks of which nothing is wanted: without ranks, if no two of its replicas could be the same bytes.

use super::decision::{Action, Decision};
use super::facts::{BlockFacts, Place, Sizes, Standing};
use super::layout::Layout;
use super::outcome::trash_reason;
use super::reason::KeepReason;
use super::tally::Fate;

/// With more replicas, comparing each with each costs more than ranking.
const REPLICAS_MAX: usize = 8;

/// Decides the block, or leaves `decision` clear if ranks are needed.
pub(super) fn decide(
    layout: &Layout,
    facts: &BlockFacts<'_>,
    decision: &mut Decision,
) -> Option<()> {
    if facts.wish.wants_copies() || facts.replicas.len() > REPLICAS_MAX {
        return None;
    }
    for (at, replica) in facts.replicas.iter().enumerate() {
        let same_bytes = facts.replicas[..at].iter().any(|other| other.mtime == replica.mtime);
        let Place::Device(device) = replica.place else { return None };
        let twice = facts.replicas[..at].iter().any(|other| other.place == replica.place);
        if same_bytes || twice || layout.device(device).views().len() > 1 {
            return None;
        }
    }
    for replica in facts.replicas {
        let Place::Device(device) = replica.place else { continue };
        let mount = layout.device(device).views()[0];
        let action = if !layout.mount(mount).allows().trash() {
            Action::Keep(KeepReason::CannotBeTrashed)
        } else if replica.mtime >= facts.min_mtime {
            Action::Keep(KeepReason::TooNew)
        } else if facts.sizes == Sizes::Differ {
            Action::Keep(KeepReason::SizesDiffer)
        } else {
            Action::Trash { mount, reason: trash_reason(facts) }
        };
        decision.actions.push(action);
        if replica.standing == Standing::Sound {
            decision.sound_copies += u64::from(layout.device(device).replication().get());
        }
        decision.count(layout, device, fate_of(action));
    }
    decision.conclude(facts);
    Some(())
}

/// What a device counts as whose copy is so treated.
pub(super) fn fate_of(action: Action) -> Fate {
    match action {
        Action::Keep(reason) if reason.is_needed() => Fate::Needed,
        Action::Keep(_) | Action::Trash { .. } => Fate::Unneeded,
    }
}
