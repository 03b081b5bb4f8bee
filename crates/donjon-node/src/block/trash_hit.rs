//! The trash-hit alarm: somebody asks for a block that lies in the trash, so the list that put it there may be wrong.

use std::sync::Arc;

use keep_rules::BlockHash;
use keep_volume::Error as VolumeError;
use ledger::{Filter, ListId, Operation, Outcome};

use super::admin::untrash_on;
use crate::config::OnTrashHit;
use crate::lists::hold_rest;
use crate::mounts::{Mount, sentence};
use crate::node::Node;

/// Whether a block that no mount has is in the trash. Counts it, says so, and, if the configuration says so, brings it
/// back: then the caller may look again.
///
/// # Errors
/// Only if the block was to be brought back: it may be in a trash that cannot be looked into, or cannot be brought back, and
/// so "not found" would be wrong.
pub(super) async fn look(node: &Arc<Node>, hash: BlockHash) -> Result<LookAgain, VolumeError> {
    let Found { mount, trouble } = find(node, hash).await;
    if let Some(mount) = &mount {
        node.metrics.trash_hit();
        tokio::spawn(report(node.clone(), hash, mount.clone()));
    }
    if node.on_hit == OnTrashHit::Report {
        return Ok(LookAgain::No);
    }
    let writable = mount.filter(|mount| mount.access.allows_write());
    match (writable, trouble) {
        (None, None) => Ok(LookAgain::No),
        // The trash that cannot be looked into may have it, whatever a read-only mount has.
        (None, Some(trouble)) => Err(trouble),
        (Some(mount), _) => match untrash_on(node, &mount, hash).await {
            // Emptied, or brought back by somebody else, meanwhile.
            Ok(_) | Err(VolumeError::NotFound) => Ok(LookAgain::Yes),
            Err(error) => {
                tracing::error!(mount = %mount.uuid, locator = %hash, error = sentence(&error), "cannot untrash what was asked for");
                Err(error)
            }
        },
    }
}

/// What a look into the trash of every mount finds.
struct Found {
    /// A mount that has the block in its trash: a writable one, if there is one.
    mount: Option<Arc<Mount>>,
    /// What went wrong with another.
    trouble: Option<VolumeError>,
}

/// Whether the block may be there now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LookAgain {
    Yes,
    No,
}

async fn find(node: &Node, hash: BlockHash) -> Found {
    let mut found = Found { mount: None, trouble: None };
    for mount in node.mounts.iter() {
        match mount.volume.trashed(hash).await {
            Ok(copies) if copies.is_empty() => {}
            Ok(_copies) if mount.access.allows_write() => {
                return Found { mount: Some(mount.clone()), ..found };
            }
            Ok(_copies) => found.mount = Some(mount.clone()),
            Err(VolumeError::NotFound) => {}
            Err(error) => {
                tracing::warn!(mount = %mount.uuid, error = sentence(&error), "cannot look into the trash");
                found.trouble = Some(error);
            }
        }
    }
    found
}

/// Says which list it was, and holds the rest of that list after so many hits.
async fn report(node: Arc<Node>, hash: BlockHash, mount: Arc<Mount>) {
    // The ledger may be long: one search at a time, and a hit that finds one at work is only counted.
    let Ok(_turn) = node.hit_search.try_acquire() else { return };
    let reader = node.clone();
    let searched = tokio::task::spawn_blocking(move || trashed_by(&reader, hash)).await;
    let list = searched.expect("reading the ledger does not panic");
    tracing::error!(
        mount = %mount.uuid,
        locator = %hash,
        list = list.map(|list| list.0),
        "somebody asks for a block that is in the trash"
    );
    let Some(ListId(id)) = list else { return };
    let hits = node.metrics.trash_hit_of(id);
    if node.hold_after_hits > 0 && hits >= node.hold_after_hits {
        let why = format!("{hits} blocks that this list has trashed were asked for since");
        hold_rest(&node, id, &why).await;
    }
}

/// The list that trashed the block last.
fn trashed_by(node: &Node, hash: BlockHash) -> Option<ListId> {
    let filter = Filter {
        block: Some(hash),
        operation: Some(Operation::Trash),
        outcome: Some(Outcome::Done),
        ..Filter::default()
    };
    match node.books.read(filter) {
        Ok(entries) => entries
            .into_iter()
            .flatten()
            .filter_map(Result::ok)
            .last()
            .and_then(|entry| entry.record.list),
        Err(error) => {
            tracing::error!(error = sentence(&error), "cannot read the ledger");
            None
        }
    }
}
