//! What there is to balance: servers, mounts, devices and their classes. Built once in a run.

mod build;
mod error;

use std::ops::Range;

pub use error::LayoutError;

use crate::block::BlockHash;
use crate::mount::{Access, DeviceId, MountUuid, Replication};
use crate::storage_class::{ClassSet, StorageClass};

use super::index::{ClassIndex, DeviceIndex, MountIndex, ServerIndex};
use super::ranking::Ranking;
use super::weight::WeightTable;

/// The most storage classes, on mounts and wished for together. Nobody has a hundred; a table of all classes and all devices
/// must fit into memory.
pub const CLASSES_MAX: usize = 1024;

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
    const fn without_write(self) -> Self {
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

/// A server of a layout.
#[derive(Clone, Debug)]
pub struct Server {
    uuid: String,
    url: String,
    mounts: Range<usize>,
}

impl Server {
    /// Its UUID.
    pub fn uuid(&self) -> &str {
        &self.uuid
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its mounts.
    pub fn mounts(&self) -> impl Iterator<Item = MountIndex> + use<> {
        self.mount_range().map(MountIndex::new)
    }

    /// The places of its mounts in the table of all.
    pub(in crate::balance) fn mount_range(&self) -> Range<usize> {
        self.mounts.clone()
    }
}

/// A mount of a layout.
#[derive(Clone, Debug)]
pub struct Mount {
    uuid: MountUuid,
    server: ServerIndex,
    device: DeviceIndex,
    allows: Allows,
}

impl Mount {
    /// The UUID of its volume.
    pub fn uuid(&self) -> &MountUuid {
        &self.uuid
    }

    /// The server it is on.
    pub const fn server(&self) -> ServerIndex {
        self.server
    }

    /// The device it is a view of.
    pub const fn device(&self) -> DeviceIndex {
        self.device
    }

    /// What may be done there, after the clean-up.
    pub const fn allows(&self) -> Allows {
        self.allows
    }
}

/// A device of a layout: what a replica is on.
#[derive(Clone, Debug)]
pub struct Device {
    uuid: MountUuid,
    replication: Replication,
    classes: Vec<ClassIndex>,
    views: Vec<MountIndex>,
}

impl Device {
    /// The UUID of the volume.
    pub fn uuid(&self) -> &MountUuid {
        &self.uuid
    }

    /// How many copies a replica there counts for.
    pub const fn replication(&self) -> Replication {
        self.replication
    }

    /// Its storage classes, in the order of their names.
    pub fn classes(&self) -> &[ClassIndex] {
        &self.classes
    }

    /// The mounts on which it is seen: at least one.
    pub fn views(&self) -> &[MountIndex] {
        &self.views
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

/// The members of a class.
#[derive(Clone, Debug)]
struct Members {
    /// For each device whether it is one.
    devices: Vec<bool>,
    /// For each server whether a block of the class could be pulled to it.
    pullable: Vec<bool>,
}

/// All there is to balance. Numbers depend on UUIDs only, not on the order in which servers and mounts were listed.
///
/// # Examples
/// ```
/// use keep_rules::balance::{Allows, Layout, MountFacts, ServerAccess, ServerFacts};
/// use keep_rules::{ClassSet, Replication};
///
/// let disk = MountFacts {
///     uuid: "zzzzz-nyw5e-000000000000000".parse()?,
///     device_id: None,
///     allows: Allows::WriteAndTrash,
///     replication: Replication::ONE,
///     classes: ClassSet::from_header("default"),
/// };
/// let server = ServerFacts {
///     uuid: "zzzzz-bi6l4-000000000000000".to_owned(),
///     url: "http://keep0:25107".to_owned(),
///     access: ServerAccess::ReadWrite,
///     mounts: vec![disk],
/// };
/// let layout = Layout::new(vec![server])?;
/// let device = layout.device_indexes().next().unwrap();
/// assert_eq!(layout.device(device).views().len(), 1);
/// assert!(Layout::new(vec![]).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Layout {
    servers: Vec<Server>,
    mounts: Vec<Mount>,
    devices: Vec<Device>,
    classes: Vec<StorageClass>,
    members: Vec<Members>,
    dropped: Vec<DroppedView>,
    copies_max: u32,
    server_weights: WeightTable,
    /// For each server the names of its mounts; of one with a single mount, none.
    mount_weights: Vec<WeightTable>,
}

impl Layout {
    /// Cleans up what the servers say (spec section 2.1, steps 6 and 11) and checks that it can be (section 2.4, D6).
    ///
    /// # Errors
    /// [`LayoutError`] if there is nothing to balance, or a replica might be counted twice.
    pub fn new(servers: Vec<ServerFacts>) -> Result<Self, LayoutError> {
        build::layout(servers)
    }

    /// The servers.
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The mounts that are left after the clean-up.
    pub fn mounts(&self) -> &[Mount] {
        &self.mounts
    }

    /// The devices.
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// The classes on mounts, and `default`, in the order of their names.
    pub fn classes(&self) -> &[StorageClass] {
        &self.classes
    }

    /// The views that were left out.
    pub fn dropped(&self) -> &[DroppedView] {
        &self.dropped
    }

    /// The largest number of copies that it makes sense to want: one more than all devices together hold
    /// (spec section 2.3).
    pub const fn copies_max(&self) -> u32 {
        self.copies_max
    }

    /// One server. See [`Layout::server_index`] for `# Panics`.
    pub fn server(&self, server: ServerIndex) -> &Server {
        &self.servers[server.place()]
    }

    /// One mount. See [`Layout::server_index`] for `# Panics`.
    pub fn mount(&self, mount: MountIndex) -> &Mount {
        &self.mounts[mount.place()]
    }

    /// One device. See [`Layout::server_index`] for `# Panics`.
    pub fn device(&self, device: DeviceIndex) -> &Device {
        &self.devices[device.place()]
    }

    /// The server of this number, if there is one.
    ///
    /// # Panics
    /// Not this one. But whoever takes an index takes it for one of this layout: [`Layout::server`], [`Layout::mount`] and
    /// [`Layout::device`] panic if it is of a larger one.
    pub fn server_index(&self, number: u16) -> Option<ServerIndex> {
        let place = usize::from(number);
        (place < self.servers.len()).then(|| ServerIndex::new(place))
    }

    /// The mount of this number, if there is one.
    pub fn mount_index(&self, number: u16) -> Option<MountIndex> {
        let place = usize::from(number);
        (place < self.mounts.len()).then(|| MountIndex::new(place))
    }

    /// The device of this number, if there is one.
    pub fn device_index(&self, number: u16) -> Option<DeviceIndex> {
        let place = usize::from(number);
        (place < self.devices.len()).then(|| DeviceIndex::new(place))
    }

    /// The indexes of all devices.
    pub fn device_indexes(&self) -> impl Iterator<Item = DeviceIndex> + use<> {
        (0..self.devices.len()).map(DeviceIndex::new)
    }

    /// The mount of that UUID on the server of that UUID, unless it was left out.
    pub fn find_mount(&self, server: &str, mount: &str) -> Option<MountIndex> {
        let server = self.servers.binary_search_by(|known| known.uuid.as_str().cmp(server)).ok()?;
        let range = self.servers[server].mounts.clone();
        let within = &self.mounts[range.clone()];
        let place = within.binary_search_by(|known| known.uuid.as_str().cmp(mount)).ok()?;
        Some(MountIndex::new(range.start + place))
    }

    /// The servers in the order in which clients look for `hash`, best first (spec section 3.1).
    pub fn server_order(&self, hash: BlockHash) -> Vec<ServerIndex> {
        let mut ranking = Ranking::new(self);
        ranking.begin(hash);
        (0..self.servers.len()).filter_map(|rank| ranking.server(self, rank)).collect()
    }

    /// The mounts of one server in the order in which the balancer fills them with `hash` (spec section 3.1).
    pub fn mount_order(&self, hash: BlockHash, server: ServerIndex) -> Vec<MountIndex> {
        let mut ranking = Ranking::new(self);
        ranking.begin(hash);
        ranking.mounts(self, server).to_vec()
    }

    pub(super) fn server_weights(&self) -> &WeightTable {
        &self.server_weights
    }

    pub(super) fn mount_weights(&self, server: ServerIndex) -> &WeightTable {
        &self.mount_weights[server.place()]
    }

    /// Whether a copy on `device` is one in `class`. No device is in a class that is only wished for (D1).
    pub(super) fn is_in(&self, device: DeviceIndex, class: ClassIndex) -> bool {
        self.members.get(class.place()).is_some_and(|members| members.devices[device.place()])
    }

    /// For each server whether a block could be pulled to a mount of `class` there; `None` if no mount is in that class.
    pub(super) fn pullable(&self, class: ClassIndex) -> Option<&[bool]> {
        self.members.get(class.place()).map(|members| members.pullable.as_slice())
    }
}
