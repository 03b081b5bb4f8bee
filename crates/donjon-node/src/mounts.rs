//! The mounts of this node: volumes, and what it may do with them.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keep_rules::rendezvous::sort_mounts;
use keep_rules::{Access, BlockHash, ClassSet, MountUuid, Priority, Replication};
use keep_volume::{TryWrite, Volume};
use tokio::sync::{OwnedMutexGuard, oneshot};
use tokio::time::timeout;

/// What is wrong with a volume that hangs.
pub(crate) const SILENT: &str = "the volume does not answer";

/// A volume as this node sees it.
pub struct Mount {
    /// Its name in lists and listings.
    pub uuid: MountUuid,
    /// What this node may do with it.
    pub access: Access,
    /// Copies that the back end keeps of each block.
    pub replication: Replication,
    /// Its storage classes.
    pub classes: ClassSet,
    /// Classes that the config names for it and switches off: shown, not offered.
    pub classes_off: ClassSet,
    /// Which mounts are asked first.
    pub priority: Priority,
    /// The back end.
    pub volume: Arc<dyn Volume>,
    /// What the last check found. Until then nothing is wrong.
    problem: Mutex<Option<String>>,
    /// Held while the volume is tried, also when nobody waits for that any more.
    checking: Arc<tokio::sync::Mutex<()>>,
}

/// What a [`Mount`] is made of.
pub struct MountParts {
    /// See [`Mount::uuid`].
    pub uuid: MountUuid,
    /// See [`Mount::access`].
    pub access: Access,
    /// See [`Mount::replication`].
    pub replication: Replication,
    /// See [`Mount::classes`].
    pub classes: ClassSet,
    /// See [`Mount::classes_off`].
    pub classes_off: ClassSet,
    /// See [`Mount::priority`].
    pub priority: Priority,
    /// See [`Mount::volume`].
    pub volume: Arc<dyn Volume>,
}

impl Mount {
    /// A mount that has not been checked yet.
    pub fn new(parts: MountParts) -> Mount {
        let MountParts { uuid, access, replication, classes, classes_off, priority, volume } =
            parts;
        Mount {
            uuid,
            access,
            replication,
            classes,
            classes_off,
            priority,
            volume,
            problem: Mutex::default(),
            checking: Arc::default(),
        }
    }

    /// Tries the volume as it is used here, and remembers what is wrong. Waits no longer than `patience`; a volume that
    /// has not answered by then is not well.
    ///
    /// One check at a time: a disk that hangs takes one thread, not one for everybody who asks. Who asks meanwhile is told
    /// what is known.
    ///
    /// # Errors
    /// What is wrong, as a sentence without server paths.
    pub async fn check(self: &Arc<Self>, patience: Duration) -> Result<(), String> {
        let Ok(turn) = self.checking.clone().try_lock_owned() else {
            return self.problem().map_or(Ok(()), Err);
        };
        let (tell, told) = oneshot::channel();
        tokio::spawn(self.clone().try_volume(turn, patience, tell));
        told.await.unwrap_or_else(|_panicked| self.remember(Err("the check broke down".to_owned())))
    }

    /// Tells the first verdict, and remembers the last.
    async fn try_volume(
        self: Arc<Self>,
        _turn: OwnedMutexGuard<()>,
        patience: Duration,
        tell: oneshot::Sender<Result<(), String>>,
    ) {
        let write = if self.access.allows_write() { TryWrite::Yes } else { TryWrite::No };
        let mut trying = self.volume.check(write);
        let in_time = timeout(patience, &mut trying).await;
        let verdict = match &in_time {
            Ok(tried) => tried.as_ref().copied().map_err(|error| sentence(error)),
            Err(_elapsed) => Err(SILENT.to_owned()),
        };
        // Whoever asked may have left.
        drop(tell.send(self.remember(verdict)));
        if in_time.is_err() {
            drop(self.remember(trying.await.map_err(|error| sentence(&error))));
        }
    }

    fn remember(&self, verdict: Result<(), String>) -> Result<(), String> {
        let new = verdict.clone().err();
        let old = std::mem::replace(&mut *self.lock(), new.clone());
        match (old, new) {
            (None, Some(problem)) => {
                tracing::error!(mount = %self.uuid, problem, "this volume does not work");
            }
            (Some(_), None) => tracing::info!(mount = %self.uuid, "this volume works again"),
            (None, None) | (Some(_), Some(_)) => {}
        }
        verdict
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the last check found wrong.
    pub fn problem(&self) -> Option<String> {
        self.lock().clone()
    }
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mount")
            .field("uuid", &self.uuid)
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}

/// An error and its causes in one line.
pub(crate) fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

/// All mounts of this node, sorted by UUID. A clone is another handle on the same mounts.
#[derive(Clone, Debug)]
pub struct Mounts(Arc<[Arc<Mount>]>);

impl Mounts {
    /// These mounts.
    pub fn new(mounts: impl IntoIterator<Item = Mount>) -> Mounts {
        let mut mounts: Vec<Arc<Mount>> = mounts.into_iter().map(Arc::new).collect();
        mounts.sort_by(|a, b| a.uuid.cmp(&b.uuid));
        Mounts(mounts.into())
    }

    /// By UUID, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Arc<Mount>> {
        self.0.iter()
    }

    /// The mount of that UUID.
    pub fn get(&self, uuid: &str) -> Option<&Arc<Mount>> {
        let place = self.0.binary_search_by(|mount| mount.uuid.as_str().cmp(uuid)).ok()?;
        Some(&self.0[place])
    }

    /// In the order in which this block is looked for (spec section 4.1).
    pub fn in_read_order(&self, hash: BlockHash) -> Vec<Arc<Mount>> {
        let mut mounts = self.0.to_vec();
        sort_mounts(hash, &mut mounts, |mount| (mount.priority, &mount.uuid));
        mounts
    }

    /// Those that may be written to, in the order in which this block is written (spec section 4.1).
    pub fn in_write_order(&self, hash: BlockHash) -> Vec<Arc<Mount>> {
        let mut mounts = self.in_read_order(hash);
        mounts.retain(|mount| mount.access.allows_write());
        mounts
    }

    /// The classes that some mount has.
    pub fn classes(&self) -> BTreeSet<&str> {
        self.iter().flat_map(|mount| mount.classes.iter().map(|class| class.as_str())).collect()
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::yield_now;

    use super::*;
    use crate::rig::{self, Hanging};

    #[tokio::test]
    async fn a_disk_that_hangs_takes_one_thread_and_is_shown() {
        let root = tempfile::tempdir().unwrap();
        let mount = Arc::new(rig::mount(Arc::new(rig::directory(root.path()))));
        assert_eq!(mount.check(Duration::from_secs(3600)).await, Ok(()));
        let hanging = Hanging::begin(root.path());
        let hangs = Err(SILENT.to_owned());
        assert_eq!(mount.check(Duration::ZERO).await, hangs);
        assert_eq!(mount.problem(), hangs.clone().err());
        // A second check would hang too; there is none.
        let again = timeout(Duration::from_secs(30), mount.check(Duration::from_secs(3600)));
        assert_eq!(again.await.expect("it is told at once"), hangs);

        hanging.end();
        while mount.problem().is_some() {
            yield_now().await;
        }
        let _ended = mount.checking.lock().await;
    }
}
