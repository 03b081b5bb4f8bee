//! One block on the mounts and devices of a layout: what is there, and what the rules have made of it so far.

use std::cmp::Reverse;

use crate::time::Timestamp;

use super::facts::{BlockFacts, Place, Standing};
use super::index::{ClassIndex, DeviceIndex, MountIndex, ServerIndex};
use super::layout::Layout;
use super::weight::Weight;

/// Room for one block at a time, kept from one to the next.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// For each mount.
    slots: Vec<Slot>,
    /// For each device.
    holdings: Vec<Holding>,
    /// The devices that hold the block, each once, in the order of the facts.
    held: Vec<DeviceIndex>,
    /// All mounts: best server first, then in the order of mounts.
    order: Vec<MountIndex>,
    /// For each server its rank; 0 is best.
    ranks: Vec<u32>,
    servers: Vec<ServerIndex>,
    server_weights: Vec<Weight>,
    mount_weights: Vec<Weight>,
}

/// What is at one mount.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slot {
    /// Whether a replica is seen there.
    pub(super) holds: bool,
    /// Whether a copy is wanted there: it cannot be trashed, or a class is to have one there.
    pub(super) wanted: bool,
    /// The first class that is to have a copy there.
    pub(super) planned_for: Option<ClassIndex>,
}

/// What is on one device.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Holding {
    /// The replica; if views disagree, with the latest mtime.
    pub(super) copy: Option<Copy>,
    /// What makes the device's copy worth keeping, if anything does.
    pub(super) use_: Use,
}

/// The replica on a device.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copy {
    pub(super) mtime: Timestamp,
    pub(super) certainty: Certainty,
    pub(super) standing: Standing,
}

/// Whether all entries for a device name one mtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Certainty {
    Certain,
    Uncertain,
}

/// What makes the copy on a device worth keeping. Later ones are stronger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Use {
    #[default]
    None,
    /// A class would have too few copies without it (D3).
    InClass,
    /// It is one of the copies that exist now and count.
    Safe,
    /// A class is to have a copy on this device.
    Planned,
}

impl State {
    pub(super) fn new(layout: &Layout) -> Self {
        State {
            slots: vec![Slot::default(); layout.mounts().len()],
            holdings: vec![Holding::default(); layout.devices().len()],
            held: Vec::new(),
            order: (0..layout.mounts().len()).map(MountIndex::new).collect(),
            ranks: vec![0; layout.servers().len()],
            servers: (0..layout.servers().len()).map(ServerIndex::new).collect(),
            server_weights: Vec::new(),
            mount_weights: Vec::new(),
        }
    }

    /// Takes up another block.
    pub(super) fn begin(&mut self, layout: &Layout, facts: &BlockFacts<'_>) {
        self.slots.fill(Slot::default());
        self.holdings.fill(Holding::default());
        self.held.clear();
        for replica in facts.replicas {
            let device = match replica.place {
                Place::Device(device) => {
                    for view in layout.device(device).views() {
                        self.fill_slot(layout, *view);
                    }
                    device
                }
                Place::Mount(mount) => {
                    self.fill_slot(layout, mount);
                    layout.mount(mount).device()
                }
            };
            self.fill_device(device, replica.mtime, replica.standing);
        }
        self.rank(layout, facts);
    }

    fn fill_slot(&mut self, layout: &Layout, mount: MountIndex) {
        // What cannot be trashed may as well count (spec section 3.2).
        let wanted = !layout.mount(mount).allows().trash();
        self.slots[mount.place()] = Slot { holds: true, wanted, planned_for: None };
    }

    fn fill_device(&mut self, device: DeviceIndex, mtime: Timestamp, standing: Standing) {
        let holding = &mut self.holdings[device.place()];
        match &mut holding.copy {
            None => {
                holding.copy = Some(Copy { mtime, certainty: Certainty::Certain, standing });
                self.held.push(device);
            }
            Some(copy) => {
                if copy.mtime != mtime {
                    copy.certainty = Certainty::Uncertain;
                    copy.mtime = copy.mtime.max(mtime);
                }
                if standing == Standing::Doomed {
                    copy.standing = Standing::Doomed;
                }
            }
        }
    }

    fn rank(&mut self, layout: &Layout, facts: &BlockFacts<'_>) {
        let State { order, ranks, servers, server_weights, mount_weights, .. } = self;
        layout.server_weights().weigh(facts.hash, server_weights);
        layout.mount_weights().weigh(facts.hash, mount_weights);
        // Equal weights are left to the index, and so to the UUID.
        servers.sort_unstable_by_key(|server| (Reverse(server_weights[server.place()]), *server));
        order.clear();
        for (rank, server) in (0..).zip(servers.iter()) {
            ranks[server.place()] = rank;
            let start = order.len();
            order.extend(layout.server(*server).mounts());
            let mounts = &mut order[start..];
            if mounts.len() > 1 {
                mounts.sort_unstable_by_key(|mount| (mount_weights[mount.place()], *mount));
            }
        }
    }

    pub(super) fn slot(&self, mount: MountIndex) -> Slot {
        self.slots[mount.place()]
    }

    pub(super) fn slot_mut(&mut self, mount: MountIndex) -> &mut Slot {
        &mut self.slots[mount.place()]
    }

    pub(super) fn holding(&self, device: DeviceIndex) -> Holding {
        self.holdings[device.place()]
    }

    /// The devices that hold the block, each once.
    pub(super) fn held(&self) -> &[DeviceIndex] {
        &self.held
    }

    /// All mounts: best server first, then in the order of mounts.
    pub(super) fn order(&self) -> &[MountIndex] {
        &self.order
    }

    pub(super) fn rank_of(&self, server: ServerIndex) -> u32 {
        self.ranks[server.place()]
    }

    /// Whether the device holds a copy that counts.
    pub(super) fn is_sound(&self, device: DeviceIndex) -> bool {
        self.holding(device).copy.is_some_and(|copy| copy.standing == Standing::Sound)
    }

    /// Puts the device's copy to this use, unless it has a stronger one.
    pub(super) fn put_to_use(&mut self, device: DeviceIndex, use_: Use) {
        let holding = &mut self.holdings[device.place()];
        holding.use_ = holding.use_.max(use_);
    }

    /// Whether some copy in use has this mtime: whatever has it must stay, as it may be the same bytes (spec section 3.2).
    pub(super) fn is_protected(
        &self,
        facts: &BlockFacts<'_>,
        layout: &Layout,
        mtime: Timestamp,
    ) -> bool {
        facts.replicas.iter().any(|replica| {
            let device = match replica.place {
                Place::Device(device) => device,
                Place::Mount(mount) => layout.mount(mount).device(),
            };
            replica.mtime == mtime && self.holding(device).use_ > Use::None
        })
    }

    /// Whether the device's copy is in use, or shares an mtime with one that is.
    pub(super) fn is_secured(
        &self,
        facts: &BlockFacts<'_>,
        layout: &Layout,
        device: DeviceIndex,
    ) -> bool {
        let holding = self.holding(device);
        holding.use_ > Use::None
            || holding.copy.is_some_and(|copy| self.is_protected(facts, layout, copy.mtime))
    }

    /// How many copies there are that count, on the devices that `counts` picks.
    pub(super) fn sound_copies(
        &self,
        layout: &Layout,
        counts: impl Fn(DeviceIndex) -> bool,
    ) -> u64 {
        self.held
            .iter()
            .filter(|device| self.is_sound(**device) && counts(**device))
            .map(|device| u64::from(layout.device(*device).replication().get()))
            .sum()
    }
}
