//! The work of a balancer, in small: a pull list for the second node, a trash list for the first.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use keep_protocol::client::{IndexScope, KeepClient};
use keep_protocol::index::IndexLine;
use keep_protocol::list::{PullItem, TrashItem};
use keep_protocol::status::{ListName, ListState, ListStatus, Outcome, OutcomeKind};
use keep_rules::{BlockHash, HashPrefix};
use serde::Serialize;

use super::cluster::{Cluster, Node};
use super::store::{BlockName, Catalogue, put_block};
use super::story::Story;
use crate::commands::list::{Bar, all_outcomes};
use crate::failure::Failure;

/// How long a list may take. Lists of the demonstration take a second or two.
const LIST_MAX: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A list that was worked off.
#[derive(Serialize)]
pub(super) struct Worked {
    #[serde(flatten)]
    pub(super) status: ListStatus,
    /// Of how many items it was expected that they are done, skipped and failed.
    pub(super) expected: Expected,
    #[serde(skip)]
    pub(super) outcomes: Vec<Outcome>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Expected {
    pub(super) done: u64,
    pub(super) skipped: u64,
    pub(super) failed: u64,
}

impl Worked {
    pub(super) fn is_as_expected(&self) -> bool {
        let ListStatus { done, skipped, failed, waiting, running, .. } = &self.status;
        let found = Expected {
            done: *done,
            skipped: skipped.values().sum(),
            failed: failed.values().sum(),
        };
        found == self.expected && waiting + running == 0
    }

