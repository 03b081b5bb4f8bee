//! `GET /donjon/v1/blocks/{hash}`: where a block is, what became of it, and what will happen next.

use std::sync::Arc;

use http::StatusCode;
use keep_protocol::list::Request;
use keep_protocol::status::{
    BlockExplained, ListMention, ListName, ListState, MountExplained, TrashedCopy, UntrashOutcome,
    UntrashResult, Untrashed as UntrashedMount,
};
use keep_rules::trash::{SkipReason, Verdict, decide_delete};
use keep_rules::{BlockHash, Timestamp};
use keep_volume::{Error as VolumeError, Untrashed};

use super::admin::untrash_on;
use crate::http::{Answer, Failure, json};
use crate::ledger;
use crate::lists::{Query, Waiting, WorkList, list_status};
use crate::mounts::{Mount, sentence};
use crate::node::Node;

/// Entries of the ledger that are shown.
const HISTORY: usize = 100;

/// Items of the current lists that are shown.
const MENTIONS: usize = 100;

/// Explains a block.
pub(crate) async fn explain(node: &Arc<Node>, hash: BlockHash) -> Result<Answer, Failure> {
    let now = node.clock.now();
    let mut mounts = Vec::new();
    for mount in node.mounts.iter() {
        mounts.push(on_mount(node, mount, hash, now).await);
    }
    let mut waiting = mentions(node, ListName::Trash, &node.trash_list, hash, |request| {
        (request.mount(), Some(request.mtime().as_nanos()))
    });
    waiting.extend(mentions(node, ListName::Pull, &node.pull_list, hash, |request| {
        (request.mount(), None)
    }));
    let freeze = node.steering.now().freeze();
    let mut explained = BlockExplained {
        hash: hash.to_string(),
        now_ns: now.as_nanos(),
        ttl_seconds: node.signing.ttl.as_secs(),
        mounts,
        waiting,
        history: ledger::history(node, hash, HISTORY).await?,
        freeze,
        next: Vec::new(),
    };
    explained.next = next(&explained, now);
    Ok(json(StatusCode::OK, &explained))
}

async fn on_mount(node: &Node, mount: &Mount, hash: BlockHash, now: Timestamp) -> MountExplained {
    let mut explained =
        MountExplained { mount_uuid: mount.uuid.to_string(), ..MountExplained::default() };
    match mount.volume.stat(hash).await {
        Ok(replica) => {
            let verdict = decide_delete(Some(replica.mtime), mount.access, node.signing.ttl, now);
            explained.size = Some(replica.size);
            explained.mtime_ns = Some(replica.mtime.as_nanos());
            explained.age_seconds = Some(now.since(replica.mtime).as_secs());
            explained.old_enough_to_trash = Some(verdict != Verdict::Keep(SkipReason::TooNew));
        }
        Err(VolumeError::NotFound) => {}
        Err(error) => explained.problem = Some(sentence(&error)),
    }
    match mount.volume.trashed(hash).await {
        Ok(copies) => {
            explained.trashed = copies
                .iter()
                .map(|copy| TrashedCopy {
                    size: copy.size,
                    mtime_ns: copy.mtime.as_nanos(),
                    until_ns: copy.deadline.as_nanos(),
                })
                .collect();
        }
        Err(error) => explained.problem = Some(sentence(&error)),
    }
    explained
}

/// The items of a list that name the block, and have not been begun.
fn mentions<R: Request + Send + Sync + 'static>(
    node: &Node,
    name: ListName,
    list: &WorkList<R>,
    hash: BlockHash,
    read: impl Fn(&R) -> (Option<keep_protocol::list::MountName>, Option<i64>),
) -> Vec<ListMention> {
    let Waiting { id, items, names, .. } = list.find(hash, MENTIONS);
    let state = list_status(node, name).state;
    items
        .iter()
        .map(|item| {
            let (mount, block_mtime) = read(&item.data.request);
            ListMention {
                list: name,
                generation: id,
                state,
                mount_uuid: mount.map_or_else(String::new, |mount| names.mount(mount).to_owned()),
                block_mtime,
            }
        })
        .collect()
}

