//! What the node tells about its lists, under `/donjon/v1/`.

use std::str::FromStr;

use http::StatusCode;
use keep_protocol::list::{Names, PullRequest, TrashRequest};
use keep_protocol::status::{
    Freeze, ListName, ListStatus, NodeStatus, VolumeStatus, WaitingItem, WaitingItems,
};
use keep_rules::BlockHash;
use keep_rules::trash::Trashing;

use super::locator::locator_text;
use crate::http::{Answer, Failure, json};
use crate::mounts::Mount;
use crate::node::Node;

/// Rows of one page, at most.
const PAGE_MAX: usize = 10_000;

/// Rows of one page if the request does not say.
const PAGE: usize = 1_000;

/// The books of a list.
pub(crate) fn list_status(node: &Node, list: ListName) -> ListStatus {
    match list {
        ListName::Trash => node.trash_list.status(trash_workers(node) as u64, trash_idle(node)),
        ListName::Pull => node.pull_list.status(pull_workers(node) as u64, pull_idle(node)),
    }
}

/// How many workers take from the trash list.
pub(crate) fn trash_workers(node: &Node) -> usize {
    if trash_idle(node).is_some() { 0 } else { node.trash.workers }
}

/// How many workers take from the pull list.
pub(crate) fn pull_workers(node: &Node) -> usize {
    if pull_idle(node).is_some() { 0 } else { node.pull.workers.get() }
}

fn trash_idle(node: &Node) -> Option<String> {
    let reason = if node.trash.enabled == Trashing::Disabled {
        "Collections.BlobTrash is false: lists are taken and not worked off."
    } else if node.trash.workers == 0 {
        "Collections.BlobTrashConcurrency is 0: lists are taken and not worked off."
    } else if !node.mounts.iter().any(|mount| mount.access.allows_trash()) {
        "No mount of this node allows trashing: lists are taken and not worked off."
    } else {
        return None;
    };
    Some(reason.to_owned())
}

fn pull_idle(node: &Node) -> Option<String> {
    let writable = node.mounts.iter().any(|mount| mount.access.allows_write());
    (!writable).then(|| {
        "No mount of this node is writable: lists are taken and not worked off.".to_owned()
    })
}

/// A page of the items that wait.
pub(crate) fn items(node: &Node, list: ListName, query: Option<&str>) -> Result<Answer, Failure> {
    let offset = number(query, "offset")?.unwrap_or(0);
    let limit = number(query, "limit")?.unwrap_or(PAGE).min(PAGE_MAX);
    let page = match list {
        ListName::Trash => {
            let (generation, items, names) = node.trash_list.waiting();
            let row =
                |item: &block_work_list::BlockWork<_, _>| trash_row(item.hash, item.data, &names);
            page(generation, &items, offset, limit, row)
        }
        ListName::Pull => {
            let (generation, items, names) = node.pull_list.waiting();
            let row =
                |item: &block_work_list::BlockWork<_, _>| pull_row(item.hash, item.data, &names);
            page(generation, &items, offset, limit, row)
        }
    };
    Ok(json(StatusCode::OK, &page))
}

fn page<I>(
    generation: u64,
    items: &[I],
    offset: usize,
    limit: usize,
    row: impl Fn(&I) -> WaitingItem,
) -> WaitingItems {
    let rows: Vec<WaitingItem> = items.iter().skip(offset).take(limit).map(row).collect();
    let next = offset.saturating_add(rows.len());
    let next_offset = (next < items.len()).then_some(next as u64);
    WaitingItems { generation, items: rows, next_offset }
}

fn trash_row(hash: BlockHash, request: TrashRequest, names: &Names) -> WaitingItem {
    WaitingItem {
        locator: locator_text(hash, request.size(), names),
        block_mtime: Some(request.mtime().as_nanos()),
        mount_uuid: request.mount().map_or_else(String::new, |mount| names.mount(mount).to_owned()),
        servers: Vec::new(),
    }
}

fn pull_row(hash: BlockHash, request: PullRequest, names: &Names) -> WaitingItem {
    WaitingItem {
        locator: locator_text(hash, request.size(), names),
        block_mtime: None,
        mount_uuid: request.mount().map_or_else(String::new, |mount| names.mount(mount).to_owned()),
        servers: names.servers(request.servers()).iter().map(ToString::to_string).collect(),
    }
}

/// What became of the last items.
pub(crate) fn outcomes(
    node: &Node,
    list: ListName,
    query: Option<&str>,
) -> Result<Answer, Failure> {
    let after = number(query, "after")?.unwrap_or(0);
    let limit = number(query, "limit")?.unwrap_or(PAGE).min(PAGE_MAX);
    let page = match list {
        ListName::Trash => node.trash_list.outcomes(after, limit),
        ListName::Pull => node.pull_list.outcomes(after, limit),
    };
    Ok(json(StatusCode::OK, &page))
}

/// The node at one glance.
pub(crate) async fn status(node: &Node) -> Answer {
    let gate = node.gate.stats();
    let mut volumes = Vec::new();
    for mount in node.mounts.iter() {
        volumes.push(volume_status(mount).await);
    }
    let status = NodeStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        cluster_id: node.cluster_id.to_string(),
        started_at_ns: node.started.as_nanos(),
        requests_running: gate.running as u64,
        requests_queued: (gate.queued_normal + gate.queued_high) as u64,
        freeze: Freeze::default(),
        volumes,
        lists: ListName::ALL.into_iter().map(|list| list_status(node, list)).collect(),
    };
    json(StatusCode::OK, &status)
}

async fn volume_status(mount: &Mount) -> VolumeStatus {
    VolumeStatus {
        uuid: mount.uuid.to_string(),
        device_id: mount.volume.device_id().to_string(),
        allow_write: mount.access.allows_write(),
        allow_trash: mount.access.allows_trash(),
        full: mount.volume.is_full().await,
        problem: mount.problem(),
    }
}

/// A number in a query.
fn number<N: FromStr>(query: Option<&str>, key: &str) -> Result<Option<N>, Failure> {
    let mut pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let Some((_, value)) = pairs.find(|(name, _)| name == key) else { return Ok(None) };
    let text =
        format!("{key}={value} is not a number that can be used; give a whole number from 0");
    value.parse().map(Some).map_err(|_unreadable| Failure::new(StatusCode::BAD_REQUEST, text))
}
