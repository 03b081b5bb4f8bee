use std::fs::File;
use std::sync::Arc;

use keep_volume::directory::Directory;
use keep_volume::{Error, Operation, Volume as _};
use ledger::Filter;
use testkit::blocks::Block;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, yield_now};

use crate::lists::{Trashing, run_crew};
use crate::node::Node;
use crate::rig::{self, Client, OLD};

/// A node with one old block in a directory. Whoever has the lock on its file keeps the volume from trashing it: the
/// volume waits for it in a thread of its own.
struct Site {
    volume: Directory,
    node: Arc<Node>,
    block: Block,
    file: File,
    /// Storing the block took some, too.
    locks_before: u64,
    _dirs: [tempfile::TempDir; 2],
}

impl Site {
    async fn new() -> Site {
        let [root, state] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let (volume, block) = (rig::directory(root.path()), Block::of("foo"));
        block.store(&volume, OLD).await.unwrap();
        let hash = block.hash.to_string();
        let file = File::open(root.path().join(&hash[..3]).join(&hash)).unwrap();
        file.lock().unwrap();
        let node = rig::node(Arc::new(volume.clone()), Some(state.path()), |_config| {});
        let locks_before = volume.stats().operations(Operation::Flock);
        Site { volume, node, block, file, locks_before, _dirs: [root, state] }
    }

    /// Waits until the volume waits for the lock.
    async fn trashing(&self) {
        while self.volume.stats().operations(Operation::Flock) == self.locks_before {
            yield_now().await;
        }
    }

    async fn delete(&self) -> Client {
        Client::send(&self.node, &format!("DELETE /{}", self.block.hash), "").await
    }

    /// Waits until `waiter` waits for acts in hand. It must not end before.
    async fn waits_for_acts<T>(&self, waiter: &JoinHandle<T>) {
        while self.node.acts.try_read().is_ok() {
            assert!(!waiter.is_finished(), "it did not wait for the act in hand");
            yield_now().await;
        }
    }

    /// How often it is on record that the block was trashed.
    fn records(&self) -> usize {
        let filter = Filter { block: Some(self.block.hash), ..Filter::default() };
        self.node.books.read(filter).unwrap().unwrap().count()
    }

    /// A freeze is not answered before the act that is under way, and then forbids the next.
    async fn freezes_only_after_the_act(self) {
        let (freeze, node) =
            (Client::send(&self.node, "PUT /donjon/v1/freeze", "").await, &self.node);
        let freeze = tokio::spawn(freeze.answer());
        self.waits_for_acts(&freeze).await;
        assert!(node.steering.is_frozen(), "it is in force while it waits");
        self.file.unlock().unwrap();
        assert!(freeze.await.unwrap().starts_with("HTTP/1.1 200 "));
        assert!(matches!(self.volume.stat(self.block.hash).await, Err(Error::NotFound)));
        assert_eq!(self.records(), 1);
        self.block.store(&self.volume, OLD).await.unwrap();
        assert!(self.delete().await.answer().await.starts_with("HTTP/1.1 503 "));
        assert!(self.volume.stat(self.block.hash).await.is_ok());
    }
}

#[tokio::test]
async fn a_freeze_waits_for_a_delete_whose_client_has_left() {
    let site = Site::new().await;
    let client = site.delete().await;
    site.trashing().await;
    client.leave().await;
    site.freezes_only_after_the_act().await;
}

#[tokio::test]
async fn a_freeze_waits_for_a_trash_worker() {
    let site = Site::new().await;
    let (node, hash) = (site.node.clone(), site.block.hash);
    let crew = tokio::spawn(run_crew::<Trashing>(node.clone()));
    let list = format!(r#"[{{"locator":"{hash}","block_mtime":{}}}]"#, OLD.as_nanos());
    let put = Client::send(&node, "PUT /trash", &list).await.answer().await;
    assert!(put.starts_with("HTTP/1.1 200 "), "{put}");
    site.trashing().await;
    site.freezes_only_after_the_act().await;
    node.trash_list.close();
    crew.await.unwrap();
    assert_eq!(node.trash_list.status().done, 1);
}

#[tokio::test]
async fn a_stop_waits_for_a_delete_whose_client_has_left() {
    let site = Site::new().await;
    let (stop, stopped) = oneshot::channel::<()>();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let running = tokio::spawn(crate::run(site.node.clone(), listener, async {
        drop(stopped.await);
    }));
    let client = site.delete().await;
    site.trashing().await;
    client.leave().await;
    drop(stop);
    site.waits_for_acts(&running).await;
    site.file.unlock().unwrap();
    running.await.unwrap();
    assert_eq!(site.records(), 1);
}

#[tokio::test]
async fn a_panic_is_passed_on() {
    let caller = tokio::spawn(super::to_its_end(async { panic!("in the middle") }));
    let panic: JoinHandle<()> = caller;
    assert!(panic.await.unwrap_err().is_panic());
}
