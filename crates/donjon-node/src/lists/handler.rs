//! What the node tells about its lists, and what an operator may do to them, under `/donjon/v1/`.

use std::str::FromStr;
use std::time::Duration;

use futures_util::future::join_all;
use http::StatusCode;
use keep_protocol::status::{
    ListName, ListSettings, ListState, ListStatus, NodeStatus, Removed, SettingsChange,
    VolumeStatus,
};
use keep_rules::BlockHash;
use keep_rules::trash::Trashing;
use list_store::{StoreError, StoredList};
use tokio::time::timeout;

use super::code::End;
use super::steerable;
use super::work::NotReleased;
use crate::freeze::not_durable;
use crate::health::CHECK_TIMEOUT;
use crate::http::{Answer, Failure, json};
use crate::life::settle;
use crate::mounts::{Mount, SILENT, sentence};
use crate::node::Node;
use crate::steering;

/// Rows of one page, at most.
const PAGE_MAX: usize = 10_000;

/// Rows of one page if the request does not say.
const PAGE: usize = 1_000;

/// The receipt and the books of the current list.
pub(crate) fn list_status(node: &Node, list: ListName) -> ListStatus {
    let status = steerable::list(node, list).books();
    let steered = node.steering.now();
    let workers = workers_in_force(node, list) as u64;
    let frozen = list == ListName::Trash && steered.freeze.is_some();
    // An idle list says too that the next one would not move.
    let moving = matches!(status.state, ListState::Running | ListState::Idle);
    let (state, idle_because) = match off(node, list) {
        Some(why) => (ListState::Off, Some(why.to_owned())),
        None if moving && frozen => {
            (ListState::Frozen, Some("Trashing is frozen on this node.".to_owned()))
        }
        None if moving && steered.of(list).paused => {
            (ListState::Paused, Some("An operator paused this list.".to_owned()))
        }
        None if moving && workers == 0 => {
            (ListState::Off, Some("The number of workers is set to 0.".to_owned()))
        }
        None => (status.state, status.idle_because.clone()),
    };
    let settings = settings(node, list);
    ListStatus { state, idle_because, workers, settings, ..status }
}

/// A list by its id.
pub(crate) fn list_by_id(node: &Node, list: ListName, id: u64) -> Result<Answer, Failure> {
    let current = list_status(node, list);
    let past = || steerable::list(node, list).past(id);
    let status = if current.generation == id { Some(current) } else { past() };
    let unknown =
        || Failure::new(StatusCode::NOT_FOUND, format!("no {list} list {id} is remembered here"));
    Ok(json(StatusCode::OK, &status.ok_or_else(unknown)?))
}

/// What the answer to a list that becomes current now says of it.
pub(super) fn state_of_a_new_list(node: &Node, list: ListName) -> ListState {
    let steered = node.steering.now();
    if off(node, list).is_some() || workers_in_force(node, list) == 0 {
        ListState::Off
    } else if list == ListName::Trash && steered.freeze.is_some() {
        ListState::Frozen
    } else if steered.of(list).paused {
        ListState::Paused
    } else {
        ListState::Running
    }
}

/// How many workers take from a list: none if the configuration switches it off, else what was set, else what is
/// configured.
pub(crate) fn workers_in_force(node: &Node, list: ListName) -> usize {
    if off(node, list).is_some() {
        return 0;
    }
    let set =
        node.steering.now().of(list).workers.and_then(|workers| usize::try_from(workers).ok());
    set.unwrap_or(configured_workers(node, list))
}

fn configured_workers(node: &Node, list: ListName) -> usize {
    match list {
        ListName::Trash => node.trash.workers,
        ListName::Pull => node.pull.workers.get(),
    }
}

/// Why a list is not worked off whatever the settings say.
fn off(node: &Node, list: ListName) -> Option<&'static str> {
    let trash = || {
        if node.trash.enabled == Trashing::Disabled {
            Some("Collections.BlobTrash is false: lists are taken and not worked off.")
        } else if node.trash.workers == 0 && node.steering.now().trash.workers.is_none() {
            Some("Collections.BlobTrashConcurrency is 0: lists are taken and not worked off.")
        } else if !node.mounts.iter().any(|mount| mount.access.allows_trash()) {
            Some("No mount of this node allows trashing: lists are taken and not worked off.")
        } else {
            None
        }
    };
    let pull = || {
        let writable = node.mounts.iter().any(|mount| mount.access.allows_write());
        (!writable)
            .then_some("No mount of this node is writable: lists are taken and not worked off.")
    };
    match list {
        ListName::Trash => trash(),
        ListName::Pull => pull(),
    }
}

