//! After a restart: the lists go on where they stood.

use std::sync::Arc;

use block_work_list::BlockWork;
use keep_protocol::list::{Request, TrashRequest};
use keep_protocol::status::{ListSource, ListStatus};
use keep_rules::absence::{Doubt, may_go_on};
use list_store::{Load, Loaded, Record, Standing, StoredList};

use super::WorkList;
use super::absence;
use super::books::{Counts, OutcomeLabel};
use super::code::End;
use super::guard::{self, Named};
use super::receipt::{ListDigest, Receipt};
use super::stores::Store;
use super::work::{Hold, Item, ListClosed, NewList, Work};
use crate::life::{InDoubt, leave_sign};
use crate::mounts::sentence;
use crate::node::Node;

/// Loads the lists that were stored before a restart and makes them current. To be called once, before [`crate::run()`].
pub async fn resume(node: &Arc<Node>) {
    let Some(stores) = &node.stores else { return };
    let doubt = doubt(node).await;
    let gone_on = match load(node, &stores.trash, &node.trash_list).await {
        Ok(None) => Ok(()),
        Ok(Some((new, standing))) => go_on_trashing(node, new, &standing, doubt).await,
        // The list is still on the disk.
        Err(NotLoaded) => Err(InDoubt::NotCurrent),
    };
    if let (Err(why), Some(life)) = (gone_on, &node.life) {
        life.doubt(why);
    }
    // Before the first item is begun: what runs from now on may be gone on with after a crash.
    leave_sign(node).await;
    if let Ok(Some((new, standing))) = load(node, &stores.pull, &node.pull_list).await {
        let hold = hold_of(&standing);
        let _logged = install(&node.pull_list, NewList { hold, ..new });
    }
}

/// Why the trash list may not be gone on with, if it may not.
async fn doubt(node: &Arc<Node>) -> Option<Doubt> {
    let life = node.life.clone()?;
    let reading = tokio::task::spawn_blocking(move || life.last());
    let last = reading.await.expect("reading a sign of life does not panic");
    may_go_on(last, absence::beat(node).at, node.resume_trash_within).err()
}

/// A trash list whose node was away for too long is held. Otherwise one that nobody has released goes through the guard
/// again: the volumes may have changed.
///
/// # Errors
/// Why the next process must not believe what is on the disk of the list.
async fn go_on_trashing(
    node: &Arc<Node>,
    new: NewList<TrashRequest>,
    standing: &Standing,
    doubt: Option<Doubt>,
) -> Result<(), InDoubt> {
    match doubt {
        Some(doubt) if !new.items.is_empty() => hold(node, new, standing, doubt).await,
        _in_time_or_nothing_left => {
            check_and_go_on(node, new, standing);
            Ok(())
        }
    }
}

/// Holds a list after a long absence, also if it was released before that.
///
/// # Errors
/// That is not on the disk.
async fn hold(
    node: &Arc<Node>,
    new: NewList<TrashRequest>,
    standing: &Standing,
    doubt: Doubt,
) -> Result<(), InDoubt> {
    let (id, why) = (new.receipt.id, why_held(doubt, standing));
    tracing::error!(list = "trash", id, why, "the list from before the restart is held");
    install(&node.trash_list, NewList { hold: Some(Hold::Held(why.clone())), ..new })
        .map_err(|ListClosed| InDoubt::NotCurrent)?;
    let written = guard::hold_on_disk(node, id, &why, StoredList::hold_after_absence).await;
    written.map_err(|_logged| InDoubt::NotHeld(id))
}

/// A sentence. A list that was held by the guard is held for both reasons; another absence adds nothing.
fn why_held(doubt: Doubt, standing: &Standing) -> String {
    let why = absence::why_held(doubt);
    match standing {
        Standing::HeldAfterAbsence(before) => before.to_string(),
        Standing::Held(before) => format!("{why}. It was held before: {before}"),
        Standing::Open | Standing::Released | Standing::Cancelled => why,
    }
}

fn check_and_go_on(node: &Arc<Node>, new: NewList<TrashRequest>, standing: &Standing) {
    let named = Named::of(node, &new.items, &new.names);
    let hold = match standing {
        Standing::Open => named.first_look(node.guard),
        Standing::Held(_)
        | Standing::HeldAfterAbsence(_)
        | Standing::Released
        | Standing::Cancelled => hold_of(standing),
    };
    let (id, to_check) = (new.receipt.id, hold == Some(Hold::Checking));
    let installed = install(&node.trash_list, NewList { hold, ..new });
    if to_check && installed.is_ok() {
        tokio::spawn(guard::check(node.clone(), id, named));
    }
}

fn hold_of(standing: &Standing) -> Option<Hold> {
    match standing {
        Standing::Held(why) | Standing::HeldAfterAbsence(why) => Some(Hold::Held(why.to_string())),
        Standing::Open | Standing::Released | Standing::Cancelled => None,
    }
}