    /// Whether the item of this block was carried out.
    pub(super) fn has_done(&self, hash: BlockHash) -> bool {
        let hash = hash.to_string();
        self.outcomes.iter().any(|outcome| {
            outcome.outcome == OutcomeKind::Done && outcome.locator.starts_with(&hash)
        })
    }
}

/// Has the second node pull every block, and one that does not exist.
pub(super) async fn pull(
    cluster: &Cluster,
    catalogue: &Catalogue,
    story: &mut Story,
) -> Result<Worked, Failure> {
    let (first, second) = (cluster.first(), cluster.second());
    let nowhere = BlockName::of(b"a block that nobody has stored");
    let item = |block: BlockName| PullItem {
        locator: block.locator().to_string(),
        servers: vec![first.url.to_string()],
        mount_uuid: second.mount_uuid.clone(),
    };
    let items: Vec<PullItem> =
        catalogue.blocks.iter().copied().chain([nowhere]).map(item).collect();
    story.step(format_args!(
        "The second node gets a pull list of {} items, one of them a block that nobody has",
        items.len()
    ));
    let expected = Expected { done: catalogue.blocks.len() as u64, skipped: 0, failed: 1 };
    work_off(second, ListName::Pull, &items, expected, story).await
}

/// Compares the indexes of both nodes: a block that the second one has too is one that the first can do without.
pub(super) async fn balance(
    cluster: &Cluster,
    story: &mut Story,
) -> Result<Vec<TrashItem>, Failure> {
    story.step("The indexes of both nodes are compared, as a balancer does");
    let (first, second) = (cluster.first(), cluster.second());
    let here = index(&first.client, HashPrefix::ALL).await?;
    let there: BTreeSet<BlockHash> =
        index(&second.client, HashPrefix::ALL).await?.keys().copied().collect();
    let spare: Vec<TrashItem> = here
        .values()
        .filter(|line| there.contains(&line.hash))
        .map(|line| trash_item(first, line))
        .collect();
    story.tell(format_args!(
        "first: {} blocks; second: {}; both indexes end with their end mark, so they are complete.",
        here.len(),
        there.len()
    ));
    story.tell(format_args!(
        "{} blocks are on both nodes: the trash list for the first node.",
        spare.len()
    ));
    Ok(spare)
}

/// Waits until everything that was stored is old enough to be trashed.
pub(super) async fn age(until: Instant, story: &mut Story) {
    let left = until.saturating_duration_since(Instant::now());
    story.step(format_args!("{:.1} s pass until the replicas are old enough", left.as_secs_f64()));
    tokio::time::sleep_until(until.into()).await;
}

/// Between listing and trashing the world moves on: a block is written again, and another one is new.
pub(super) async fn meanwhile(
    cluster: &Cluster,
    catalogue: &Catalogue,
    mut listed: Vec<TrashItem>,
    story: &mut Story,
) -> Result<Vec<TrashItem>, Failure> {
    story.step("Meanwhile a client writes: one block for the second time, and one that is new");
    let first = cluster.first();
    let again = *catalogue.blocks.first().expect("files were stored, so there are blocks");
    let data = first
        .client
        .get_block(&cluster.signed(&again.locator()))
        .await
        .map_err(Failure::node("reading"))?;
    put_block(&first.client, data.collect().await.map_err(Failure::node("reading"))?).await?;
    let new = put_block(&first.client, b"a block that is as young as can be".to_vec()).await?;
    let prefix = new.hash.to_string().parse().expect("a whole hash is a prefix");
    // At the head of the list: what waits behind others grows old on a slow disk.
    let young = index(&first.client, prefix).await?;
    listed.splice(..0, young.values().map(|line| trash_item(first, line)));
    story.tell(format_args!(
        "{}  on the list with its old mtime; somebody relies on it again",
        again.hash
    ));
    story.tell(format_args!("{}  on the list with its true mtime, but too young", new.hash));
    Ok(listed)
}

/// Sends the first node its trash list. Both late blocks must stay.
pub(super) async fn trash(
    cluster: &Cluster,
    items: Vec<TrashItem>,
    story: &mut Story,
) -> Result<Worked, Failure> {
    story.step(format_args!("The first node gets a trash list of {} items", items.len()));
    let expected = Expected { done: (items.len() as u64).saturating_sub(2), skipped: 2, failed: 0 };
    work_off(cluster.first(), ListName::Trash, &items, expected, story).await
}

async fn work_off<T: Serialize>(
    node: &Node,
    list: ListName,
    items: &[T],
    expected: Expected,
    story: &Story,
) -> Result<Worked, Failure> {
    let body =
        serde_json::to_vec(items).expect("items of texts and numbers can be written as JSON");
    node.client.put_list(list, body).await.map_err(Failure::node(format!("{list} list")))?;
    let status = tokio::time::timeout(LIST_MAX, watch(&node.client, list, story)).await.map_err(
        |_elapsed| {
            Failure::Other(format!(
                "the {list} list was not worked off within {} s",
                LIST_MAX.as_secs()
            ))
        },
    )??;
    let mut outcomes = all_outcomes(&node.client, list).await?;
    outcomes.retain(|outcome| outcome.generation == status.generation);
    story.tell_list(&status, &outcomes);
    Ok(Worked { status, expected, outcomes })
}

/// Waits until the list is worked off. If the guard holds it, the demonstration is the operator who has looked.
async fn watch(client: &KeepClient, list: ListName, story: &Story) -> Result<ListStatus, Failure> {
    let bar = Bar::new(list);
    loop {
        let status =
            client.list_status(list).await.map_err(Failure::node(format!("{list} list")))?;
        bar.show_status(&status);
        if status.state == ListState::Held {
            release(client, &status, story).await?;
            continue;
        }
        if status.waiting + status.running == 0 {
            return Ok(status);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn release(client: &KeepClient, held: &ListStatus, story: &Story) -> Result<(), Failure> {
    let why = held.idle_because.as_deref().unwrap_or_default();
    let digest = held.digest.as_deref().unwrap_or_default();
    story.tell(format_args!(
        "The guard holds it: {why}. Nothing is trashed until somebody has looked."
    ));
    story.tell(format_args!("donjon list release {} --digest {digest}", held.generation));
    let released = client.release_list(held.list, held.generation, digest).await;
    released.map_err(Failure::node(format!("releasing {} list {}", held.list, held.generation)))?;
    Ok(())
}

fn trash_item(node: &Node, line: &IndexLine) -> TrashItem {
    TrashItem {
        locator: format!("{}+{}", line.hash, line.size),
        block_mtime: line.mtime.as_nanos(),
        mount_uuid: node.mount_uuid.clone(),
    }
}

async fn index(
    client: &KeepClient,
    prefix: HashPrefix,
) -> Result<BTreeMap<BlockHash, IndexLine>, Failure> {
    let mut lines = BTreeMap::new();
    let mut index = client.index(IndexScope::Node, prefix).await.map_err(Failure::node("index"))?;
    while let Some(line) = index.next().await {
        let line = line.map_err(Failure::node("index"))?;
        lines.insert(line.hash, line);
    }
    Ok(lines)
}
