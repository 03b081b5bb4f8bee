//! Decides block after block, without an allocation once it has met the largest.

use super::decision::Decision;
use super::facts::BlockFacts;
use super::garbage;
use super::layout::Layout;
use super::outcome::{self, Outcome, Planned};
use super::plan::{Class, Planner, Supply};
use super::ranking::Ranking;
use super::satisfied;
use super::state::State;
use super::tally::Fate;

/// What comes first when a class has too few servers (spec section 3.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// A copy on another server, even if that is in another class: as the reference. A class that only one server offers may
    /// stay short for ever.
    #[default]
    ServerFirst,
    /// A copy in the class, even if it is a second one on the same server.
    ClassFirst,
}

/// Decides what becomes of one block after another. Each thread has its own.
///
/// # Examples
/// ```
/// use keep_rules::balance::{
///     Action, Allows, BlockFacts, Decider, KeepReason, Layout, MountFacts, Place, Policy, Replica, ServerAccess,
///     ServerFacts, Sizes, Standing, WishBook,
/// };
/// use keep_rules::{BlockHash, ClassSet, Replication, Timestamp};
///
/// let server = |at: u8| ServerFacts {
///     uuid: format!("zzzzz-bi6l4-00000000000000{at}"),
///     url: format!("http://keep{at}:25107"),
///     access: ServerAccess::ReadWrite,
///     mounts: vec![MountFacts {
///         uuid: format!("zzzzz-nyw5e-00000000000000{at}").parse().unwrap(),
///         device_id: None,
///         allows: Allows::WriteAndTrash,
///         replication: Replication::ONE,
///         classes: ClassSet::from_header("default"),
///     }],
/// };
/// let layout = Layout::new((0..4).map(server).collect())?;
/// let mut book = WishBook::new(&layout);
/// let two = book.of_collection(&ClassSet::from_header("default"), 2)?;
/// let mut decider = Decider::new(&layout, Policy::ServerFirst);
///
/// let only = Replica {
///     place: Place::Device(layout.device_index(0).unwrap()),
///     mtime: Timestamp::from_seconds(1_600_000_000),
///     standing: Standing::Sound,
/// };
/// let decision = decider.decide(&BlockFacts {
///     hash: BlockHash::EMPTY,
///     replicas: &[only],
///     sizes: Sizes::Agree,
///     wish: book.wish(two),
///     min_mtime: Timestamp::from_seconds(1_700_000_000),
/// });
/// assert!(matches!(decision.actions(), [Action::Keep(_)])); // the only copy stays, wherever it is
/// assert!(!decision.pulls().is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Decider<'l> {
    layout: &'l Layout,
    policy: Policy,
    ranking: Ranking,
    state: State,
    planner: Planner,
    outcome: Outcome,
    decision: Decision,
}

impl<'l> Decider<'l> {
    /// A decider for the blocks of one run.
    pub fn new(layout: &'l Layout, policy: Policy) -> Self {
        Decider {
            layout,
            policy,
            ranking: Ranking::new(layout),
            state: State::new(layout),
            planner: Planner::default(),
            outcome: Outcome::default(),
            decision: Decision::default(),
        }
    }

    /// What is to be done about a block. The same facts give the same decision.
    ///
    /// No entry of it brings a class, or all of them together, below the smaller of what is wanted and what there is on distinct
    /// devices, doomed replicas left out; none is on a new or untrashable replica; none if a class is short; and no two of them
    /// have one mtime (spec section 8.2).
    ///
    /// # Panics
    /// If an index or the wish is of a larger layout.
    pub fn decide(&mut self, facts: &BlockFacts<'_>) -> &Decision {
        let Decider { layout, ranking, decision, .. } = self;
        decision.clear();
        let mut quick = garbage::decide(layout, facts, decision);
        if quick.is_none() {
            ranking.begin(facts.hash);
            quick = satisfied::decide(layout, facts, ranking, decision);
        }
        if quick.is_none() {
            self.plan(facts);
        }
        &self.decision
    }

    fn plan(&mut self, facts: &BlockFacts<'_>) {
        let Decider { layout, policy, ranking, state, planner, outcome, decision } = self;
        state.begin(layout, facts, ranking);
        let mut supply = Supply::Enough;
        for need in facts.wish.needs().iter().filter(|need| need.copies > 0) {
            let class = Class { layout, facts, need: *need, policy: *policy };
            if planner.plan(&class, state, ranking) == Supply::Short {
                supply = Supply::Short;
            }
        }
        let sound_copies = state.sound_copies(layout, |_| true);
        let planned = Planned { supply, sound_copies };
        outcome.settle(layout, state, ranking, facts, planned, decision);

        for device in state.held() {
            let action = outcome::action_on(layout, state, *device);
            decision.count(layout, *device, garbage::fate_of(action));
        }
        for at in 0..decision.pulls.len() {
            let device = layout.mount(decision.pulls[at].mount).device();
            decision.count(layout, device, Fate::Pulling);
        }
        decision.sound_copies = sound_copies;
        decision.conclude(facts);
    }
}
