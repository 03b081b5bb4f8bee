use std::fs;
use std::path::Path;
use std::time::Duration;

use keep_protocol::status::{ListName, ListState};
use keep_volume::{Memory, Volume as _};
use list_store::{Load, Standing};
use testkit::blocks::Block;
use tokio::task::yield_now;

use super::*;
use crate::life::leave_sign;
use crate::lists::{Trashing, list_status, run_crew};
use crate::rig::{self, Client, OLD};

const WORKERS: usize = 3;
const BLOCKS: u64 = 12;
const WITHIN: Duration = Duration::from_secs(300);
const HOUR: Duration = Duration::from_secs(3600);

/// A node with a trash list, of which every worker has an item in hand that it has not acted on: a freeze could be on its
/// way, so they wait for leave.
struct Site {
    node: Arc<Node>,
    volume: Memory,
    blocks: Vec<Block>,
}

impl Site {
    async fn new(state_dir: Option<&Path>) -> Site {
        let volume = Memory::new("m".parse().unwrap());
        let node = rig::node(Arc::new(volume.clone()), state_dir, |config| {
            config.trash.workers = WORKERS;
            config.lists.resume_trash_within = WITHIN;
        });
        let blocks: Vec<Block> =
            (0..BLOCKS).map(|number| Block::of(format!("block {number}"))).collect();
        for block in &blocks {
            block.store(&volume, OLD).await.unwrap();
        }
        Site { node, volume, blocks }
    }

