//! The one place where a replica is trashed, and put on record.

use keep_rules::trash::trash_deadline;
use keep_rules::{BlockHash, Timestamp};
use keep_volume::{Error as VolumeError, Replica};
use ledger::{ListId, Operation, Outcome, Reason, Record};

use crate::freeze::Leave;
use crate::mounts::Mount;
use crate::node::Node;

/// A replica that is to go, and for whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Condemned {
    pub(crate) hash: BlockHash,
    /// What the decision was made on.
    pub(crate) replica: Replica,
    /// The list that names it, if one does.
    pub(crate) list: Option<ListId>,
    /// When it was decided.
    pub(crate) decided_at: Timestamp,
}

/// Trashes a replica, and puts that on record. The volume compares the mtime again, under its lock: the one that was decided
/// on, or nothing happens.
///
/// # Errors
/// [`VolumeError::Changed`] if it was touched or written meanwhile, and whatever else the volume says.
pub(crate) async fn trash(
    node: &Node,
    mount: &Mount,
    condemned: Condemned,
    _leave: &Leave<'_>,
) -> Result<(), VolumeError> {
    let Condemned { hash, replica: Replica { size, mtime }, list, decided_at } = condemned;
    let fate = trash_deadline(decided_at, node.trash.lifetime);
    let result = mount.volume.trash(hash, mtime, fate).await;
    node.books.record(&Record {
        size: Some(size),
        mtime: Some(mtime),
        mount: Some(mount.uuid.clone()),
        list,
        ..record(node, Operation::Trash, hash, &result)
    });
    result
}

/// What is put on record of something that a volume was asked to do.
pub(crate) fn record<T>(
    node: &Node,
    operation: Operation,
    hash: BlockHash,
    result: &Result<T, VolumeError>,
) -> Record {
    let (outcome, reason) = match result {
        Ok(_) => (Outcome::Done, None),
        Err(VolumeError::Changed { .. }) => (Outcome::Skipped, Some(Reason::label("rewritten"))),
        Err(VolumeError::NotFound) => (Outcome::Skipped, Some(Reason::label("absent"))),
        Err(_) => (Outcome::Failed, Some(Reason::label("volume_error"))),
    };
    Record { reason, ..Record::new(node.clock.now(), operation, hash, outcome) }
}