/// The settings in force.
pub(crate) fn settings(node: &Node, list: ListName) -> ListSettings {
    node.steering.now().of(list).settings(configured_workers(node, list) as u64)
}

/// Changes settings at run time.
pub(crate) async fn set_settings(
    node: &Node,
    list: ListName,
    body: &[u8],
) -> Result<Answer, Failure> {
    let change: SettingsChange = read(body)?;
    steering::check(&change)
        .map_err(|error| Failure::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    node.steering.set(list, &change).await?;
    Ok(json(StatusCode::OK, &settings(node, list)))
}

/// Pauses a list, or lets it go on. What workers hold is finished.
pub(crate) async fn pause(node: &Node, list: ListName, paused: Paused) -> Result<Answer, Failure> {
    match paused {
        Paused::Yes => {
            node.steering.pause(list).await.map_err(|error| not_durable("paused", &error))?
        }
        Paused::No => node.steering.resume(list).await?,
    }
    Ok(json(StatusCode::OK, &list_status(node, list)))
}

/// Whether a list is to be paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paused {
    Yes,
    No,
}

/// Takes everything that waits off a list. It stops something, so it is in force at once, and then written.
///
/// # Errors
/// 500: the list is cancelled, and not so on the disk. To be repeated once the disk takes it. 503: the node is stopping;
/// the list is cancelled on the disk.
pub(crate) async fn cancel(node: &Node, list: ListName) -> Result<Answer, Failure> {
    let _turn = steerable::list(node, list).turn().lock().await;
    let id = list_status(node, list).generation;
    let cancelled = steerable::list(node, list).cancel();
    order(node, list, id, |stored| stored.cancel()).await.map_err(|error| forgotten(&error))?;
    settled(node, list, id).await;
    cancelled?;
    Ok(json(StatusCode::OK, &list_status(node, list)))
}

/// A list that is cancelled and goes on after a restart.
fn forgotten(error: &StoreError) -> Failure {
    tracing::error!(
        error = sentence(error),
        "cannot write that a list is cancelled: a restart forgets it"
    );
    let text = "cancelled now, but a restart forgets it: the list's state cannot be written; make room or see the log, \
                and cancel again";
    Failure::new(StatusCode::INTERNAL_SERVER_ERROR, text)
}

/// Lets a held list through the guard.
pub(crate) async fn release(
    node: &Node,
    list: ListName,
    id: u64,
    query: Query<'_>,
) -> Result<Answer, Failure> {
    let digest = query.text("digest").unwrap_or_default();
    let _turn = steerable::list(node, list).turn().lock().await;
    steerable::list(node, list).may_release(id, &digest)?;
    order(node, list, id, |stored| stored.release()).await?;
    settled(node, list, id).await;
    steerable::list(node, list).release(id, &digest)?;
    tracing::warn!(list = list.as_str(), id, "an operator released a held list");
    Ok(json(StatusCode::OK, &list_status(node, list)))
}

/// An order about all of a list is on the disk.
async fn settled(node: &Node, list: ListName, id: u64) {
    match list {
        ListName::Trash => settle(node, id).await,
        // Pull lists go on whatever the sign of life says.
        ListName::Pull => {}
    }
}

/// Writes an order about a list to the disk, if the list is there. To be done before the order takes effect.
async fn order(
    node: &Node,
    list: ListName,
    id: u64,
    order: impl FnOnce(&StoredList<End>) -> Result<(), StoreError> + Send + 'static,
) -> Result<(), StoreError> {
    let Some(stored) = steerable::list(node, list).stored(id) else { return Ok(()) };
    tokio::task::spawn_blocking(move || order(&stored))
        .await
        .expect("writing an order does not panic")
}