    async fn send(&self) -> String {
        let items: Vec<_> = self
            .blocks
            .iter()
            .map(|block| {
                format!(r#"{{"locator":"{}","block_mtime":{}}}"#, block.hash, OLD.as_nanos())
            })
            .collect();
        let list = format!("[{}]", items.join(","));
        Client::send(&self.node, "PUT /trash", &list).await.answer().await
    }

    /// Lets `meanwhile` happen while every worker has an item in hand, and waits until they have none.
    async fn while_in_hand(&self, meanwhile: impl AsyncFnOnce(&Arc<Node>)) {
        let acts = self.node.acts.write().await;
        let put = self.send().await;
        assert!(put.starts_with("HTTP/1.1 200 "), "{put}");
        tokio::spawn(run_crew::<Trashing>(self.node.clone()));
        while self.node.trash_list.status().running < WORKERS as u64 {
            yield_now().await;
        }
        meanwhile(&self.node).await;
        drop(acts);
        self.settled().await;
    }

    async fn settled(&self) {
        loop {
            let status = self.node.trash_list.status();
            let waits = status.state == ListState::Held || status.waiting == 0;
            if status.running + status.running_before == 0 && waits {
                return;
            }
            yield_now().await;
        }
    }

    async fn left(&self) -> u64 {
        let mut left = 0;
        for block in &self.blocks {
            left += u64::from(self.volume.stat(block.hash).await.is_ok());
        }
        left
    }

    /// Nothing was trashed, and everything waits; gives the reason.
    async fn is_held(&self) -> String {
        let status = list_status(&self.node, ListName::Trash);
        assert_eq!((status.state, status.waiting), (ListState::Held, BLOCKS));
        assert_eq!(status.accounted_for(), status.received);
        assert_eq!(self.left().await, BLOCKS);
        status.idle_because.unwrap()
    }

    async fn release(&self) {
        let digest = self.node.trash_list.status().digest.unwrap();
        let order = format!("POST /donjon/v1/lists/trash/1/release?digest={digest}");
        let answer = Client::send(&self.node, &order, "").await.answer().await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_that_was_suspended_acts_on_nothing_of_its_list() {
    let site = Site::new(None).await;
    site.while_in_hand(async |node| node.clock.advance(HOUR)).await;
    let why = site.is_held().await;
    assert!(why.starts_with("the node stood still for 1h "), "{why}");
    assert!(why.contains("donjon list release"), "{why}");
    site.release().await;
    site.settled().await;
    assert_eq!(site.left().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_workers_have_in_hand_is_held_too_whoever_finds_the_absence() {
    let site = Site::new(None).await;
    site.while_in_hand(async |node| {
        node.clock.advance(HOUR);
        let found = beat(node);
        // It is found once: the list is held, and the sign of life is fresh.
        assert_eq!(beat(node), found);
        assert_eq!(node.trash_list.status().state, ListState::Held);
    })
    .await;
    site.is_held().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_that_stood_still_for_a_short_time_carries_on() {
    let site = Site::new(None).await;
    site.while_in_hand(async |node| {
        for _ in 0..3 {
            node.clock.advance(WITHIN);
            beat(node);
        }
        node.clock.set(node.clock.now().before(Duration::from_secs(60)));
    })
    .await;
    assert_eq!(site.left().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_clock_that_is_set_far_back_holds_the_list_while_it_is_worked_off() {
    let site = Site::new(None).await;
    let back = rig::NOW.before(Duration::from_secs(61));
    site.while_in_hand(async |node| node.clock.set(back)).await;
    let why = site.is_held().await;
    assert!(why.contains("its clock is 1m1s behind"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_in_hand_of_a_list_from_before_an_absence_is_not_trashed_after_the_next_came() {
    let site = Site::new(None).await;
    site.while_in_hand(async |node| {
        node.clock.advance(HOUR);
        let put = Client::send(node, "PUT /trash", "[]").await.answer().await;
        assert!(put.starts_with("HTTP/1.1 200 "), "{put}");
    })
    .await;
    assert_eq!(site.left().await, BLOCKS);
    let past = site.node.trash_list.past(1).unwrap();
    assert_eq!((past.superseded, past.done), (BLOCKS, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_list_that_comes_after_an_absence_is_worked_off() {
    let site = Site::new(None).await;
    site.node.clock.advance(HOUR);
    site.while_in_hand(async |_node| {}).await;
    assert_eq!(site.left().await, 0);
}

#[tokio::test]
async fn a_list_that_came_in_during_an_absence_is_refused() {
    let state = tempfile::tempdir().unwrap();
    let site = Site::new(Some(state.path())).await;
    let turn = site.node.trash_list.turn().lock().await;
    let sending = site.send();
    tokio::pin!(sending);
    // It is being read, or waits for its turn.
    while !state.path().join("trash-0.draft").exists() {
        tokio::select! {
            biased;
            answer = &mut sending => panic!("{answer}"),
            () = yield_now() => {}
        }
    }
    site.node.clock.advance(HOUR);
    drop(turn);
    let answer = sending.await;
    assert!(answer.starts_with("HTTP/1.1 412 "), "{answer}");
    assert!(answer.contains("stood still"), "{answer}");
    assert_eq!(site.node.trash_list.current_id(), 0);
}

#[tokio::test]
async fn no_sign_of_life_hides_an_absence_before_the_hold_is_on_the_disk() {
    let state = tempfile::tempdir().unwrap();
    let site = Site::new(Some(state.path())).await;
    site.send().await;
    let sign = || fs::read_to_string(state.path().join("alive")).unwrap();
    let node = &site.node;
    node.clock.advance(HOUR);
    // Nobody has found the absence yet.
    leave_sign(node).await;
    assert_eq!(sign(), format!("{}\n", rig::NOW));
    let turn = node.trash_list.turn().lock().await;
    beat(node);
    leave_sign(node).await;
    assert_eq!(sign(), "in doubt\n");
    drop(turn);
    while sign() == "in doubt\n" {
        yield_now().await;
    }
    assert_eq!(sign(), format!("{}\n", rig::NOW.after(HOUR)));
    let stored = &node.stores.as_ref().unwrap().trash.lists;
    let loaded = stored.load(rig::NOW, node.list_max_age, |item| item.index).unwrap();
    let Load::Resumed(loaded) = loaded else { panic!("{loaded:?}") };
    assert!(matches!(loaded.standing, Standing::HeldAfterAbsence(_)), "{:?}", loaded.standing);
}
