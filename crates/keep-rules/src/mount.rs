//! What a node knows of a mount: its names, what may be done to it, how many copies it stands for, what it lies on.

mod medium;

use std::fmt;
use std::num::NonZeroU32;

use crate::name::name;

pub use medium::Medium;

name! {
    /// The name of a mount: usually 27 characters, `ccccc-nyw5e-xxxxxxxxxxxxxxx`, but any text serves (spec section 1).
    ///
    /// Mounts are listed, touched and indexed in the order of this text (spec sections 2.6 to 2.8).
    MountUuid, "a mount's UUID"
}

name! {
    /// The name of the physical back end. Mounts with the same device hold the same replicas (spec section 6).
    DeviceId, "a device ID"
}

/// What a node may do to a mount beside reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Write, touch, trash and empty.
    ReadWrite,
    /// Trash and empty, but not write: `AllowTrashWhenReadOnly`.
    ReadAndTrash,
    /// Nothing.
    ReadOnly,
}

/// `AccessViaHosts.<url>.ReadOnly`: what this node was given of a volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HostAccess {
    /// Everything the volume allows.
    #[default]
    ReadWrite,
    /// Reading only, whatever the volume allows.
    ReadOnly,
}

/// `ReadOnly` and `AllowTrashWhenReadOnly`: what a volume allows any node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum VolumeAccess {
    /// `ReadOnly: false`. The other key means nothing then.
    #[default]
    ReadWrite,
    /// `ReadOnly: true` and `AllowTrashWhenReadOnly: true`.
    ReadAndTrash,
    /// `ReadOnly: true`.
    ReadOnly,
}

impl Access {
    /// What is left when both the host's entry and the volume have their say (spec section 8).
    pub const fn from_config(host: HostAccess, volume: VolumeAccess) -> Self {
        match (host, volume) {
            (HostAccess::ReadOnly, _) | (HostAccess::ReadWrite, VolumeAccess::ReadOnly) => {
                Access::ReadOnly
            }
            (HostAccess::ReadWrite, VolumeAccess::ReadAndTrash) => Access::ReadAndTrash,
            (HostAccess::ReadWrite, VolumeAccess::ReadWrite) => Access::ReadWrite,
        }
    }

    /// `AllowWrite`: blocks may be written, touched and untrashed here.
    pub const fn allows_write(self) -> bool {
        matches!(self, Access::ReadWrite)
    }

    /// `AllowTrash`: blocks may be trashed here, and trash emptied.
    pub const fn allows_trash(self) -> bool {
        matches!(self, Access::ReadWrite | Access::ReadAndTrash)
    }
}

/// How many copies the back end keeps of each block by itself: at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Replication(NonZeroU32);

impl Replication {
    /// One copy: a plain disk.
    pub const ONE: Replication = Replication(NonZeroU32::MIN);

    /// What the config means: values below 1 are read as 1 (spec section 1), absurdly large ones as the largest we count.
    pub fn from_config(configured: i64) -> Self {
        let copies = u32::try_from(configured.clamp(1, i64::from(u32::MAX))).unwrap_or(u32::MAX);
        Replication(NonZeroU32::new(copies).unwrap_or(NonZeroU32::MIN))
    }

    /// The number of copies.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl Default for Replication {
    fn default() -> Self {
        Replication::ONE
    }
}

impl fmt::Display for Replication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(host: HostAccess, volume: VolumeAccess, writes: &str, trashes: &str) {
        let access = Access::from_config(host, volume);
        assert_eq!(access.allows_write(), writes == "writes", "{access:?}");
        assert_eq!(access.allows_trash(), trashes == "trashes", "{access:?}");
    }

    #[test]
    fn a_plain_mount_allows_everything() {
        check(HostAccess::ReadWrite, VolumeAccess::ReadWrite, "writes", "trashes");
    }

    #[test]
    fn a_read_only_volume_allows_nothing() {
        check(HostAccess::ReadWrite, VolumeAccess::ReadOnly, "-", "-");
    }

    #[test]
    fn a_read_only_volume_may_still_allow_trash() {
        check(HostAccess::ReadWrite, VolumeAccess::ReadAndTrash, "-", "trashes");
    }

    #[test]
    fn a_read_only_host_allows_nothing_on_any_volume() {
        for volume in [VolumeAccess::ReadWrite, VolumeAccess::ReadAndTrash, VolumeAccess::ReadOnly]
        {
            check(HostAccess::ReadOnly, volume, "-", "-");
        }
    }

    #[test]
    fn replication_is_at_least_one() {
        for (configured, copies) in
            [(i64::MIN, 1), (-1, 1), (0, 1), (1, 1), (3, 3), (i64::MAX, u32::MAX)]
        {
            assert_eq!(Replication::from_config(configured).get(), copies, "{configured}");
        }
    }

    #[test]
    fn names_are_never_empty() {
        assert_eq!(
            "".parse::<MountUuid>().unwrap_err().to_string(),
            "a mount's UUID must not be empty; give it a name"
        );
        assert_eq!("vol-a".parse::<MountUuid>().unwrap().as_str(), "vol-a");
    }
}