impl From<NotReleased> for Failure {
    fn from(error: NotReleased) -> Failure {
        let status = match error {
            NotReleased::NotHeld(_) | NotReleased::OtherDigest { .. } => StatusCode::CONFLICT,
            NotReleased::Closed(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Failure::new(status, error.to_string())
    }
}

/// Takes the items of a block off a list.
pub(crate) async fn remove(
    node: &Node,
    list: ListName,
    hash: BlockHash,
) -> Result<Answer, Failure> {
    let _turn = steerable::list(node, list).turn().lock().await;
    let id = list_status(node, list).generation;
    order(node, list, id, move |stored| stored.remove(&[hash])).await?;
    let removed = steerable::list(node, list).remove(hash);
    Ok(json(StatusCode::OK, &Removed { removed }))
}

/// A page of the items that wait.
pub(crate) fn items(node: &Node, list: ListName, query: Query<'_>) -> Result<Answer, Failure> {
    let offset = query.number("offset")?.unwrap_or(0);
    let limit = query.number("limit")?.unwrap_or(PAGE).min(PAGE_MAX);
    Ok(json(StatusCode::OK, &steerable::list(node, list).page(offset, limit)))
}

/// What became of the last items.
pub(crate) fn outcomes(node: &Node, list: ListName, query: Query<'_>) -> Result<Answer, Failure> {
    let (after, limit) = query.after_and_limit()?;
    Ok(json(StatusCode::OK, &steerable::list(node, list).outcomes(after, limit)))
}

/// The node at one glance.
pub(crate) async fn status(node: &Node) -> Answer {
    let gate = node.gate.stats();
    let volumes = node.mounts.iter().map(|mount| volume_status(mount, CHECK_TIMEOUT));
    let volumes = join_all(volumes).await;
    let status = NodeStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        cluster_id: node.cluster_id.to_string(),
        started_at_ns: node.started.as_nanos(),
        requests_running: gate.running as u64,
        requests_queued: (gate.queued_normal + gate.queued_high) as u64,
        freeze: node.steering.now().freeze(),
        volumes,
        lists: ListName::ALL.into_iter().map(|list| list_status(node, list)).collect(),
    };
    json(StatusCode::OK, &status)
}

/// A volume that hangs must not hold up what is said of the others.
async fn volume_status(mount: &Mount, patience: Duration) -> VolumeStatus {
    let full = timeout(patience, mount.volume.is_full()).await.ok();
    VolumeStatus {
        uuid: mount.uuid.to_string(),
        device_id: mount.volume.device_id().to_string(),
        allow_write: mount.access.allows_write(),
        allow_trash: mount.access.allows_trash(),
        full: full.unwrap_or(false),
        problem: mount.problem().or_else(|| full.is_none().then(|| SILENT.to_owned())),
    }
}

/// Reads the JSON body of an operator's request.
pub(crate) fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body)
        .map_err(|error| Failure::new(StatusCode::BAD_REQUEST, format!("the body: {error}")))
}

/// The query of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query<'q>(pub(crate) Option<&'q str>);

impl Query<'_> {
    /// The value of a key; the first if it is there twice.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        let mut pairs = url::form_urlencoded::parse(self.0.unwrap_or_default().as_bytes());
        pairs.find(|(name, _)| name == key).map(|(_, value)| value.into_owned())
    }

    /// Which page of outcomes is wanted.
    ///
    /// # Errors
    /// 400 if a number is none.
    pub(super) fn after_and_limit(&self) -> Result<(u64, usize), Failure> {
        let limit = self.number("limit")?.unwrap_or(PAGE).min(PAGE_MAX);
        Ok((self.number("after")?.unwrap_or(0), limit))
    }

    /// A value that is more than a text.
    ///
    /// # Errors
    /// 400 with what is wrong with it.
    pub(crate) fn parsed<T: FromStr<Err: std::fmt::Display>>(
        &self,
        key: &str,
    ) -> Result<Option<T>, Failure> {
        let Some(value) = self.text(key) else { return Ok(None) };
        let bad = |error: T::Err| Failure::new(StatusCode::BAD_REQUEST, format!("{key}: {error}"));
        value.parse().map(Some).map_err(bad)
    }

    /// A number.
    ///
    /// # Errors
    /// 400 if the value is none.
    pub(crate) fn number<N: FromStr>(&self, key: &str) -> Result<Option<N>, Failure> {
        let Some(value) = self.text(key) else { return Ok(None) };
        let text =
            format!("{key}={value} is not a number that can be used; give a whole number from 0");
        value.parse().map(Some).map_err(|_unreadable| Failure::new(StatusCode::BAD_REQUEST, text))
    }
}