/// Makes a list the current one.
///
/// # Errors
/// The node is stopping; logged. The list is still on the disk.
fn install<R: Request + Send + Sync + 'static>(
    list: &WorkList<R>,
    new: NewList<R>,
) -> Result<(), ListClosed> {
    let (id, waiting) = (new.receipt.id, new.items.len());
    let installed = list.replace(new);
    match installed {
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
    installed
}

/// A stored list could not be read; logged. It is still there.
struct NotLoaded;

/// Reads a stored list; `None` if there is none to go on with.
///
/// # Errors
/// One that cannot be believed is not resumed, and said so.
async fn load<R: Record + Request + Send + Sync + 'static>(
    node: &Node,
    store: &Store<R>,
    list: &WorkList<R>,
) -> Result<Option<(NewList<R>, Standing)>, NotLoaded> {
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
        Ok(Load::Nothing) => Ok(None),
        Ok(Load::Dropped(receipt)) => {
            tracing::warn!(
                list = name,
                id = receipt.generation,
                "the stored list is too old and is dropped"
            );
            Ok(None)
        }
        Ok(Load::Resumed(loaded)) => {
            if !loaded.repair.is_none() {
                tracing::warn!(list = name, repair = ?loaded.repair, "part of the progress was lost: those items run again");
            }
            Ok(Some(as_new(loaded)))
        }
        Err(error) => {
            tracing::error!(
                list = name,
                error = sentence(&error),
                "the stored list is not resumed"
            );
            Err(NotLoaded)
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
    use std::fs;
    use std::time::Duration;

    use keep_protocol::status::{ListName, ListState};
    use keep_volume::Memory;

    use super::*;
    use crate::rig::{self, Client};

    const LIST: &str = r#"[{"locator":"d41d8cd98f00b204e9800998ecf8427e","block_mtime":1}]"#;

    /// A state directory with a trash list; the node was last seen an hour ago.
    struct Site(tempfile::TempDir);

    impl Site {
        async fn new() -> Site {
            let site = Site(tempfile::tempdir().unwrap());
            let node = site.start();
            let put = Client::send(&node, "PUT /trash", LIST).await.answer().await;
            assert!(put.starts_with("HTTP/1.1 200 "), "{put}");
            drop(node);
            let an_hour_ago = rig::NOW.before(Duration::from_secs(3600));
            fs::write(site.0.path().join("alive"), format!("{an_hour_ago}\n")).unwrap();
            site
        }

        fn start(&self) -> Arc<Node> {
            let volume = Arc::new(Memory::new("m".parse().unwrap()));
            rig::node(volume, Some(self.0.path()), |_config| {})
        }

        /// The node holds the list, and cannot write that: a directory is in the place of the list's next state.
        async fn start_on_a_full_disk(&self) -> Arc<Node> {
            let node = self.start();
            let in_the_way = self.0.path().join("trash.state.new");
            fs::create_dir(&in_the_way).unwrap();
            resume(&node).await;
            fs::remove_dir(&in_the_way).unwrap();
            reason(&node);
            assert_eq!(self.sign(), "in doubt\n");
            node
        }

        fn sign(&self) -> String {
            fs::read_to_string(self.0.path().join("alive")).unwrap()
        }
    }

    fn reason(node: &Node) -> String {
        let status = node.trash_list.status();
        assert_eq!(status.state, ListState::Held);
        status.idle_because.unwrap()
    }

    async fn order(node: &Arc<Node>, path: &str) {
        let order = format!("POST /donjon/v1/lists/trash/{path}");
        let answer = Client::send(node, &order, "").await.answer().await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }

    #[tokio::test]
    async fn a_hold_that_cannot_be_written_is_found_again_at_the_next_start() {
        let site = Site::new().await;
        let node = site.start_on_a_full_disk().await;
        leave_sign(&node).await;
        assert_eq!(site.sign(), "in doubt\n");
        drop(node);
        for _start in 0..2 {
            let node = site.start();
            resume(&node).await;
            let why = reason(&node);
            assert!(why.starts_with("the start before could not "), "{why}");
            assert_eq!(site.sign(), format!("{}\n", rig::NOW));
        }
    }

    #[tokio::test]
    async fn an_order_that_reaches_the_disk_ends_the_doubt() {
        let site = Site::new().await;
        let node = site.start_on_a_full_disk().await;
        order(&node, &format!("1/release?digest={}", node.trash_list.status().digest.unwrap()))
            .await;
        assert_eq!(site.sign(), format!("{}\n", rig::NOW));
        drop(node);
        let node = site.start();
        resume(&node).await;
        assert_ne!(node.trash_list.status().state, ListState::Held);

        let site = Site::new().await;
        let node = site.start_on_a_full_disk().await;
        order(&node, "cancel").await;
        assert_eq!(site.sign(), format!("{}\n", rig::NOW));

        let site = Site::new().await;
        let node = site.start_on_a_full_disk().await;
        guard::hold_on_disk(&node, 1, "again", StoredList::hold).await.unwrap();
        assert_eq!(site.sign(), format!("{}\n", rig::NOW));
    }

    #[tokio::test]
    async fn a_list_that_a_stopping_node_does_not_take_is_held_by_the_next() {
        let site = Site::new().await;
        let node = site.start();
        node.trash_list.close();
        resume(&node).await;
        assert_eq!(site.sign(), "in doubt\n");
        drop(node);
        let node = site.start();
        resume(&node).await;
        let why = reason(&node);
        assert!(why.starts_with("the start before could not "), "{why}");
    }

    #[test]
    fn the_books_of_earlier_lists_tell_the_epoch() {
        let of = |epoch| ListStatus { epoch, ..ListStatus::none(ListName::Trash) };
        assert_eq!(last_epoch(&[of(Some(3)), of(Some(7)), of(None), of(Some(5))]), Some(7));
        assert_eq!(last_epoch(&[of(None)]), None);
        assert_eq!(last_epoch(&[]), None);
    }
}
