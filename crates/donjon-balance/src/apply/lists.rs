//! The lists of a plan, in files: as nodes are sent them.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use keep_protocol::list::{PullItem, TrashItem};
use serde::Serialize;

use super::ApplyError;
use crate::outbox::{Draft, ListFile};
use crate::plan::{Header, Limits, Lists, PlanFile};
use crate::runs::Budget;
use crate::settings::Settings;

/// Memory for the order of lists.
const MEMORY: usize = 64 << 20;

/// The lists of all nodes, in files.
pub(super) struct Written {
    pub(super) pulls: Vec<ListFile>,
    pub(super) trashes: Vec<ListFile>,
    /// Sent and deferred entries.
    pub(super) pull_counts: Vec<(u64, u64)>,
    pub(super) trash_counts: Vec<(u64, u64)>,
}

/// Writes the lists of `plan`.
///
/// # Errors
/// The plan cannot be read, or a list not written.
pub(super) async fn write_lists(
    plan: Arc<PlanFile>,
    settings: &Settings,
) -> Result<Written, ApplyError> {
    let (dir, limits) = (settings.state_dir.clone(), settings.limits);
    let written = tokio::task::spawn_blocking(move || {
        let budget =
            Budget { memory: MEMORY, feeders: NonZeroUsize::MIN, readers: NonZeroUsize::MIN };
        // No more than the plan says: what is doomed later is read from the plan.
        let of = plan.header().limits;
        let limits =
            Limits { pulls: limits.pulls.min(of.pulls), trashes: limits.trashes.min(of.trashes) };
        let lists = Lists::prepare(&plan, limits, &dir, budget)?;
        let mut written = Written {
            pulls: Vec::new(),
            trashes: Vec::new(),
            pull_counts: Vec::new(),
            trash_counts: Vec::new(),
        };
        for (_, place) in plan.header().servers.iter().zip(0_u16..) {
            written.pulls.push(pulls(plan.header(), &lists, place, &dir)?);
            written.trashes.push(trashes(plan.header(), &lists, place, &dir)?);
            let (pulls, trashes) = (lists.pull_count(place), lists.trash_count(place));
            written.pull_counts.push((pulls.sent, pulls.deferred));
            written.trash_counts.push((trashes.sent, trashes.deferred));
        }
        Ok::<_, ApplyError>(written)
    });
    written.await.map_err(|error| ApplyError::Thread(error.to_string()))?
}

fn pulls(
    header: &Header,
    lists: &Lists<'_>,
    server: u16,
    dir: &Path,
) -> Result<ListFile, ApplyError> {
    let url = |from: &u16| header.servers[usize::from(*from)].url.clone();
    draft(dir, lists.pulls(server)?, |entry| PullItem {
        locator: entry.block.to_string(),
        servers: entry.from.iter().map(url).collect(),
        mount_uuid: header.mounts[usize::from(entry.to)].uuid.clone(),
    })
}

fn trashes(
    header: &Header,
    lists: &Lists<'_>,
    server: u16,
    dir: &Path,
) -> Result<ListFile, ApplyError> {
    draft(dir, lists.trashes(server)?, |entry| TrashItem {
        locator: entry.block.to_string(),
        block_mtime: entry.mtime.as_nanos(),
        mount_uuid: header.mounts[usize::from(entry.mount)].uuid.clone(),
    })
}

/// Writes a list, entry by entry.
fn draft<Entry, Item: Serialize, E: Into<ApplyError>>(
    dir: &Path,
    entries: impl Iterator<Item = Result<Entry, E>>,
    item: impl Fn(Entry) -> Item,
) -> Result<ListFile, ApplyError> {
    let mut draft = Draft::create(dir)?;
    for entry in entries {
        draft.push(&item(entry.map_err(Into::into)?))?;
    }
    Ok(draft.finish()?)
}
