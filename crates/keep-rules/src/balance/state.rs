//! One block on the mounts and devices of a layout: what is there, and what the rules have made of it so far.

use crate::time::Timestamp;

use super::decision::Action;
use super::facts::{BlockFacts, Place, Standing};
use super::index::{ClassIndex, DeviceIndex, MountIndex};
use super::layout::Layout;
use super::ranking::Ranking;

/// Room for one block at a time, kept from one to the next.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// For each mount.
    slots: Vec<Slot>,
    /// For each device.
    holdings: Vec<Holding>,
    /// The devices that hold the block, each once, in the order of the facts.
    held: Vec<DeviceIndex>,
    /// The mounts at which a replica is seen: best server first, then in the order of mounts.
    seen: Vec<MountIndex>,
    /// The mounts at which a copy is wanted, in the order in which that was found out.
    wanted: Vec<MountIndex>,
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
    /// What becomes of the replica that is seen there, once that is settled.
    pub(super) action: Option<Action>,
}

/// What is on one device.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Holding {
    /// The replica; if entries disagree, with the latest mtime.
    pub(super) copy: Option<Copy>,
    /// What makes the device's copy worth keeping, if anything does.
    pub(super) purpose: Purpose,
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
pub(super) enum Purpose {
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
            seen: Vec::new(),
            wanted: Vec::new(),
        }
    }

    /// Takes up another block.
    pub(super) fn begin(&mut self, layout: &Layout, facts: &BlockFacts<'_>, ranking: &mut Ranking) {
        self.clear(layout);
        for replica in facts.replicas {
            let device = match replica.place {
                Place::Device(device) => {
                    for view in layout.device(device).views() {
                        self.see(layout, *view);
                    }
                    device
                }
                Place::Mount(mount) => {
                    self.see(layout, mount);
                    layout.mount(mount).device()
                }
            };
            self.hold(device, replica.mtime, replica.standing);
        }
        ranking.sort(layout, &mut self.seen);
    }

    /// Only mounts that hold a replica or want one were touched, and their devices.
    fn clear(&mut self, layout: &Layout) {
        for mount in self.seen.drain(..).chain(self.wanted.drain(..)) {
            self.slots[mount.place()] = Slot::default();
            self.holdings[layout.mount(mount).device().place()] = Holding::default();
        }
        self.held.clear();
    }

    fn see(&mut self, layout: &Layout, mount: MountIndex) {
        let slot = &mut self.slots[mount.place()];
        if slot.holds {
            return;
        }
        slot.holds = true;
        self.seen.push(mount);
        // What cannot be trashed may as well count (spec section 3.2).
        if !layout.mount(mount).allows().trash() {
            slot.wanted = true;
            self.wanted.push(mount);
        }
    }

    fn hold(&mut self, device: DeviceIndex, mtime: Timestamp, standing: Standing) {
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

    pub(super) fn slot(&self, mount: MountIndex) -> Slot {
        self.slots[mount.place()]
    }

    pub(super) fn holding(&self, device: DeviceIndex) -> Holding {
        self.holdings[device.place()]
    }

    /// The devices that hold the block, each once.
    pub(super) fn held(&self) -> &[DeviceIndex] {
        &self.held
    }

    /// The mounts at which a replica is seen: best server first, then in the order of mounts.
    pub(super) fn seen(&self) -> &[MountIndex] {
        &self.seen
    }

    /// The mounts at which a copy is wanted.
    pub(super) fn wanted(&self) -> &[MountIndex] {
        &self.wanted
    }

    /// Whether the device holds a copy that counts.
    pub(super) fn is_sound(&self, device: DeviceIndex) -> bool {
        self.holding(device).copy.is_some_and(|copy| copy.standing == Standing::Sound)
    }

    /// Gives the device's copy this purpose, unless it has a stronger one.
    pub(super) fn keep_for(&mut self, device: DeviceIndex, purpose: Purpose) {
        let holding = &mut self.holdings[device.place()];
        holding.purpose = holding.purpose.max(purpose);
    }

    /// A class is to have a copy at this mount.
    pub(super) fn plan(&mut self, device: DeviceIndex, mount: MountIndex, class: ClassIndex) {
        self.keep_for(device, Purpose::Planned);
        let slot = &mut self.slots[mount.place()];
        slot.planned_for = slot.planned_for.or(Some(class));
        if !slot.wanted {
            slot.wanted = true;
            self.wanted.push(mount);
        }
    }

    /// Settles what becomes of the replica that is seen at this mount.
    pub(super) fn settle(&mut self, mount: MountIndex, action: Action) {
        self.slots[mount.place()].action = Some(action);
    }

    /// Whether some copy with a purpose has this mtime: whatever has it must stay, as it may be the same bytes
    /// (spec section 3.2).
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
            replica.mtime == mtime && self.holding(device).purpose > Purpose::None
        })
    }

    /// Whether the device's copy has a purpose, or shares an mtime with one that has.
    pub(super) fn is_secured(
        &self,
        facts: &BlockFacts<'_>,
        layout: &Layout,
        device: DeviceIndex,
    ) -> bool {
        let holding = self.holding(device);
        holding.purpose > Purpose::None
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
