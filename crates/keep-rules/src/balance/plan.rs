//! Where copies of a block should be, and which of those that exist must not go before they are there
//! (spec section 3.2, with D1, D2 and D3).
//!
//! For each class, mounts are visited in this order: those in the class first; of these, those where a copy is wanted already;
//! then by rank of the server; then those that hold a replica; then in the order of mounts.

use super::decider::Policy;
use super::facts::BlockFacts;
use super::index::{DeviceIndex, MountIndex, ServerIndex};
use super::layout::Layout;
use super::ranking::Ranking;
use super::state::{Purpose, State};
use super::wish::Need;

/// Room for the planning of one class at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Planner {
    /// For each server whether the class has a copy planned there.
    servers: Vec<bool>,
    /// For each device what the class has made of it.
    devices: Vec<Progress>,
    /// The mounts where a copy was wanted before.
    wanted: Vec<MountIndex>,
    /// The mounts of one server that are looked at together.
    here: Vec<MountIndex>,
    found: Found,
}

/// What is known while one class is planned.
pub(super) struct Class<'c> {
    pub(super) layout: &'c Layout,
    pub(super) facts: &'c BlockFacts<'c>,
    pub(super) need: Need,
    pub(super) policy: Policy,
}

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
    /// How many copies there are to be counted as safe.
    sound: u64,
}

/// Some mounts, and how they are visited.
#[derive(Clone, Copy, Debug)]
struct Pass {
    spread: Spread,
    part: Part,
}

/// Whether a server may be given a second copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spread {
    /// Pass A: no.
    OnePerServer,
    /// Pass B: yes.
    Any,
}

/// Which mounts a pass is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    InClass,
    OutOfClass,
}

/// Whether there are as many copies as a class needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Supply {
    /// There are.
    Enough,
    /// There are not: nothing of the block may be trashed.
    Short,
}

const A_IN_CLASS: Pass = Pass { spread: Spread::OnePerServer, part: Part::InClass };
const A_OUT_OF_CLASS: Pass = Pass { spread: Spread::OnePerServer, part: Part::OutOfClass };
const B_IN_CLASS: Pass = Pass { spread: Spread::Any, part: Part::InClass };
const B_OUT_OF_CLASS: Pass = Pass { spread: Spread::Any, part: Part::OutOfClass };

impl Policy {
    const fn passes(self) -> [Pass; 4] {
        match self {
            Policy::ServerFirst => [A_IN_CLASS, A_OUT_OF_CLASS, B_IN_CLASS, B_OUT_OF_CLASS],
            Policy::ClassFirst => [A_IN_CLASS, B_IN_CLASS, A_OUT_OF_CLASS, B_OUT_OF_CLASS],
        }
    }
}

impl Planner {
    /// Plans the copies for one class, and protects those that must stay meanwhile.
    pub(super) fn plan(
        &mut self,
        class: &Class<'_>,
        state: &mut State,
        ranking: &mut Ranking,
    ) -> Supply {
        self.begin(class, state, ranking);
        for pass in class.policy.passes() {
            self.visit_wanted(class, state, pass);
            self.visit_others(class, state, ranking, pass);
        }
        let have = state.sound_copies(class.layout, |device| class.has(device));
        if have < class.copies() {
            return Supply::Short;
        }
        class.protect(state);
        Supply::Enough
    }

    fn begin(&mut self, class: &Class<'_>, state: &State, ranking: &mut Ranking) {
        let Planner { servers, devices, wanted, found, .. } = self;
        servers.clear();
        servers.resize(class.layout.servers().len(), false);
        devices.clear();
        devices.resize(class.layout.devices().len(), Progress::default());
        *found = Found { sound: state.sound_copies(class.layout, |_| true), ..Found::default() };
        wanted.clear();
        wanted.extend(state.wanted());
        ranking.sort(class.layout, wanted);
        let server = |mount: &MountIndex| class.layout.mount(*mount).server();
        for of_one_server in wanted.chunk_by_mut(|one, other| server(one) == server(other)) {
            if of_one_server.len() > 1 {
                of_one_server.sort_by_key(|mount| !state.slot(*mount).holds);
            }
        }
    }

    fn visit_wanted(&mut self, class: &Class<'_>, state: &mut State, pass: Pass) {
        for at in 0..self.wanted.len() {
            let mount = self.wanted[at];
            if class.part_of(mount) == pass.part {
                self.visit(class, state, pass.spread, mount);
            }
        }
    }

