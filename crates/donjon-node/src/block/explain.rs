//! `GET /donjon/v1/blocks/{hash}`: where a block is, what became of it, and what will happen next.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use http::StatusCode;
use keep_protocol::list::Request;
use keep_protocol::status::{
    BlockExplained, ListMention, ListName, ListState, MountExplained, TrashedCopy, UntrashOutcome,
    UntrashResult, Untrashed as UntrashedMount,
};
use keep_rules::trash::{SkipReason, Verdict, decide_delete};
use keep_rules::{BlockHash, Timestamp};
use keep_volume::{Error as VolumeError, Untrashed};
use tokio::time::timeout;

use super::admin::untrash_on;
use crate::health::CHECK_TIMEOUT;
use crate::http::{Answer, Failure, json};
use crate::ledger;
use crate::lists::{Query, Waiting, WorkList, list_status};
use crate::mounts::{Mount, SILENT, sentence};
use crate::node::Node;

/// Entries of the ledger that are shown.
const HISTORY: usize = 100;

/// Items of the current lists that are shown.
const MENTIONS: usize = 100;

/// Explains a block.
pub(crate) async fn explain(node: &Arc<Node>, hash: BlockHash) -> Result<Answer, Failure> {
    let now = node.clock.now();
    let mounts = node.mounts.iter().map(|mount| in_time(node, mount, hash, now, CHECK_TIMEOUT));
    let mounts = join_all(mounts).await;
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
        outcomes: [
            (ListName::Trash, node.trash_list.undone(hash, MENTIONS)),
            (ListName::Pull, node.pull_list.undone(hash, MENTIONS)),
        ]
        .into(),
        freeze,
        next: Vec::new(),
    };
    explained.next = next(&explained, now);
    Ok(json(StatusCode::OK, &explained))
}

/// A mount that hangs must not hold up what is said of the others.
async fn in_time(
    node: &Node,
    mount: &Mount,
    hash: BlockHash,
    now: Timestamp,
    patience: Duration,
) -> MountExplained {
    let explained = timeout(patience, on_mount(node, mount, hash, now)).await;
    explained.unwrap_or_else(|_elapsed| MountExplained {
        problem: Some(SILENT.to_owned()),
        ..nothing_known(mount)
    })
}

fn nothing_known(mount: &Mount) -> MountExplained {
    MountExplained { mount_uuid: mount.uuid.to_string(), ..MountExplained::default() }
}

async fn on_mount(node: &Node, mount: &Mount, hash: BlockHash, now: Timestamp) -> MountExplained {
    let mut explained = nothing_known(mount);
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
    let silent = block.mounts.iter().filter(|mount| mount.problem.is_some()).count();
    says.push(match (live, trashed, silent) {
        (0, 0, 0) => "This node has no copy of the block, neither live nor in the trash.".to_owned(),
        (0, 0, _) => {
            format!("No mount that could be asked has a copy; {silent} could not be asked.")
        }
        (0, _, 0) => "There is no live copy; `donjon block untrash` brings one back.".to_owned(),
        (0, _, _) => format!(
            "No mount that could be asked has a live copy; {silent} could not be asked. `donjon block untrash` brings \
             one back."
        ),
        (_, _, 0) => format!("{live} live, {trashed} in the trash."),
        (_, _, _) => {
            format!("{live} live, {trashed} in the trash; {silent} mounts could not be asked.")
        }
    });
    if let Some(reason) = block.freeze.reason.as_ref().filter(|_| block.freeze.frozen) {
        says.push(format!("Trashing and emptying are frozen: {reason}"));
    }
    for mention in &block.waiting {
        says.push(format!(
            "{} list {} names it: {}",
            mention.list,
            mention.generation,
            fate(&block.mounts, mention)
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

fn fate(mounts: &[MountExplained], mention: &ListMention) -> &'static str {
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
    let mut meant = mounts.iter().filter(meant);
    match meant.clone().find(|mount| mount.mtime_ns == mention.block_mtime) {
        Some(mount) if mount.old_enough_to_trash == Some(true) => {
            "it will be trashed when its turn comes."
        }
        Some(_) => "it is younger than the TTL and will be kept.",
        None if meant.any(|mount| mount.problem.is_some()) => {
            "no mount that could be asked has the listed mtime; the others are asked when its turn comes."
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig;

    const LISTED: i64 = 1_799_000_000_000_000_000;

    fn mount(uuid: &str) -> MountExplained {
        MountExplained { mount_uuid: uuid.to_owned(), ..MountExplained::default() }
    }

    #[track_caller]
    fn check(mounts: &[MountExplained], listed_mount: &str, expected: &str) {
        let mention = ListMention {
            list: ListName::Trash,
            generation: 1,
            state: ListState::Running,
            mount_uuid: listed_mount.to_owned(),
            block_mtime: Some(LISTED),
        };
        assert!(fate(mounts, &mention).contains(expected), "{}", fate(mounts, &mention));
    }

    #[tokio::test]
    async fn a_mount_that_does_not_answer_is_told_as_such() {
        let root = tempfile::tempdir().unwrap();
        let node = rig::node(Arc::new(rig::directory(root.path())), None, |_config| {});
        let mount = node.mounts.iter().next().unwrap();
        let ask = |patience| in_time(&node, mount, BlockHash::EMPTY, rig::NOW, patience);
        assert_eq!(ask(Duration::from_secs(3600)).await.problem, None);
        let hanging = rig::Hanging::begin(root.path());
        assert_eq!(ask(Duration::ZERO).await.problem.as_deref(), Some(SILENT));
        hanging.end();
    }

    #[test]
    fn a_mount_that_cannot_be_asked_leaves_the_fate_open() {
        let silent = || MountExplained { problem: Some("I/O error".to_owned()), ..mount("silent") };
        let has = |old: bool| MountExplained {
            mtime_ns: Some(LISTED),
            old_enough_to_trash: Some(old),
            ..mount("has")
        };
        check(&[silent()], "", "the others are asked when its turn comes");
        check(&[silent(), mount("lacks")], "silent", "the others are asked");
        check(&[silent(), mount("lacks")], "lacks", "no replica has the listed mtime any more");
        check(&[silent(), has(true)], "", "it will be trashed");
        check(&[silent(), has(false)], "has", "it is younger than the TTL");
    }
}
