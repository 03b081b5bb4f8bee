//! Which devices a node writes to: two copies on one device are one.

use std::collections::BTreeSet;

use keep_protocol::mounts::MountDescription;

/// The devices that a node may write blocks to, as far as it is known.
///
/// # Examples
/// ```
/// use donjon_files::Devices;
/// use keep_protocol::mounts::MountDescription;
/// let devices = Devices::of(&[MountDescription {
///     uuid: "zzzzz-nyw5e-000000000000000".into(),
///     device_id: "disk".into(),
///     medium: None,
///     allow_write: true,
///     allow_trash: true,
///     replication: 1,
///     storage_classes: [("default".into(), true)].into(),
/// }]);
/// assert!(devices.share_one(&devices, None) && devices.share_one(&devices, Some("default")));
/// assert!(!devices.share_one(&devices, Some("fast")));
/// assert!(!devices.share_one(&Devices::NoIds, None));
/// assert!(devices.share_one(&Devices::Silent, None));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Devices {
    /// Nobody knows: the node was not asked, or has not answered. It may share one with any other.
    Silent,
    /// The node has answered, and names no devices: a volume has no device id, or we may not see them. It counts as one that
    /// shares none, as all nodes do for those who cannot ask.
    NoIds,
    /// Those that it has named.
    Named(Vec<Device>),
}

/// A device that a node may write to, by a mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    mount: String,
    id: String,
    classes: BTreeSet<String>,
}

impl Devices {
    /// Those of a node with these mounts. A device id is told by `GET /mounts` (`spec/keep-protocol.md` section 2.8).
    pub fn of(mounts: &[MountDescription]) -> Devices {
        let writable = || mounts.iter().filter(|mount| mount.allow_write);
        if writable().any(|mount| mount.device_id.is_empty()) {
            return Devices::NoIds;
        }
        let device = |mount: &MountDescription| {
            let classes = mount.storage_classes.iter().filter(|(_, is_member)| **is_member);
            Device {
                mount: mount.uuid.clone(),
                id: mount.device_id.clone(),
                classes: classes.map(|(class, _)| class.clone()).collect(),
            }
        };
        Devices::Named(writable().map(device).collect())
    }

    /// Whether a copy here may be on the same device as one there; both in this storage class, if there is one.
    pub fn share_one(&self, other: &Devices, class: Option<&str>) -> bool {
        let of_class = |device: &&Device| class.is_none_or(|class| device.classes.contains(class));
        match (self, other) {
            (Devices::Silent, _) | (_, Devices::Silent) => true,
            (Devices::NoIds, _) | (_, Devices::NoIds) => false,
            (Devices::Named(ours), Devices::Named(theirs)) => {
                ours.iter().filter(of_class).any(|device| {
                    theirs.iter().filter(of_class).any(|another| another.id == device.id)
                })
            }
        }
    }

    /// The device behind one of the node's mounts, if it is known.
    pub(crate) fn behind(&self, mount: &str) -> Option<&Device> {
        self.named().iter().find(|device| device.mount == mount)
    }

    /// Those that the node has named.
    pub(crate) fn named(&self) -> &[Device] {
        match self {
            Devices::Silent | Devices::NoIds => &[],
            Devices::Named(devices) => devices,
        }
    }
}

impl Device {
    pub(crate) fn mount(&self) -> &str {
        &self.mount
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn is_of(&self, class: &str) -> bool {
        self.classes.contains(class)
    }
}
