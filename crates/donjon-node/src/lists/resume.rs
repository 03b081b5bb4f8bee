//! After a restart: the lists go on where they stood.

use std::sync::Arc;

use block_work_list::BlockWork;
use keep_protocol::list::{Request, TrashRequest};
use keep_protocol::status::{ListSource, ListStatus};
use list_store::{Load, Loaded, Record, Standing};

use super::WorkList;
use super::books::{Counts, OutcomeLabel};
use super::code::End;
use super::guard::{self, Named};
use super::receipt::{ListDigest, Receipt};
use super::stores::Store;
use super::work::{Hold, Item, NewList, Work};
use crate::mounts::sentence;
use crate::node::Node;

/// Loads the lists that were stored before a restart and makes them current. To be called once, before [`crate::run()`].
pub async fn resume(node: &Arc<Node>) {
    let Some(stores) = &node.stores else { return };
    let trash = load(node, &stores.trash, &node.trash_list).await;
    if let Some(new) = trash {
        go_on_trashing(node, new);
    }
    if let Some((new, standing)) = load(node, &stores.pull, &node.pull_list).await {
        let hold = hold_of(&standing);
        install(&node.pull_list, NewList { hold, ..new });
    }
}

/// A trash list that nobody has released goes through the guard again: the volumes may have changed.
fn go_on_trashing(node: &Arc<Node>, (new, standing): (NewList<TrashRequest>, Standing)) {
    let named = Named::of(node, &new.items, &new.names);
    let hold = match standing {
        Standing::Open => named.first_look(node.guard),
        Standing::Held(_) | Standing::Released | Standing::Cancelled => hold_of(&standing),
    };
    let (id, to_check) = (new.receipt.id, hold == Some(Hold::Checking));
    install(&node.trash_list, NewList { hold, ..new });
    if to_check {
        tokio::spawn(guard::check(node.clone(), id, named));
    }
}

fn hold_of(standing: &Standing) -> Option<Hold> {
    match standing {
        Standing::Held(why) => Some(Hold::Held(why.to_string())),
        Standing::Open | Standing::Released | Standing::Cancelled => None,
    }
}

fn install<R: Request + Send + Sync + 'static>(list: &WorkList<R>, new: NewList<R>) {
    let (id, waiting) = (new.receipt.id, new.items.len());
    match list.replace(new) {
        Ok(()) => tracing::info!(
            list = list.name().as_str(),
            id,
            waiting,
            "going on with the list from before the restart"
        ),
        Err(error) => {
            tracing::error!(list = list.name().as_str(), %error, "the stored list is not resumed")
        }
    }
}

/// Reads a stored list. One that cannot be believed is not resumed, and said so.
async fn load<R: Record + Request + Send + Sync + 'static>(
    node: &Node,
    store: &Store<R>,
    list: &WorkList<R>,
) -> Option<(NewList<R>, Standing)> {
    let (store, now, max_age) = (store.clone(), node.clock.now(), node.list_max_age);
    let past_list = list.clone();
    let loading = tokio::task::spawn_blocking(move || {
        let past = store.past();
        past_list.remember_epoch(last_epoch(&past).max(store.lists.last_epoch()));
        past_list.remember_all(past);
        store.lists.load(now, max_age, |item| BlockWork {
            hash: item.hash,
            data: Item { request: item.record, index: item.index },
        })
    });
    let name = list.name().as_str();
    match loading.await.expect("loading a list does not panic") {
        Ok(Load::Nothing) => None,
        Ok(Load::Dropped(receipt)) => {
            tracing::warn!(
                list = name,
                id = receipt.generation,
                "the stored list is too old and is dropped"
            );
            None
        }
        Ok(Load::Resumed(loaded)) => {
            if !loaded.repair.is_none() {
                tracing::warn!(list = name, repair = ?loaded.repair, "part of the progress was lost: those items run again");
            }
            Some(as_new(loaded))
        }
        Err(error) => {
            tracing::error!(
                list = name,
                error = sentence(&error),
                "the stored list is not resumed"
            );
            None
        }
    }
}

/// The highest epoch in the books of earlier lists. They may know it where damage made the store forget.
fn last_epoch(past: &[ListStatus]) -> Option<u64> {
    past.iter().filter_map(|list| list.epoch).max()
}

fn as_new<R: Record>(loaded: Loaded<Work<R>, End>) -> (NewList<R>, Standing) {
    let Loaded { list, standing, waiting, ended, removed, .. } = loaded;
    let stored = list.receipt().clone();
    let receipt = Receipt {
        id: stored.generation,
        digest: ListDigest(stored.digest.0),
        count: stored.count,
        received_at: stored.received_at,
        source: ListSource {
            remote_addr: stored.source.remote_addr.to_string(),
            request_id: stored.source.request_id.to_string(),
            user_agent: stored.source.user_agent.to_string(),
        },
        epoch: stored.epoch,
        durable: true,
    };
    let mut counts: Counts =
        ended.into_iter().map(|(end, count)| ((end.label, end.reason), count)).collect();
    if removed > 0 {
        counts.insert((OutcomeLabel::Removed, ""), removed);
    }
    let names = stored.names.clone();
    (
        NewList { receipt, items: waiting, names, ended: counts, stored: Some(list), hold: None },
        standing,
    )
}

#[cfg(test)]
mod tests {
    use keep_protocol::status::ListName;

    use super::*;

    #[test]
    fn the_books_of_earlier_lists_tell_the_epoch() {
        let of = |epoch| ListStatus { epoch, ..ListStatus::none(ListName::Trash) };
        assert_eq!(last_epoch(&[of(Some(3)), of(Some(7)), of(None), of(Some(5))]), Some(7));
        assert_eq!(last_epoch(&[of(None)]), None);
        assert_eq!(last_epoch(&[]), None);
    }
}
