//! What servers say of themselves and of their mounts.

use crate::mount::{Access, DeviceId, MountUuid, Replication};
use crate::storage_class::ClassSet;

/// A server as the cluster lists it, and its mounts as it lists them.
#[derive(Clone, Debug)]
pub struct ServerFacts {
    /// Its UUID: the name that clients rank it by.
    pub uuid: String,
    /// Its address, as pull lists name it: `http://host:port`.
    pub url: String,
    /// Whether the service is marked as read-only.
    pub access: ServerAccess,
    /// Its mounts.
    pub mounts: Vec<MountFacts>,
}

/// `read_only` of a keep service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerAccess {
    /// Its mounts take what they allow.
    #[default]
    ReadWrite,
    /// No block may be pulled to its mounts. Trashing is not touched by it (spec sections 2.1 step 11 and 7, W21).
    ReadOnly,
}

/// A mount as its server lists it.
#[derive(Clone, Debug)]
pub struct MountFacts {
    /// The UUID of the volume. The same UUID on two servers is one device.
    pub uuid: MountUuid,
    /// What the volume says it is, for the check that no disk is configured twice; `None` if empty.
    pub device_id: Option<DeviceId>,
    /// What may be done there.
    pub allows: Allows,
    /// How many copies a replica there counts for.
    pub replication: Replication,
    /// The classes of which it is a member. A class that the server maps to `false` is none (spec section 2.2).
    pub classes: ClassSet,
}

/// `allow_write` and `allow_trash` of a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Allows {
    /// Both.
    WriteAndTrash,
    /// Pulling to it, but no trashing.
    Write,
    /// Trashing, but no pulling to it.
    Trash,
    /// Neither.
    Nothing,
}

impl Allows {
    /// `allow_write`.
    pub const fn write(self) -> bool {
        matches!(self, Allows::WriteAndTrash | Allows::Write)
    }

    /// `allow_trash`.
    pub const fn trash(self) -> bool {
        matches!(self, Allows::WriteAndTrash | Allows::Trash)
    }

    /// What is left on a read-only server.
    pub(super) const fn without_write(self) -> Self {
        match self {
            Allows::WriteAndTrash | Allows::Trash => Allows::Trash,
            Allows::Write | Allows::Nothing => Allows::Nothing,
        }
    }
}

impl From<Access> for Allows {
    fn from(access: Access) -> Self {
        match access {
            Access::ReadWrite => Allows::WriteAndTrash,
            Access::ReadAndTrash => Allows::Trash,
            Access::ReadOnly => Allows::Nothing,
        }
    }
}

/// A mount that was left out of the layout: a read-only view of a device that another server can write
/// (spec section 2.1 step 6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppedView {
    /// The UUID of the server.
    pub server: String,
    /// The UUID of the mount.
    pub mount: MountUuid,
}
