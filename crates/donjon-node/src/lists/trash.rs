//! The trash worker (spec section 5.2): gathers facts, asks [`keep_rules::trash`], and acts on exactly those facts.

use std::sync::Arc;

use keep_protocol::list::TrashRequest;
use keep_protocol::status::ListName;
use keep_rules::trash::{SkipReason, Verdict, admit, decide};
use keep_volume::Error as VolumeError;
use ledger::ListId;

use super::absence::beat;
use super::crew::{Carried, Job};
use super::locator::{locator_text, size_of_block};
use super::work::{Held, WorkList};
use super::{Ending, Failed};
use crate::act::{self, Condemned};
use crate::freeze::begin_act;
use crate::mounts::{Mount, sentence};
use crate::node::Node;

/// Works off the trash list.
pub(crate) enum Trashing {}

impl Job for Trashing {
    type Request = TrashRequest;
    const LIST: ListName = ListName::Trash;

    fn list(node: &Node) -> &WorkList<TrashRequest> {
        &node.trash_list
    }

    fn bytes(request: &TrashRequest) -> u64 {
        size_of_block(request.size())
    }

    async fn carry_out(node: &Arc<Node>, item: &Held<TrashRequest>) -> Carried {
        carry_out(node, item, Act::Real).await
    }
}

/// Whether an item is carried out, or only decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Real,
    Dry,
}

/// What would become of an item now.
pub(super) async fn decide_only(node: &Arc<Node>, item: &Held<TrashRequest>) -> Ending {
    match carry_out(node, item, Act::Dry).await {
        Carried::Ended(ending) => ending,
        Carried::Back => unreachable!("only an act is given back"),
    }
}

async fn carry_out(node: &Arc<Node>, item: &Held<TrashRequest>, act: Act) -> Carried {
    let request = item.request();
    let locator = locator_text(item.hash(), request.size(), &item.names);
    let mounts = match admitted(node, item) {
        Ok(mounts) => mounts,
        Err(reason) => {
            let ending = Ending::TrashSkipped(reason);
            report(&locator, None, &ending, act);
            item.note(&locator, None, &ending);
            return Carried::Ended(ending);
        }
    };
    let mut whole = Ending::TrashSkipped(SkipReason::Absent);
    for mount in mounts {
        let Carried::Ended(ending) = trash_on(node, &mount, item, act).await else {
            return Carried::Back;
        };
        report(&locator, Some(&mount), &ending, act);
        item.note(&locator, Some(&mount.uuid), &ending);
        whole = worse(whole, ending);
    }
    Carried::Ended(whole)
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

async fn trash_on(
    node: &Arc<Node>,
    mount: &Mount,
    item: &Held<TrashRequest>,
    mode: Act,
) -> Carried {
    let (hash, requested) = (item.hash(), item.request().mtime());
    let replica = match mount.volume.stat(hash).await {
        Ok(replica) => Some(replica),
        Err(VolumeError::NotFound) => None,
        Err(error) => return Carried::Ended(failed(&error)),
    };
    let stored = replica.map(|replica| replica.mtime);
    let now = node.clock.now();
    match (decide(requested, stored, mount.access, node.signing.ttl, now), replica) {
        (Verdict::Keep(reason), _) => Carried::Ended(Ending::TrashSkipped(reason)),
        (Verdict::Trash, None) => Carried::Ended(Ending::TrashSkipped(SkipReason::Absent)),
        (Verdict::Trash, Some(_)) if mode == Act::Dry => Carried::Ended(Ending::Done),
        (Verdict::Trash, Some(replica)) => {
            let Some(leave) = begin_act(node).await else { return Carried::Back };
            // Here: from now on nothing is waited for before the act.
            beat(node);
            if item.is_from_before_an_absence() {
                return Carried::Back;
            }
            let list = Some(ListId(item.list_id()));
            let condemned = Condemned { hash, replica, list, decided_at: now };
            Carried::Ended(match act::trash(node, mount, condemned, &leave).await {
                Ok(()) => Ending::Done,
                Err(VolumeError::Changed { .. }) => Ending::TrashSkipped(SkipReason::Rewritten),
                Err(VolumeError::NotFound) => Ending::TrashSkipped(SkipReason::Absent),
                Err(error) => failed(&error),
            })
        }
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

fn report(locator: &str, mount: Option<&Arc<Mount>>, ending: &Ending, act: Act) {
    if act == Act::Dry {
        return;
    }
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
