//! The state directory: plans by their ids, and which trash entries of theirs are still in force.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use keep_rules::balance::{Layout, MountIndex};

use crate::drafts;
use crate::plan::{Lists, Mount, PlanError, PlanFile};
use crate::runs::{Budget, DoomedRecord, Feeder, SortError};
use crate::sent::DoomedPlan;

/// Memory for reading the lists of an old plan.
const MEMORY: usize = 16 << 20;
/// Plans that are kept beside those in force, to be shown and compared.
const KEPT: usize = 20;
/// What the name of a plan ends with.
const SUFFIX: &str = ".plan";

/// Where plans are kept.
#[derive(Clone, Debug)]
pub struct Plans {
    dir: PathBuf,
    state: PathBuf,
}

/// Why a plan cannot be kept.
#[derive(Debug, thiserror::Error)]
#[error("{}: {doing}: {error}", path.display())]
pub struct KeepError {
    path: PathBuf,
    doing: &'static str,
    #[source]
    error: io::Error,
}

/// Why it is not known what is doomed.
#[derive(Debug, thiserror::Error)]
pub enum DoomedError {
    /// The plan cannot be read, or is another one.
    #[error("{0}")]
    Plan(#[from] PlanError),
    /// The plan of this id is another one than was sent.
    #[error("the plan {0} is not the one that was sent")]
    Other(String),
    /// It cannot be kept for sorting.
    #[error(transparent)]
    Sort(#[from] SortError),
}

impl Plans {
    /// The plans of a state directory. Makes the place for them.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn in_state(state: &Path) -> Result<Plans, KeepError> {
        let dir = state.join("plans");
        match fs::create_dir(&dir) {
            Ok(()) => sync(state).map_err(|error| failed(state, "cannot be synced", error))?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(&dir, "cannot be made", error)),
        }
        Ok(Plans { dir, state: state.to_owned() })
    }

    /// Where the plan of this id is, or would be.
    pub fn path(&self, id: &str) -> PathBuf {
        self.dir.join(format!("{id}{SUFFIX}"))
    }

    /// Keeps the plan at `from`, which was found whole, under its id, durably, if it is not here already.
    ///
    /// # Errors
    /// It cannot be copied; nothing may be sent then, as nobody would know later what was.
    pub fn adopt(&self, id: &str, from: &Path) -> Result<PathBuf, KeepError> {
        let to = self.path(id);
        if is_whole(&to) {
            return Ok(to);
        }
        let mut draft = drafts::create(&self.dir, "plan")
            .map_err(|error| failed(&to, "cannot be made", error))?;
        let copied = File::open(from)
            .and_then(|mut from| io::copy(&mut from, draft.as_file_mut()))
            .and_then(|_bytes| draft.as_file().sync_all());
        copied.map_err(|error| failed(from, "cannot be copied to the state directory", error))?;
        draft.persist(&to).map_err(|error| failed(&to, "cannot be named", error.error))?;
        sync(&self.dir).map_err(|error| failed(&self.dir, "cannot be synced", error))?;
        Ok(to)
    }

    /// Feeds the trash entries that are in force to `feeder`, as mounts of `layout`.
    ///
    /// # Errors
    /// It is not known what is in force: clear all lists.
    pub fn feed_doomed(
        &self,
        doomed: &[DoomedPlan],
        layout: &Layout,
        feeder: &mut Feeder<DoomedRecord>,
    ) -> Result<(), DoomedError> {
        doomed.iter().try_for_each(|doomed| self.feed_one(doomed, layout, feeder))
    }

    /// Whether there are plans in a state directory. That it cannot be looked at is no sign that there are none.
    pub(crate) fn are_in(state: &Path) -> bool {
        let is_plan = |entry: io::Result<fs::DirEntry>| {
            entry.map_or(true, |entry| entry.file_name().to_string_lossy().ends_with(SUFFIX))
        };
        match fs::read_dir(state.join("plans")) {
            Ok(mut entries) => entries.any(is_plan),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }

    /// Whether the plan of this id can be read, and is the one with this digest.
    pub(crate) fn has(&self, id: &str, digest: &str) -> bool {
        let mut plan = match PlanFile::open(&self.path(id)) {
            Ok(plan) => plan,
            Err(_) => return false,
        };
        plan.verify().is_ok() && plan.digest().to_string() == digest
    }

    fn feed_one(
        &self,
        doomed: &DoomedPlan,
        layout: &Layout,
        feeder: &mut Feeder<DoomedRecord>,
    ) -> Result<(), DoomedError> {
        let plan = PlanFile::open(&self.path(&doomed.plan))?;
        if plan.digest().to_string() != doomed.digest {
            return Err(DoomedError::Other(doomed.plan.clone()));
        }
        let header = plan.header();
        // A list that a server has may be carried out through a view that is not in the layout any more.
        let views: HashMap<&str, MountIndex> = layout
            .devices()
            .iter()
            .map(|device| (device.uuid().as_str(), device.views()[0]))
            .collect();
        // A device that nobody sees any more holds nothing that could protect a block.
        let is_seen = |mount: &Mount| {
            let server = &header.servers[usize::from(mount.server)].uuid;
            doomed.servers.contains(server) && views.contains_key(mount.uuid.as_str())
        };
        if !header.mounts.iter().any(is_seen) {
            return Ok(());
        }
        let budget =
            Budget { memory: MEMORY, feeders: NonZeroUsize::MIN, readers: NonZeroUsize::MIN };
        let lists = Lists::prepare(&plan, header.limits, &self.state, budget)?;
        for (server, place) in header.servers.iter().zip(0_u16..) {
            if !doomed.servers.contains(&server.uuid) {
                continue;
            }
            for entry in lists.trashes(place)? {
                let entry = entry?;
                let mount = &header.mounts[usize::from(entry.mount)].uuid;
                let Some(mount) = views.get(mount.as_str()) else { continue };
                let (hash, mtime) = (entry.block.hash, entry.mtime);
                feeder.push(DoomedRecord { hash, mtime, mount: mount.get() })?;
            }
        }
        Ok(())
    }

    /// Removes all but the newest plans and those of `in_force`. Says nothing of what cannot be removed but to the log.
    pub fn prune(&self, in_force: &[String]) {
        let Ok(entries) = fs::read_dir(&self.dir) else { return };
        let mut ids: Vec<String> = entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(SUFFIX).map(str::to_owned))
            .collect();
        // Ids begin with the instant of the run.
        ids.sort();
        let old = ids.len().saturating_sub(KEPT);
        for id in ids.iter().take(old).filter(|id| !in_force.contains(id)) {
            if let Err(error) = fs::remove_file(self.path(id)) {
                tracing::warn!(plan = id, %error, "an old plan cannot be removed");
            }
        }
    }
}

/// Whether there is a plan, and every byte of it is right.
fn is_whole(path: &Path) -> bool {
    PlanFile::open(path).and_then(|mut plan| plan.verify()).is_ok()
}

fn failed(path: &Path, doing: &'static str, error: io::Error) -> KeepError {
    KeepError { path: path.to_owned(), doing, error }
}

fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