    /// Visits the mounts where no copy was wanted before, until there is enough.
    fn visit_others(
        &mut self,
        class: &Class<'_>,
        state: &mut State,
        ranking: &mut Ranking,
        pass: Pass,
    ) {
        let mut rank = 0;
        while !self.found.is_enough(class)
            && let Some(server) = ranking.server(class.layout, rank)
        {
            let holds = |state: &State, mount| state.slot(mount).holds;
            self.visit_server(class, state, ranking, (pass, server), holds);
            // Once all copies have a place, a mount without one is of no interest, nor is its order among others.
            if self.found.planned < class.copies() {
                let takes = |state: &State, mount: MountIndex| {
                    !state.slot(mount).holds && class.layout.mount(mount).allows().write()
                };
                self.visit_server(class, state, ranking, (pass, server), takes);
            }
            rank += 1;
        }
    }

    fn visit_server(
        &mut self,
        class: &Class<'_>,
        state: &mut State,
        ranking: &mut Ranking,
        (pass, server): (Pass, ServerIndex),
        is_one: impl Fn(&State, MountIndex) -> bool,
    ) {
        if pass.spread == Spread::OnePerServer && self.servers[server.place()] {
            return;
        }
        self.here.clear();
        self.here.extend(class.layout.server(server).mounts().filter(|mount| {
            !state.slot(*mount).wanted
                && class.part_of(*mount) == pass.part
                && is_one(state, *mount)
        }));
        ranking.sort(class.layout, &mut self.here);
        for at in 0..self.here.len() {
            self.visit(class, state, pass.spread, self.here[at]);
        }
    }

    fn visit(&mut self, class: &Class<'_>, state: &mut State, spread: Spread, mount: MountIndex) {
        let facts = class.layout.mount(mount);
        let device = facts.device();
        let server = &mut self.servers[facts.server().place()];
        let progress = &mut self.devices[device.place()];
        let is_barred = spread == Spread::OnePerServer && *server;
        if self.found.is_enough(class) || is_barred || progress.planned {
            return;
        }
        let copies = u64::from(class.layout.device(device).replication().get());
        let holds = state.slot(mount).holds;
        if self.found.safe < class.copies() && holds && state.is_sound(device) && !progress.safe {
            progress.safe = true;
            self.found.safe += copies;
            state.keep_for(device, Purpose::Safe);
        }
        if self.found.planned < class.copies() && (holds || facts.allows().write()) {
            progress.planned = true;
            *server = true;
            self.found.planned += copies;
            state.plan(device, mount, class.need.class);
        }
    }
}

impl Found {
    /// Whether further visits would change nothing.
    fn is_enough(self, class: &Class<'_>) -> bool {
        self.planned >= class.copies() && self.safe >= class.copies().min(self.sound)
    }
}

impl Class<'_> {
    fn copies(&self) -> u64 {
        u64::from(self.need.copies)
    }

    fn has(&self, device: DeviceIndex) -> bool {
        self.layout.is_in(device, self.need.class)
    }

    fn part_of(&self, mount: MountIndex) -> Part {
        if self.has(self.layout.mount(mount).device()) { Part::InClass } else { Part::OutOfClass }
    }

    /// D3: a copy on another server may have satisfied a pass, and one in the class is still needed.
    fn protect(&self, state: &mut State) {
        let secured = |state: &State| {
            state.sound_copies(self.layout, |device| {
                self.has(device) && state.is_secured(self.facts, self.layout, device)
            })
        };
        while secured(state) < self.copies() {
            let Some(device) = self.spare(state) else { return };
            state.keep_for(device, Purpose::InClass);
        }
    }

    /// The first device, in the order of visits, that holds a copy in the class which nothing protects yet.
    fn spare(&self, state: &State) -> Option<DeviceIndex> {
        let is_spare = |device: &DeviceIndex| {
            self.has(*device)
                && state.is_sound(*device)
                && !state.is_secured(self.facts, self.layout, *device)
        };
        let seen = |wanted| {
            let mounts =
                state.seen().iter().filter(move |mount| state.slot(**mount).wanted == wanted);
            mounts.map(|mount| self.layout.mount(*mount).device())
        };
        seen(true).chain(seen(false)).find(is_spare)
    }
}
