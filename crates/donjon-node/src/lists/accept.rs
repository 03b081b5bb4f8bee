//! How a list that was read becomes the current one: first on the disk, then for the workers.

use std::sync::Arc;

use http::StatusCode;
use keep_protocol::list::{Names, Request};
use keep_protocol::status::ListSource;
use list_store::{Draft, Record, Source, Standing, StoreError, StoredList};

use super::WorkList;
use super::absence::{beat, take_down, why_held_when_stored};
use super::books::Counts;
use super::code::End;
use super::intake::{Items, Parsed};
use super::receipt::Receipt;
use super::stores::Store;
use super::work::{Hold, ListClosed, NewList};
use crate::http::Failure;
use crate::node::Node;
use crate::pulse::Absences;

/// A list that was read, and what is said of it.
pub(super) struct Offer<R> {
    pub(super) parsed: Parsed<R>,
    pub(super) epoch: Option<u64>,
    pub(super) source: ListSource,
    pub(super) hold: Option<Hold>,
    /// How often the node was away before this began to come in, if the list may not be older than that.
    pub(super) began: Option<Absences>,
}

/// Stores the list and makes it current. One at a time.
///
/// # Errors
/// The list that was current stays, and nothing of this one is on the disk.
///
/// # Cancel safety
/// None: what is on the disk must become current too. To be run to its end.
pub(super) async fn accept<R: Record + Request + Send + Sync + 'static>(
    node: &Arc<Node>,
    list: &WorkList<R>,
    store: Option<Store<R>>,
    offer: Offer<R>,
) -> Result<Receipt, Failure> {
    let Offer { parsed, epoch, source, hold, began } = offer;
    let Items { work, draft } = parsed.items;
    let _turn = list.turn().lock().await;
    // Before this list is current: an absence until now is one of the list before.
    let absences = beat(node).absences;
    if began.is_some_and(|began| began != absences) {
        let text = "the node stood still while this list came in, so it may be out of date: make another, and send that";
        // Not 503: a client would send this one again by itself.
        return Err(Failure::new(StatusCode::PRECONDITION_FAILED, text));
    }
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
    list.is_open()?;
    let stored = match draft {
        None => None,
        Some(draft) => Some(commit(draft, &receipt, parsed.names.clone()).await?),
    };
    // The list is on the disk, and so it must become current: an absence since holds it.
    let stale = (began.is_some() && beat(node).absences != absences).then(why_held_when_stored);
    let hold = stale.clone().map(Hold::Held).or(hold);
    let new = NewList {
        receipt: receipt.clone(),
        items: work,
        names: parsed.names,
        ended: Counts::new(),
        stored,
        hold,
    };
    match list.replace(new) {
        // It is on the disk, and so it is the current list after the restart: it must not be told as refused.
        Err(ListClosed) if receipt.durable => {
            tracing::info!(
                list = list.name().as_str(),
                id = receipt.id,
                "a new list came while the node stops: it waits on the disk"
            );
            return Ok(receipt);
        }
        replaced => replaced?,
    }
    if let Some(why) = stale {
        tracing::error!(list = "trash", id = receipt.id, why, "the new list is held");
        take_down(node, receipt.id, why);
    }
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
    use keep_protocol::status::ListState;
    use tokio::task::{spawn_blocking, yield_now};

    use super::*;
    use crate::rig::{self, Client};

    const LIST: &str = r#"[{"locator":"d41d8cd98f00b204e9800998ecf8427e","block_mtime":1}]"#;

    /// A list on its way to the disk: the one thread for blocking work is kept busy from the moment at which the list wants
    /// to be stored, until `meanwhile` has happened. Gives the id of the list that is stored then.
    fn while_it_is_stored(
        meanwhile: impl AsyncFnOnce(&Arc<Node>, Client, Box<dyn FnOnce()>),
    ) -> u64 {
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
            let sender = Client::send(&node, "PUT /trash", LIST).await;
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
            // The only thread goes on here after whoever has the turn now has gone as far as it can.
            yield_now().await;
            assert!(node.trash_list.turn().try_lock().is_err());
            meanwhile(&node, sender, Box::new(|| drop(go_on))).await;
            busy.await.unwrap();
            // Behind the storing of the list, in the same thread.
            spawn_blocking(|| ()).await.unwrap();
            let _accepted = node.trash_list.turn().lock().await;
            node.stores.as_ref().unwrap().trash.lists.last_generation()
        })
    }

    #[test]
    fn a_list_whose_sender_leaves_is_wholly_in_force() {
        let mut kept = None;
        let stored = while_it_is_stored(async |node, sender, go_on| {
            sender.leave().await;
            go_on();
            kept = Some(node.clone());
        });
        assert_eq!((stored, kept.unwrap().trash_list.current_id()), (1, 1));
    }

    #[test]
    fn a_list_that_a_stop_overtakes_on_its_way_to_the_disk_is_not_refused() {
        let stored = while_it_is_stored(async |node, sender, go_on| {
            node.trash_list.close();
            go_on();
            let answer = sender.answer().await;
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
            assert!(answer.contains("x-donjon-list-durable: true"), "{answer}");
        });
        assert_eq!(stored, 1);
    }

    #[test]
    fn a_list_that_was_being_stored_when_the_node_stood_still_is_held() {
        let stored = while_it_is_stored(async |node, sender, go_on| {
            node.clock.advance(std::time::Duration::from_secs(3600));
            // Whoever finds it first.
            beat(node);
            go_on();
            let answer = sender.answer().await;
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
            let status = node.trash_list.status();
            assert_eq!((status.state, status.waiting), (ListState::Held, 1));
            assert!(status.idle_because.unwrap().contains("while this list was stored"));
        });
        assert_eq!(stored, 1);
    }

    #[tokio::test]
    async fn a_list_that_comes_after_the_stop_is_refused_and_not_stored() {
        let state = tempfile::tempdir().unwrap();
        let volume = Arc::new(keep_volume::Memory::new("m".parse().unwrap()));
        let node = rig::node(volume, Some(state.path()), |_config| {});
        node.trash_list.close();
        let answer = Client::send(&node, "PUT /trash", LIST).await.answer().await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert_eq!(node.stores.as_ref().unwrap().trash.lists.last_generation(), 0);
    }
}
