//! From the plan to actions: what becomes of each replica, and what is pulled (spec section 3.2, final action).

use crate::time::Timestamp;

use super::decision::{Action, Decision, Pull};
use super::facts::{BlockFacts, Place, Sizes, Standing};
use super::index::{ClassIndex, DeviceIndex, MountIndex};
use super::layout::Layout;
use super::plan::Supply;
use super::ranking::Ranking;
use super::reason::{KeepReason, PullReason, TrashReason};
use super::state::{Certainty, Purpose, State};

/// Room for the actions of one block at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    /// The mtimes of this round's entries.
    trashed: Vec<Timestamp>,
    /// The mounts to pull to.
    targets: Vec<MountIndex>,
}

/// What is known of the block as a whole once all classes are planned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planned {
    /// Whether any class is short.
    pub(super) supply: Supply,
    /// Copies on distinct devices, doomed ones left out.
    pub(super) sound_copies: u64,
}

impl Outcome {
    /// Writes down actions, pulls and their sources.
    pub(super) fn settle(
        &mut self,
        layout: &Layout,
        state: &mut State,
        ranking: &mut Ranking,
        facts: &BlockFacts<'_>,
        planned: Planned,
        decision: &mut Decision,
    ) {
        self.act_on_all(layout, state, facts, planned.supply);
        for replica in facts.replicas {
            let action = match replica.place {
                Place::Device(device) => action_on(layout, state, device),
                Place::Mount(mount) => action_at(state, mount),
            };
            // Whoever lists a replica twice gets one entry all the same.
            let again =
                matches!(action, Action::Trash { .. }) && decision.actions.contains(&action);
            let once = if again { Action::Keep(KeepReason::OneForEachMtime) } else { action };
            decision.actions.push(once);
        }
        if !state.held().is_empty() {
            self.pull(layout, state, ranking, facts, planned, decision);
        }
    }

    /// Best rank first, because of several replicas with one mtime only the first gets an entry.
    fn act_on_all(
        &mut self,
        layout: &Layout,
        state: &mut State,
        facts: &BlockFacts<'_>,
        supply: Supply,
    ) {
        self.trashed.clear();
        for at in 0..state.seen().len() {
            let mount = state.seen()[at];
            let action = self.act_on(layout, state, facts, supply, mount);
            state.settle(mount, action);
        }
    }

    fn act_on(
        &mut self,
        layout: &Layout,
        state: &State,
        facts: &BlockFacts<'_>,
        supply: Supply,
        mount: MountIndex,
    ) -> Action {
        let device = layout.mount(mount).device();
        let holding = state.holding(device);
        let copy = holding.copy.expect("a mount that holds the block is of a device that does");
        match holding.purpose {
            Purpose::Planned => return Action::Keep(KeepReason::WantedHere),
            _ if !layout.mount(mount).allows().trash() => {
                return Action::Keep(KeepReason::CannotBeTrashed);
            }
            Purpose::Safe => return Action::Keep(KeepReason::ProtectsUntilPulled),
            Purpose::InClass => return Action::Keep(KeepReason::NeededInClass),
            Purpose::None => {}
        }
        let keep = if state.is_protected(facts, layout, copy.mtime) {
            KeepReason::SharesMtime
        } else if supply == Supply::Short {
            KeepReason::BlockShort
        } else if copy.mtime >= facts.min_mtime {
            KeepReason::TooNew
        } else if copy.certainty == Certainty::Uncertain {
            KeepReason::MtimeUncertain
        } else if facts.sizes == Sizes::Differ {
            KeepReason::SizesDiffer
        } else if self.trashed.contains(&copy.mtime) {
            KeepReason::OneForEachMtime
        } else {
            self.trashed.push(copy.mtime);
            return Action::Trash { mount, reason: trash_reason(facts) };
        };
        Action::Keep(keep)
    }

    fn pull(
        &mut self,
        layout: &Layout,
        state: &State,
        ranking: &mut Ranking,
        facts: &BlockFacts<'_>,
        planned: Planned,
        decision: &mut Decision,
    ) {
        let is_target = |mount: &&MountIndex| !state.slot(**mount).holds;
        self.targets.clear();
        self.targets.extend(state.wanted().iter().filter(is_target));
        ranking.sort(layout, &mut self.targets);
        for mount in &self.targets {
            let Some(class) = state.slot(*mount).planned_for else { continue };
            let device = layout.mount(*mount).device();
            // Two classes may have chosen two views of one device.
            if decision.pulls.iter().any(|pull| layout.mount(pull.mount).device() == device) {
                continue;
            }
            let reason = if planned.sound_copies < u64::from(facts.wish.copies_max()) {
                PullReason::TooFewCopies
            } else if is_short(layout, state, facts, class) {
                PullReason::TooFewInClass
            } else {
                PullReason::BetterPlace
            };
            decision.pulls.push(Pull { mount: *mount, class, reason });
        }
        if !decision.pulls.is_empty() {
            list_sources(layout, state, decision, |standing| standing == Standing::Sound);
            if decision.sources.is_empty() {
                list_sources(layout, state, decision, |_| true);
            }
        }
    }
}

fn action_at(state: &State, mount: MountIndex) -> Action {
    state.slot(mount).action.expect("every mount that holds the block was looked at")
}

/// What becomes of the copy on a device that holds one: what becomes of it through that view which decides.
pub(super) fn action_on(layout: &Layout, state: &State, device: DeviceIndex) -> Action {
    let order = |action: &Action| match action {
        Action::Trash { .. } => 0,
        Action::Keep(KeepReason::CannotBeTrashed) => 2,
        Action::Keep(_) => 1,
    };
    let views = layout.device(device).views().iter();
    let deciding = views.filter_map(|view| state.slot(*view).action).min_by_key(order);
    deciding.expect("the copy on a device is seen through a view")
}

/// The servers with a replica of such a standing that stays, best rank first (D8).
fn list_sources(
    layout: &Layout,
    state: &State,
    decision: &mut Decision,
    serves: impl Fn(Standing) -> bool,
) {
    for mount in state.seen() {
        let (device, server) = (layout.mount(*mount).device(), layout.mount(*mount).server());
        let Some(copy) = state.holding(device).copy else { continue };
        let stays = matches!(action_on(layout, state, device), Action::Keep(_));
        if stays && serves(copy.standing) && decision.sources.last() != Some(&server) {
            decision.sources.push(server);
        }
    }
}

/// Whether fewer copies count in this class than are wanted.
fn is_short(layout: &Layout, state: &State, facts: &BlockFacts<'_>, class: ClassIndex) -> bool {
    let have = state.sound_copies(layout, |device| layout.is_in(device, class));
    facts.wish.needs().iter().any(|need| need.class == class && have < u64::from(need.copies))
}

pub(super) fn trash_reason(facts: &BlockFacts<'_>) -> TrashReason {
    if facts.wish.wants_copies() {
        TrashReason::Excess
    } else if facts.wish.is_referenced() {
        TrashReason::NoCopiesWanted
    } else {
        TrashReason::Unreferenced
    }
}
