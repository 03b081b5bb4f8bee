//! What only an administrator may do to a block: touch, trash, untrash (spec section 2.6).

use std::sync::Arc;

use http::StatusCode;
use keep_rules::BlockHash;
use keep_rules::trash::{Trashing, Verdict, decide_delete};
use keep_volume::{Error as VolumeError, Untrashed};
use ledger::{Operation, Reason, Record};

use super::get::parse;
use crate::act::{self, Condemned};
use crate::freeze::{Leave, begin_act, frozen};
use crate::http::{Answer, Failure, empty};
use crate::mounts::Mount;
use crate::node::Node;
use crate::to_its_end::to_its_end;

/// Renews the mtime of one replica: the first, by mount UUID, that can be touched.
pub(crate) async fn touch(node: &Node, text: &str) -> Result<Answer, Failure> {
    let hash = parse(text)?.hash();
    let mut failure = VolumeError::NotFound;
    for mount in node.mounts.iter().filter(|mount| mount.access.allows_write()) {
        match renew(node, mount, hash).await {
            Ok(()) => return Ok(empty(StatusCode::OK)),
            Err(VolumeError::NotFound) => {}
            Err(error) => failure = error,
        }
    }
    Err(failure.into())
}

/// Never to an earlier mtime, though the clock was set back: signatures rely on the one that is there.
async fn renew(node: &Node, mount: &Mount, hash: BlockHash) -> Result<(), VolumeError> {
    let before = mount.volume.stat(hash).await?.mtime;
    mount.volume.touch(hash, node.clock.now().max(before)).await
}

/// Trashes every replica that is old enough, on every mount that allows it.
pub(crate) async fn delete(node: &Node, text: &str) -> Result<Answer, Failure> {
    let hash = parse(text)?.hash();
    if node.trash.enabled == Trashing::Disabled {
        return Err(Failure::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed"));
    }
    let Some(leave) = begin_act(node).await else { return Err(frozen()) };
    let mut seen = false;
    let mut failure = None;
    for mount in node.mounts.iter().filter(|mount| mount.access.allows_trash()) {
        match delete_on(node, mount, hash, &leave).await {
            Ok(()) => seen = true,
            Err(VolumeError::NotFound) => {}
            Err(error) => failure = Some(error),
        }
    }
    match (failure, seen) {
        (Some(error), _) => Err(error.into()),
        (None, false) => Err(Failure::not_found()),
        (None, true) => Ok(empty(StatusCode::OK)),
    }
}

/// `Ok` if the replica was trashed, or is there and stays because it is too new.
async fn delete_on(
    node: &Node,
    mount: &Mount,
    hash: BlockHash,
    leave: &Leave<'_>,
) -> Result<(), VolumeError> {
    let replica = mount.volume.stat(hash).await?;
    let now = node.clock.now();
    match decide_delete(Some(replica.mtime), mount.access, node.signing.ttl, now) {
        Verdict::Keep(_too_new) => Ok(()),
        Verdict::Trash => {
            let condemned = Condemned { hash, replica, list: None, decided_at: now };
            match act::trash(node, mount, condemned, leave).await {
                // Touched or written meanwhile: it is new now, and stays.
                Err(VolumeError::Changed { .. }) => Ok(()),
                other => other,
            }
        }
    }
}

/// Brings a block back from the trash, on every writable mount that has it there.
pub(crate) async fn untrash(node: &Arc<Node>, text: &str) -> Result<Answer, Failure> {
    let hash = parse(text)?.hash();
    let mut restored = false;
    let mut failure = VolumeError::NotFound;
    for mount in node.mounts.iter().filter(|mount| mount.access.allows_write()) {
        match untrash_on(node, mount, hash).await {
            Ok(Untrashed::Restored | Untrashed::AlreadyLive) => restored = true,
            Err(VolumeError::NotFound) => {}
            Err(error) => failure = error,
        }
    }
    if restored { Ok(empty(StatusCode::OK)) } else { Err(failure.into()) }
}

/// Brings a block back from the trash of one mount, and puts that on record, though whoever asked for it leaves.
pub(super) async fn untrash_on(
    node: &Arc<Node>,
    mount: &Arc<Mount>,
    hash: BlockHash,
) -> Result<Untrashed, VolumeError> {
    let (node, mount) = (node.clone(), mount.clone());
    to_its_end(async move {
        let result = mount.volume.untrash(hash, node.clock.now()).await;
        if !matches!(result, Err(VolumeError::NotFound)) {
            let record = act::record(&node, Operation::Untrash, hash, &result);
            let reason = match result {
                Ok(Untrashed::AlreadyLive) => Some(Reason::label("already_live")),
                Ok(Untrashed::Restored) | Err(_) => record.reason.clone(),
            };
            node.books.record(&Record { mount: Some(mount.uuid.clone()), reason, ..record });
        }
        result
    })
    .await
}
