//! Where copies of a block should be, and which of those that exist must not go before they are there
//! (spec section 3.2, with D1, D2 and D3).

use super::decider::Policy;
use super::facts::BlockFacts;
use super::index::{DeviceIndex, MountIndex};
use super::layout::Layout;
use super::state::{State, Use};
use super::wish::Need;

/// Room for the planning of one class at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Planner {
    /// The mounts in the order in which the class visits them.
    queue: Vec<Turn>,
    /// How many of them, from the start, are in the class.
    in_class: usize,
    /// For each server whether the class has a copy planned there.
    servers: Vec<bool>,
    /// For each device what the class has made of it.
    devices: Vec<Progress>,
}

/// The place of a mount in the order of visits. Packed into a number, because sorting these is most of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Turn(u64);

/// What one class has made of a device.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// It is to have a copy.
    planned: bool,
    /// Its copy was counted as safe.
    safe: bool,
}

/// How much of what the class needs has been found.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    planned: u64,
    safe: u64,
}

/// Whether a server may be given a second copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spread {
    /// Pass A: no.
    OnePerServer,
    /// Pass B: yes.
    Any,
}

/// Whether there are as many copies as a class needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Supply {
    /// There are.
    Enough,
    /// There are not: nothing of the block may be trashed.
    Short,
}

impl Turn {
    /// In the class first; then what is wanted already; then by rank; then what holds a replica; then in the order of mounts.
    fn new(layout: &Layout, state: &State, need: Need, position: usize) -> Self {
        let mount = state.order()[position];
        let facts = layout.mount(mount);
        let slot = state.slot(mount);
        let bit = |is: bool| u64::from(is);
        let key = bit(!layout.is_in(facts.device(), need.class)) << 41
            | bit(!slot.wanted) << 40
            | u64::from(state.rank_of(facts.server())) << 21
            | bit(!slot.holds) << 20
            | position as u64;
        Turn(key)
    }

    /// The position in the order of mounts: up to 2^16, in the lowest 20 bits.
    fn position(self) -> usize {
        (self.0 & 0xf_ffff) as usize
    }

    fn is_in_class(self) -> bool {
        self.0 >> 41 == 0
    }
}

impl Planner {
    /// Plans the copies for one class, and protects those that must stay meanwhile.
    pub(super) fn plan(
        &mut self,
        layout: &Layout,
        state: &mut State,
        facts: &BlockFacts<'_>,
        need: Need,
        policy: Policy,
    ) -> Supply {
        self.line_up(layout, state, need);
        self.visit_all(layout, state, need, policy);
        let have = state.sound_copies(layout, |device| layout.is_in(device, need.class));
        if have < u64::from(need.copies) {
            return Supply::Short;
        }
        self.protect_in_class(layout, state, facts, need);
        Supply::Enough
    }

    fn line_up(&mut self, layout: &Layout, state: &State, need: Need) {
        self.queue.clear();
        self.queue.extend(
            (0..state.order().len()).map(|position| Turn::new(layout, state, need, position)),
        );
        self.queue.sort_unstable();
        self.in_class = self.queue.partition_point(|turn| turn.is_in_class());
        self.servers.clear();
        self.servers.resize(layout.servers().len(), false);
        self.devices.clear();
        self.devices.resize(layout.devices().len(), Progress::default());
    }

    fn visit_all(&mut self, layout: &Layout, state: &mut State, need: Need, policy: Policy) {
        let all = 0..self.queue.len();
        let (inside, outside) = (0..self.in_class, self.in_class..self.queue.len());
        let mut found = Found::default();
        let passes = match policy {
            Policy::ServerFirst => [
                (all.clone(), Spread::OnePerServer),
                (all, Spread::Any),
                (0..0, Spread::Any),
                (0..0, Spread::Any),
            ],
            Policy::ClassFirst => [
                (inside.clone(), Spread::OnePerServer),
                (inside, Spread::Any),
                (outside.clone(), Spread::OnePerServer),
                (outside, Spread::Any),
            ],
        };
        for (turns, spread) in passes {
            for at in turns {
                if found.is_enough(need) {
                    return;
                }
                let mount = state.order()[self.queue[at].position()];
                let used = self.servers[layout.mount(mount).server().place()];
                if spread == Spread::Any || !used {
                    self.visit(layout, state, need, mount, &mut found);
                }
            }
        }
    }

    fn visit(
        &mut self,
        layout: &Layout,
        state: &mut State,
        need: Need,
        mount: MountIndex,
        found: &mut Found,
    ) {
        let facts = layout.mount(mount);
        let device = facts.device();
        let progress = &mut self.devices[device.place()];
        if progress.planned {
            return;
        }
        let copies = u64::from(layout.device(device).replication().get());
        let holds = state.slot(mount).holds;
        if found.safe < u64::from(need.copies) && holds && state.is_sound(device) && !progress.safe
        {
            progress.safe = true;
            found.safe += copies;
            state.put_to_use(device, Use::Safe);
        }
        if found.planned < u64::from(need.copies) && (holds || facts.allows().write()) {
            progress.planned = true;
            found.planned += copies;
            self.servers[facts.server().place()] = true;
            state.put_to_use(device, Use::Planned);
            let slot = state.slot_mut(mount);
            slot.wanted = true;
            slot.planned_for = slot.planned_for.or(Some(need.class));
        }
    }

    /// D3: a copy on another server may have satisfied a pass, and one in the class is still needed.
    fn protect_in_class(
        &self,
        layout: &Layout,
        state: &mut State,
        facts: &BlockFacts<'_>,
        need: Need,
    ) {
        let secured = |state: &State| {
            state.sound_copies(layout, |device| {
                layout.is_in(device, need.class) && state.is_secured(facts, layout, device)
            })
        };
        let candidates = &self.queue[..self.in_class];
        let mut next = candidates.iter().map(|turn| turn.position());
        while secured(state) < u64::from(need.copies) {
            let spare = |position: &usize| {
                let device = device_at(layout, state, *position);
                state.is_sound(device) && !state.is_secured(facts, layout, device)
            };
            let Some(position) = next.find(spare) else { return };
            let device = device_at(layout, state, position);
            state.put_to_use(device, Use::InClass);
        }
    }
}

impl Found {
    fn is_enough(self, need: Need) -> bool {
        let copies = u64::from(need.copies);
        self.planned >= copies && self.safe >= copies
    }
}

fn device_at(layout: &Layout, state: &State, position: usize) -> DeviceIndex {
    layout.mount(state.order()[position]).device()
}
