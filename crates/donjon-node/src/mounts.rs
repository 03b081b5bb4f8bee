//! The mounts of this node: volumes, and what it may do with them.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use keep_rules::rendezvous::sort_mounts;
use keep_rules::{Access, BlockHash, ClassSet, MountUuid, Priority, Replication};
use keep_volume::{TryWrite, Volume};

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
    problem: Mutex<Option<String>>,
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
        }
    }

    /// Tries the volume as it is used here, and remembers what is wrong.
    ///
    /// # Errors
    /// What is wrong, as a sentence without server paths.
    pub async fn check(&self) -> Result<(), String> {
        let write = if self.access.allows_write() { TryWrite::Yes } else { TryWrite::No };
        let result = self.volume.check(write).await.map_err(|error| sentence(&error));
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = result.clone().err();
        result
    }

    /// What the last check found wrong.
    pub fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
