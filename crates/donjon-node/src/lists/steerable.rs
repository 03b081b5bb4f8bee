//! A list as an operator sees and steers it, whatever its items ask for.

use keep_protocol::list::{Names, PullRequest, Request, TrashRequest};
use keep_protocol::status::{ListName, ListStatus, Outcomes, WaitingItem, WaitingItems};
use keep_rules::BlockHash;
use list_store::StoredList;
use tokio::sync::Mutex;

use super::code::End;
use super::locator::locator_text;
use super::work::{ListClosed, NotReleased, Waiting, Work, WorkList};
use crate::node::Node;

/// What can be asked of either list, and ordered.
pub(super) trait Steerable: Sync {
    /// Held by whoever orders something about the current list, so that no other list becomes current meanwhile.
    fn turn(&self) -> &Mutex<()>;

    /// The receipt and the books of the current list.
    fn books(&self) -> ListStatus;

    /// A list that is not the current one any more.
    fn past(&self, id: u64) -> Option<ListStatus>;

    /// A page of the items that wait.
    fn page(&self, offset: usize, limit: usize) -> WaitingItems;

    /// What became of the last items.
    fn outcomes(&self, after: u64, limit: usize) -> Outcomes;

    /// The list of this id on the disk, to write an order about it before it takes effect.
    fn stored(&self, id: u64) -> Option<StoredList<End>>;

    /// Takes everything that waits off the list.
    fn cancel(&self) -> Result<u64, ListClosed>;

    /// Takes the items of a block off the list.
    fn remove(&self, hash: BlockHash) -> u64;

    /// Whether the list could be released now.
    fn may_release(&self, id: u64, digest: &str) -> Result<(), NotReleased>;

    /// Lets a held list through.
    fn release(&self, id: u64, digest: &str) -> Result<(), NotReleased>;
}

/// The list of that name.
pub(super) fn list(node: &Node, name: ListName) -> &dyn Steerable {
    match name {
        ListName::Trash => &node.trash_list,
        ListName::Pull => &node.pull_list,
    }
}

/// The dry runs of that list.
pub(super) fn dry_list(node: &Node, name: ListName) -> &dyn Steerable {
    match name {
        ListName::Trash => &node.dry_trash_list,
        ListName::Pull => &node.dry_pull_list,
    }
}

/// An item as the API shows it.
pub(super) trait Shown: Request {
    /// The row of a waiting item.
    fn row(item: &Work<Self>, names: &Names) -> WaitingItem;
}

impl Shown for TrashRequest {
    fn row(item: &Work<TrashRequest>, names: &Names) -> WaitingItem {
        let request = item.data.request;
        WaitingItem {
            locator: locator_text(item.hash, request.size(), names),
            block_mtime: Some(request.mtime().as_nanos()),
            mount_uuid: request
                .mount()
                .map_or_else(String::new, |mount| names.mount(mount).to_owned()),
            servers: Vec::new(),
        }
    }
}

impl Shown for PullRequest {
    fn row(item: &Work<PullRequest>, names: &Names) -> WaitingItem {
        let request = item.data.request;
        WaitingItem {
            locator: locator_text(item.hash, request.size(), names),
            block_mtime: None,
            mount_uuid: request
                .mount()
                .map_or_else(String::new, |mount| names.mount(mount).to_owned()),
            servers: names.servers(request.servers()).iter().map(ToString::to_string).collect(),
        }
    }
}

impl<R: Shown + Send + Sync + 'static> Steerable for WorkList<R> {
    fn turn(&self) -> &Mutex<()> {
        self.turn()
    }

    fn books(&self) -> ListStatus {
        self.status()
    }

    fn past(&self, id: u64) -> Option<ListStatus> {
        self.past(id)
    }

    fn page(&self, offset: usize, limit: usize) -> WaitingItems {
        let Waiting { id, of, items, names } = self.waiting(offset, limit);
        let rows: Vec<WaitingItem> = items.iter().map(|item| R::row(item, &names)).collect();
        let next = offset.saturating_add(rows.len()) as u64;
        let next_offset = (next < of && !rows.is_empty()).then_some(next);
        WaitingItems { generation: id, items: rows, next_offset }
    }

    fn outcomes(&self, after: u64, limit: usize) -> Outcomes {
        self.outcomes(after, limit)
    }

    fn stored(&self, id: u64) -> Option<StoredList<End>> {
        self.stored(id)
    }

    fn cancel(&self) -> Result<u64, ListClosed> {
        self.cancel()
    }

    fn remove(&self, hash: BlockHash) -> u64 {
        self.remove(hash)
    }

    fn may_release(&self, id: u64, digest: &str) -> Result<(), NotReleased> {
        self.may_release(id, digest)
    }

    fn release(&self, id: u64, digest: &str) -> Result<(), NotReleased> {
        self.release(id, digest)
    }
}
