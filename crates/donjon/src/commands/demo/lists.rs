//! Waiting until lists are worked off.

use std::collections::BTreeMap;
use std::time::Duration;

use keep_protocol::client::KeepClient;
use keep_protocol::status::{ListName, ListState, ListStatus};
use serde::Serialize;

use super::cluster::{CONFIG, Cluster, Node};
use super::story::Story;
use crate::commands::list::Bar;
use crate::failure::Failure;

/// How long a list may take. Lists of the demonstration take a second or two.
const LIST_MAX: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A list that was worked off.
#[derive(Serialize)]
pub(super) struct Worked {
    pub(super) node: &'static str,
    pub(super) list_id: u64,
    pub(super) received: u64,
    pub(super) done: u64,
    pub(super) skipped: BTreeMap<String, u64>,
    pub(super) failed: BTreeMap<String, u64>,
}

/// Waits until the lists of every node are worked off; those that had items.
pub(super) async fn worked_off(
    cluster: &Cluster,
    list: ListName,
    story: &Story,
) -> Result<Vec<Worked>, Failure> {
    let mut lists = Vec::new();
    for node in &cluster.nodes {
        let watched = tokio::time::timeout(LIST_MAX, watch(node, list, story)).await;
        let status = watched.map_err(|_elapsed| {
            Failure::Other(format!(
                "the {list} list of the {} node was not worked off within {} s",
                node.name,
                LIST_MAX.as_secs()
            ))
        })??;
        if status.received > 0 {
            lists.push(Worked::of(node, status));
        }
    }
    Ok(lists)
}

impl Worked {
    fn of(node: &Node, status: ListStatus) -> Self {
        let ListStatus { generation, received, done, skipped, failed, .. } = status;
        Worked { node: node.name, list_id: generation, received, done, skipped, failed }
    }
}

/// Waits until the list is worked off. If the guard holds it, the demonstration is the operator who has looked.
async fn watch(node: &Node, list: ListName, story: &Story) -> Result<ListStatus, Failure> {
    let bar = Bar::new(list);
    loop {
        let status = node.client.list_status(list).await;
        let status = status.map_err(Failure::node(format!("{list} list")))?;
        bar.show_status(&status);
        if status.state == ListState::Held {
            release(&node.client, node, &status, story).await?;
            continue;
        }
        if status.waiting + status.running == 0 {
            return Ok(status);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn release(
    client: &KeepClient,
    node: &Node,
    held: &ListStatus,
    story: &Story,
) -> Result<(), Failure> {
    let why = held.idle_because.as_deref().unwrap_or_default();
    let (id, digest) = (held.generation.to_string(), held.digest.as_deref().unwrap_or_default());
    story.tell_prose(format_args!(
        "The {} node's guard holds the list: {why}. Nothing happens until somebody has looked.",
        node.name
    ));
    let url = node.url.as_str();
    story.command(&["list", "release", &id, "--digest", digest, "--url", url, "--config", CONFIG]);
    let released = client.release_list(held.list, held.generation, digest).await;
    released.map_err(Failure::node(format!("releasing {} list {id}", held.list)))?;
    Ok(())
}
