//! What a directory volume is opened with.

use std::path::PathBuf;

use keep_rules::mount::{DeviceId, MountUuid};

/// How to open a directory volume.
#[derive(Clone, Debug)]
pub struct DirectoryConfig {
    /// The volume's directory. Absolute; it must exist, and it is never created.
    pub root: PathBuf,
    /// The mount's UUID, which the marker file in the root must name.
    pub uuid: MountUuid,
    /// Which device this is; [`super::device_id`] finds it out.
    pub device_id: DeviceId,
    /// Whether acknowledged changes survive a power loss.
    pub durability: Durability,
    /// Whether data is moved by one request at a time.
    pub serialize: Serialize,
    /// What to do about the marker file at the first open.
    pub identity: Identity,
}

/// Whether acknowledged changes survive a power loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Contents, name and directory are synced before a change is acknowledged.
    Sync,
    /// Nothing is synced, as in the Go program: a power loss may take what was acknowledged in the last half minute.
    NoSync,
}

/// Whether data is moved by one request at a time (`DriverParameters.Serialize`, spec section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serialize {
    /// One piece of one request at a time: for disks that are slow at seeking.
    Yes,
    /// All requests at once.
    No,
}

/// What to do about the marker file `.donjon-volume` when a volume is opened. One that names another mount is always
/// refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Write the marker if there is none: a new volume, or one that a Go keepstore has used.
    Adopt,
    /// Refuse a root without a marker: the disk is known to have had one.
    Require,
    /// Write nothing: for a volume that this node must not write.
    Observe,
}
