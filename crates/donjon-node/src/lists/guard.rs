//! The guard: a trash list that names a large share of a volume waits until an operator has looked.

use std::collections::BTreeMap;
use std::sync::Arc;

use keep_protocol::list::{Names, TrashRequest};
use keep_rules::guard::{Guard, Share, Verdict, judge};
use keep_volume::Halt;
use list_store::{StoreError, StoredList, Text};

use super::code::End;
use super::locator::size_of_block;
use super::work::{Hold, Work};
use crate::life::settle;
use crate::mounts::sentence;
use crate::node::Node;

/// What a list names of each mount, by the mount's UUID.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named(BTreeMap<String, Share>);

impl Named {
    /// Counts the items of a list. One that names no mount counts for every mount.
    pub(super) fn of(node: &Node, items: &[Work<TrashRequest>], names: &Names) -> Named {
        let mut by_name = vec![Share::default(); names.mounts().len()];
        let mut everywhere = Share::default();
        for item in items {
            let request = item.data.request;
            let share = match request.mount() {
                Some(name) => &mut by_name[name.index()],
                None => &mut everywhere,
            };
            share.blocks += 1;
            share.bytes += size_of_block(request.size());
        }
        let mounts = node.mounts.iter().filter(|mount| mount.access.allows_trash());
        let named = mounts.map(|mount| {
            let place = names.mounts().position(|name| name == mount.uuid.as_str());
            let own = place.map_or(Share::default(), |place| by_name[place]);
            (mount.uuid.to_string(), own + everywhere)
        });
        Named(named.collect())
    }

    /// Whether a volume has to be counted at all.
    pub(super) fn first_look(&self, guard: Guard) -> Option<Hold> {
        self.0.values().any(|share| guard.has_to_count(*share)).then_some(Hold::Checking)
    }
}

/// Counts the volumes that the list names much of, and lets it through or holds it.
pub(super) async fn check(node: Arc<Node>, id: u64, named: Named) {
    let verdict = examine(&node, &named, &node.halt).await;
    // Nobody releases it between what is on the disk and what is in force.
    let _turn = node.trash_list.turn().lock().await;
    if !node.trash_list.is_parked(id) {
        tracing::info!(
            list = "trash",
            id,
            "an operator or another list was quicker than the guard"
        );
        return;
    }
    if let Err(why) = &verdict {
        tracing::error!(
            list = "trash",
            id,
            why,
            "a list is held: nothing of it is trashed until an operator releases it"
        );
        // The guard counts again after a restart that knows nothing of it.
        drop(hold_on_disk(&node, id, why, StoredList::hold).await);
    }
    if node.trash_list.checked(id, verdict).is_err() {
        tracing::debug!(id, "the node stopped before the guard had counted");
    }
}

/// Counts the volumes that the list names much of.
///
/// # Errors
/// Why the list is to be held: a sentence. Also if `halt` broke off the count.
pub(super) async fn examine(node: &Node, named: &Named, halt: &Halt) -> Result<(), String> {
    for (uuid, share) in &named.0 {
        let Some(mount) = node.mounts.get(uuid).filter(|_| node.guard.has_to_count(*share)) else {
            continue;
        };
        let tally = mount.volume.tally(halt.clone()).await;
        let held = match tally {
            Ok(tally) => Share { blocks: tally.blocks, bytes: tally.bytes },
            // When in doubt, hold.
            Err(error) => {
                return Err(format!("volume {uuid} cannot be counted: {}", sentence(&error)));
            }
        };
        if let Verdict::Hold(excess) = judge(*share, held, node.guard) {
            return Err(format!("on volume {uuid}, the list names {excess}"));
        }
    }
    Ok(())
}

/// Holds the rest of a list that is being worked off. Nothing happens if another list is current.
pub(crate) async fn hold_rest(node: &Arc<Node>, id: u64, why: &str) {
    if node.trash_list.hold(id, why.to_owned()) {
        tracing::error!(list = "trash", id, why, "the rest of the list is held");
        // In force at once; an operator may have released it before it can be written.
        let _turn = node.trash_list.turn().lock().await;
        if node.trash_list.is_parked(id) {
            drop(hold_on_disk(node, id, why, StoredList::hold).await);
        }
    }
}

/// Writes by `hold` that the list of this id is held, if it is on the disk. A failure is logged.
///
/// # Errors
/// It is held in memory alone.
pub(super) async fn hold_on_disk(
    node: &Node,
    id: u64,
    why: &str,
    hold: fn(&StoredList<End>, Text) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let Some(stored) = node.trash_list.stored(id) else { return Ok(()) };
    let why = why.into();
    let held = tokio::task::spawn_blocking(move || hold(&stored, why))
        .await
        .expect("holding does not panic");
    match &held {
        Ok(()) => settle(node, id).await,
        Err(error) => {
            tracing::error!(error = sentence(error), "cannot write that the list is held");
        }
    }
    held
}

#[cfg(test)]
mod tests {
    use keep_volume::Memory;
    use list_store::{Load, Standing};
    use testkit::blocks::Block;

    use super::*;
    use crate::rig::{self, Client, OLD};

    #[tokio::test]
    async fn a_verdict_that_comes_after_the_release_holds_nothing() {
        let state = tempfile::tempdir().unwrap();
        let volume = Memory::new("m".parse().unwrap());
        let block = Block::of("foo");
        block.store(&volume, OLD).await.unwrap();
        let node = rig::node(Arc::new(volume), Some(state.path()), |config| {
            config.lists.guard = Guard { percent: 0, floor: 0 };
        });
        let list = format!(r#"[{{"locator":"{}","block_mtime":{}}}]"#, block.hash, OLD.as_nanos());
        let put = Client::send(&node, "PUT /trash", &list).await.answer().await;
        assert!(put.contains("x-donjon-list-state: checking"), "{put}");
        let digest = node.trash_list.status().digest.unwrap();
        let release = format!("POST /donjon/v1/lists/trash/1/release?digest={digest}");
        let released = Client::send(&node, &release, "").await.answer().await;
        assert!(released.starts_with("HTTP/1.1 200 "), "{released}");
        let waiting = node.trash_list.waiting(0, 1);
        check(node.clone(), 1, Named::of(&node, &waiting.items, &waiting.names)).await;
        assert!(!node.trash_list.is_parked(1));
        let stored = &node.stores.as_ref().unwrap().trash.lists;
        let loaded = stored.load(rig::NOW, node.list_max_age, |item| item.index).unwrap();
        let Load::Resumed(loaded) = loaded else { panic!("{loaded:?}") };
        assert_eq!(loaded.standing, Standing::Released);
    }
}