/// What will happen, in sentences.
fn next(block: &BlockExplained, now: Timestamp) -> Vec<String> {
    let mut says = Vec::new();
    let live = block.mounts.iter().filter(|mount| mount.size.is_some()).count();
    let trashed = block.mounts.iter().flat_map(|mount| &mount.trashed).count();
    match (live, trashed) {
        (0, 0) => says
            .push("This node has no copy of the block, neither live nor in the trash.".to_owned()),
        (0, _) => {
            says.push("There is no live copy; `donjon block untrash` brings one back.".to_owned())
        }
        (_, _) => says.push(format!("{live} live, {trashed} in the trash.")),
    }
    if let Some(reason) = block.freeze.reason.as_ref().filter(|_| block.freeze.frozen) {
        says.push(format!("Trashing and emptying are frozen: {reason}"));
    }
    for mention in &block.waiting {
        says.push(format!(
            "{} list {} names it: {}",
            mention.list,
            mention.generation,
            fate(block, mention)
        ));
    }
    for mount in &block.mounts {
        if let Some(problem) = &mount.problem {
            says.push(format!("Mount {} cannot be asked: {problem}", mount.mount_uuid));
        }
        for copy in &mount.trashed {
            let left = Timestamp::from_nanos(copy.until_ns).since(now).as_secs();
            let when = if left == 0 {
                "at the next emptying".to_owned()
            } else {
                format!("in {left} s at the earliest")
            };
            says.push(format!(
                "The copy in the trash of {} is deleted for good {when}.",
                mount.mount_uuid
            ));
        }
    }
    says
}

fn fate(block: &BlockExplained, mention: &ListMention) -> &'static str {
    match mention.state {
        ListState::Held => return "the list is held until an operator releases it.",
        ListState::Checking => return "the guard is counting before anything is done.",
        ListState::Paused => return "the list is paused.",
        ListState::Frozen => return "trashing is frozen.",
        ListState::Off => return "nothing works the list off here.",
        ListState::Idle | ListState::Running | ListState::Superseded => {}
    }
    if mention.list == ListName::Pull {
        return "it will be fetched.";
    }
    let meant = |mount: &&MountExplained| {
        mention.mount_uuid.is_empty() || mention.mount_uuid == mount.mount_uuid
    };
    let matching =
        block.mounts.iter().filter(meant).find(|mount| mount.mtime_ns == mention.block_mtime);
    match matching {
        Some(mount) if mount.old_enough_to_trash == Some(true) => {
            "it will be trashed when its turn comes."
        }
        Some(_) => "it is younger than the TTL and will be kept.",
        None => "no replica has the listed mtime any more, so it will be kept.",
    }
}

/// `POST /donjon/v1/blocks/{hash}/untrash`: on one mount, or on every writable one.
pub(crate) async fn untrash_explained(
    node: &Arc<Node>,
    hash: BlockHash,
    query: Query<'_>,
) -> Result<Answer, Failure> {
    let wanted = query.text("mount_uuid");
    if let Some(uuid) = &wanted {
        let known = node.mounts.get(uuid);
        let mount = known.ok_or_else(|| {
            Failure::new(StatusCode::NOT_FOUND, format!("this node has no mount {uuid}"))
        })?;
        if !mount.access.allows_write() {
            return Err(Failure::new(
                StatusCode::CONFLICT,
                format!("mount {uuid} is read-only here"),
            ));
        }
    }
    let mut mounts = Vec::new();
    for mount in node.mounts.iter().filter(|mount| mount.access.allows_write()) {
        if wanted.as_ref().is_none_or(|wanted| *wanted == mount.uuid.as_str()) {
            mounts.push(untrashed(node, mount, hash).await);
        }
    }
    Ok(json(StatusCode::OK, &UntrashOutcome { hash: hash.to_string(), mounts }))
}

async fn untrashed(node: &Arc<Node>, mount: &Arc<Mount>, hash: BlockHash) -> UntrashedMount {
    let (result, detail) = match untrash_on(node, mount, hash).await {
        Ok(Untrashed::Restored) => (UntrashResult::Restored, None),
        Ok(Untrashed::AlreadyLive) => (UntrashResult::AlreadyLive, None),
        Err(VolumeError::NotFound) => (UntrashResult::NotInTrash, None),
        Err(error) => (UntrashResult::Failed, Some(sentence(&error))),
    };
    UntrashedMount { mount_uuid: mount.uuid.to_string(), result, detail }
}
