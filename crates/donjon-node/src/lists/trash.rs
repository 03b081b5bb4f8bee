//! The trash worker (spec section 5.2): gathers facts, asks [`keep_rules::trash`], and acts on exactly those facts.

use std::sync::Arc;

use keep_protocol::list::TrashRequest;
use keep_rules::trash::{SkipReason, Verdict, admit, decide, trash_deadline};
use keep_rules::{BlockHash, Timestamp};
use keep_volume::Error as VolumeError;

use super::locator::locator_text;
use super::work::Held;
use super::{Ending, Failed};
use crate::mounts::{Mount, sentence};
use crate::node::Node;

/// Works off the trash list until it is closed.
pub(crate) async fn run(node: Arc<Node>) {
    while let Some(item) = node.trash_list.next().await {
        let ending = carry_out(&node, &item).await;
        item.settle(&ending);
    }
}

async fn carry_out(node: &Node, item: &Held<TrashRequest>) -> Ending {
    let request = item.request();
    let locator = locator_text(item.hash(), request.size(), &item.names);
    let mounts = match admitted(node, item) {
        Ok(mounts) => mounts,
        Err(reason) => {
            let ending = Ending::TrashSkipped(reason);
            report(&locator, None, &ending);
            item.note(&locator, None, &ending);
            return ending;
        }
    };
    let mut whole = Ending::TrashSkipped(SkipReason::Absent);
    for mount in mounts {
        let ending = trash_on(node, &mount, item.hash(), request.mtime()).await;
        report(&locator, Some(&mount), &ending);
        item.note(&locator, Some(&mount.uuid), &ending);
        whole = worse(whole, ending);
    }
    whole
}

/// The mounts to look at.
fn admitted(node: &Node, item: &Held<TrashRequest>) -> Result<Vec<Arc<Mount>>, SkipReason> {
    let request = item.request();
    request.size().map_err(|_bad| SkipReason::BadLocator)?;
    admit(request.mtime(), node.signing.ttl, node.clock.now(), node.trash.enabled)?;
    let Some(name) = request.mount() else {
        let willing = node.mounts.iter().filter(|mount| mount.access.allows_trash());
        return Ok(willing.cloned().collect());
    };
    let mount = node.mounts.get(item.names.mount(name)).ok_or(SkipReason::UnknownMount)?;
    if mount.access.allows_trash() {
        Ok(vec![mount.clone()])
    } else {
        Err(SkipReason::MountForbids)
    }
}

async fn trash_on(node: &Node, mount: &Mount, hash: BlockHash, requested: Timestamp) -> Ending {
    let stored = match mount.volume.stat(hash).await {
        Ok(replica) => Some(replica.mtime),
        Err(VolumeError::NotFound) => None,
        Err(error) => return failed(&error),
    };
    let now = node.clock.now();
    match decide(requested, stored, mount.access, node.signing.ttl, now) {
        Verdict::Keep(reason) => Ending::TrashSkipped(reason),
        // The volume compares the mtime again, under its lock: the one that was decided on, or nothing happens.
        Verdict::Trash => match mount
            .volume
            .trash(hash, requested, trash_deadline(now, node.trash.lifetime))
            .await
        {
            Ok(()) => Ending::Done,
            Err(VolumeError::Changed { .. }) => Ending::TrashSkipped(SkipReason::Rewritten),
            Err(VolumeError::NotFound) => Ending::TrashSkipped(SkipReason::Absent),
            Err(error) => failed(&error),
        },
    }
}

fn failed(error: &VolumeError) -> Ending {
    Ending::Failed(Failed::Volume, Some(sentence(error)))
}

/// What an item came to that was tried on several mounts: done if one was trashed, else failed if one failed, else the
/// first reason that is not just absence.
fn worse(so_far: Ending, next: Ending) -> Ending {
    let weight = |ending: &Ending| match ending {
        Ending::Done => 3,
        Ending::Failed(..) => 2,
        Ending::TrashSkipped(SkipReason::Absent) => 0,
        Ending::TrashSkipped(_) | Ending::PullSkipped(_) => 1,
    };
    if weight(&next) > weight(&so_far) { next } else { so_far }
}

fn report(locator: &str, mount: Option<&Arc<Mount>>, ending: &Ending) {
    let mount = mount.map_or("", |mount| mount.uuid.as_str());
    match ending {
        Ending::Done => tracing::debug!(mount, locator, "trashed"),
        Ending::Failed(reason, said) => {
            let error = said.as_deref().unwrap_or_default();
            tracing::error!(mount, locator, reason = reason.as_str(), error, "cannot trash");
        }
        Ending::TrashSkipped(_) | Ending::PullSkipped(_) => {
            tracing::info!(mount, locator, reason = ending.reason(), "not trashed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(endings: &[Ending], expected: &Ending) {
        let start = Ending::TrashSkipped(SkipReason::Absent);
        assert_eq!(&endings.iter().cloned().fold(start, worse), expected);
    }

    #[test]
    fn one_trashed_replica_is_done() {
        let (absent, new) =
            (Ending::TrashSkipped(SkipReason::Absent), Ending::TrashSkipped(SkipReason::TooNew));
        let broken = Ending::Failed(Failed::Volume, None);
        check(&[absent.clone(), Ending::Done, broken.clone()], &Ending::Done);
        check(&[new.clone(), broken.clone(), absent.clone()], &broken);
        check(&[absent.clone(), new.clone()], &new);
        check(&[], &absent);
    }
}
