//! How a list that was read becomes the current one: first on the disk, then for the workers.

use std::sync::Arc;

use http::StatusCode;
use keep_protocol::list::{Names, Request};
use keep_protocol::status::ListSource;
use list_store::{Draft, Record, Source, Standing, StoreError, StoredList};

use super::WorkList;
use super::books::Counts;
use super::code::End;
use super::intake::{Items, Parsed};
use super::receipt::Receipt;
use super::stores::Store;
use super::work::{Hold, NewList};
use crate::http::Failure;
use crate::node::Node;

/// A list that was read, and what is said of it.
pub(super) struct Offer<R> {
    pub(super) parsed: Parsed<R>,
    pub(super) epoch: Option<u64>,
    pub(super) source: ListSource,
    pub(super) hold: Option<Hold>,
}

/// Stores the list and makes it current. One at a time.
///
/// # Errors
/// The list that was current stays, and nothing of this one is on the disk.
///
/// # Cancel safety
/// None: what is on the disk must become current too. To be run to its end.
pub(super) async fn accept<R: Record + Request + Send + Sync + 'static>(
    node: &Node,
    list: &WorkList<R>,
    store: Option<Store<R>>,
    offer: Offer<R>,
) -> Result<Receipt, Failure> {
    let Offer { parsed, epoch, source, hold } = offer;
    let Items { work, draft } = parsed.items;
    let _turn = list.turn().lock().await;
    let last = store.as_ref().map_or(0, |store| store.lists.last_generation());
    let receipt = Receipt {
        id: last.max(list.current_id()) + 1,
        digest: parsed.digest,
        count: work.len() as u64,
        received_at: node.clock.now(),
        source,
        epoch,
        durable: draft.is_some(),
    };
    list.check_epoch(epoch)
        .map_err(|stale| Failure::new(StatusCode::CONFLICT, stale.to_string()))?;
    let stored = match draft {
        None => None,
        Some(draft) => Some(commit(draft, &receipt, parsed.names.clone()).await?),
    };
    let new = NewList {
        receipt: receipt.clone(),
        items: work,
        names: parsed.names,
        ended: Counts::new(),
        stored,
        hold,
    };
    list.replace(new)?;
    if let Some(store) = store {
        // Within the turn, so that two writes cannot overtake each other.
        let past = list.all_past();
        let keeping = tokio::task::spawn_blocking(move || store.keep_past(&past));
        keeping.await.expect("keeping the history does not panic");
    }
    tracing::info!(
        list = list.name().as_str(),
        id = receipt.id,
        items = receipt.count,
        digest = %receipt.digest,
        remoteAddr = receipt.source.remote_addr,
        RequestID = receipt.source.request_id,
        "a new list"
    );
    Ok(receipt)
}

async fn commit<R: Record + Request + Send + Sync + 'static>(
    draft: Draft<R, End>,
    receipt: &Receipt,
    names: Arc<Names>,
) -> Result<StoredList<End>, StoreError> {
    let stored = list_store::Receipt {
        generation: receipt.id,
        digest: list_store::Digest(receipt.digest.0),
        count: receipt.count,
        received_at: receipt.received_at,
        source: Source {
            remote_addr: receipt.source.remote_addr.as_str().into(),
            request_id: receipt.source.request_id.as_str().into(),
            user_agent: receipt.source.user_agent.as_str().into(),
        },
        epoch: receipt.epoch,
        names,
    };
    let committing = tokio::task::spawn_blocking(move || draft.commit(stored, Standing::Open));
    committing.await.expect("storing a list does not panic")
}

#[cfg(test)]
mod tests {
    use keep_rules::BlockHash;
    use tokio::task::{spawn_blocking, yield_now};

    use super::*;
    use crate::rig::{self, Client};

    /// The one thread for blocking work is kept busy from the moment at which the list wants to be stored, until its sender
    /// has left.
    #[test]
    fn a_list_whose_sender_leaves_is_wholly_in_force() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        runtime.block_on(async {
            let state = tempfile::tempdir().unwrap();
            let node = rig::node(
                Arc::new(keep_volume::Memory::new("m".parse().unwrap())),
                Some(state.path()),
                |_config| {},
            );
            let turn = node.trash_list.turn().lock().await;
            let readers = node.list_readers.available_permits();
            let body = format!(r#"[{{"locator":"{}","block_mtime":1}}]"#, BlockHash::EMPTY);
            let sender = Client::send(&node, "PUT /trash", &body).await;
            while !state.path().join("trash-0.draft").exists() {
                yield_now().await;
            }
            while node.list_readers.available_permits() < readers {
                yield_now().await;
            }
            // It was read, and waits for its turn.
            let (go_on, busy) = std::sync::mpsc::channel::<()>();
            let busy = spawn_blocking(move || busy.recv().unwrap_err());
            drop(turn);
            while node.trash_list.turn().try_lock().is_ok() {
                yield_now().await;
            }
            sender.leave().await;
            drop(go_on);
            busy.await.unwrap();
            // Behind the storing of the list, in the same thread.
            spawn_blocking(|| ()).await.unwrap();
            let _accepted = node.trash_list.turn().lock().await;
            let stored = node.stores.as_ref().unwrap().trash.lists.last_generation();
            assert_eq!((stored, node.trash_list.current_id()), (1, 1));
        });
    }
}
