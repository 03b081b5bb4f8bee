//! A million random clusters: each decision keeps its promises and agrees with the model, and rounds come to rest.

use std::thread;

use keep_rules::balance::{
    Action, Counts, Decider, Decision, DeviceIndex, Layout, Policy, Replica, Statistics, Wish,
    WishBook,
};

use crate::cluster::{Block, Cluster, Held, MIN_MTIME, numbers};
use crate::model::{self, Verdict};
use crate::promises::broken;
use crate::random::Random;

/// How many clusters, in all threads together, unless [`MORE`] says more. With two blocks each, a million clusters with a
/// block.
const CLUSTERS: u64 = 520_000;
/// The environment variable with a larger number of clusters, for a long night: `cargo xtask balance-clusters`.
const MORE: &str = "DONJON_BALANCE_CLUSTERS";
const BLOCKS: usize = 2;
const THREADS: u64 = 2;
/// Rounds until nothing is left to do, when no two replicas share an mtime (spec section 3.2).
const ROUNDS_MAX: usize = 4;

/// A cluster, and the names that the decider gave its parts.
struct World<'w> {
    cluster: &'w Cluster,
    layout: &'w Layout,
    numbers: &'w [DeviceIndex],
}

impl World<'_> {
    /// The decision in the words of the model.
    fn verdict(&self, decision: &Decision) -> Verdict {
        let server = |index| {
            let uuid = self.layout.server(index).uuid();
            self.cluster.servers.iter().position(|server| server.uuid == uuid).expect("known")
        };
        let of_mount = |mount| {
            let mount = self.layout.mount(mount);
            let device = self.numbers.iter().position(|index| *index == mount.device());
            (server(mount.server()), device.expect("known"))
        };
        let through = |action: &Action| match action {
            Action::Keep(_) => None,
            Action::Trash { mount, .. } => Some(of_mount(*mount).0),
        };
        let Counts { needed, unneeded, pulling } = decision.counts();
        Verdict {
            trash: decision.actions().iter().map(through).collect(),
            pulls: decision.pulls().iter().map(|pull| of_mount(pull.mount)).collect(),
            sources: decision.sources().iter().map(|source| server(*source)).collect(),
            category: decision.category(),
            counts: [needed, unneeded, pulling],
        }
    }
}

fn replicas(world: &World<'_>, block: &Block) -> Vec<Replica> {
    block.replicas(world.numbers)
}

/// The block when the next round looks at it.
fn apply(block: &mut Block, verdict: &Verdict, style: Style, round: i64) {
    let mut at = 0;
    block.copies.retain_mut(|held| {
        let listed = verdict.trash[at].is_some();
        at += 1;
        match style.pace {
            // The new list is worked off; the old one was replaced before it was.
            Pace::AtOnce => {
                held.doomed = false;
                !listed
            }
            // The old list is worked off; the new one dooms.
            Pace::OneRoundLate => {
                let gone = held.doomed;
                held.doomed = listed;
                !gone
            }
        }
    });
    for (_, device) in &verdict.pulls {
        let own = round * 100 + i64::try_from(*device).expect("few devices");
        let mtime = match style.pulled {
            Age::New => MIN_MTIME + 1_000_000 + own,
            Age::Old => MIN_MTIME - 500_000 + own,
        };
        block.copies.push(Held { device: *device, mtime, doomed: false });
    }
}

/// How the cluster goes on between rounds.
#[derive(Clone, Copy, Debug)]
struct Style {
    pulled: Age,
    pace: Pace,
}

/// The mtime of pulled copies, which differs from all others.
#[derive(Clone, Copy, Debug)]
enum Age {
    New,
    Old,
}

/// When a trash list is worked off.
#[derive(Clone, Copy, Debug)]
enum Pace {
    /// Before the next round. What was doomed at first survives, unless it is listed again.
    AtOnce,
    /// After the next round has looked, whatever that decides (spec section 7, W3).
    OneRoundLate,
}

/// Replicas that share an mtime with another one: each may cost a round, because of each mtime only one goes at a time (W20).
fn ties(block: &Block) -> usize {
    let mut mtimes: Vec<i64> = block.copies.iter().map(|held| held.mtime).collect();
    mtimes.sort_unstable();
    mtimes.windows(2).filter(|pair| pair[0] == pair[1]).count()
}

struct Trial<'t> {
    world: World<'t>,
    decider: Decider<'t>,
    policy: Policy,
}

impl Trial<'_> {
    fn decide(&mut self, block: &Block, wish: &Wish, statistics: &mut Statistics) -> Verdict {
        let replicas = replicas(&self.world, block);
        let facts = block.facts(&replicas, wish);
        let decision = self.decider.decide(&facts);
        statistics.count(1, &facts, decision);
        self.world.verdict(decision)
    }

    /// Rounds until nothing is left to do.
    fn rest(
        &mut self,
        mut block: Block,
        wish: &Wish,
        style: Style,
        statistics: &mut Statistics,
    ) -> Result<(), String> {
        let rounds = match style.pace {
            Pace::AtOnce => ROUNDS_MAX + ties(&block),
            Pace::OneRoundLate => 2 * ROUNDS_MAX + ties(&block),
        };
        for round in 0..=rounds {
            let verdict = self.decide(&block, wish, statistics);
            broken(self.world.cluster, &block, &verdict)?;
            if round == 0 {
                let expected = model::decide(self.world.cluster, &block, self.policy);
                if verdict != expected {
                    return Err(format!("{verdict:?}\nbut the model says\n{expected:?}"));
                }
            }
            let idle = verdict.pulls.is_empty()
                && verdict.trash.iter().all(Option::is_none)
                && !block.copies.iter().any(|held| held.doomed);
            if idle {
                return Ok(());
            }
            apply(&mut block, &verdict, style, i64::try_from(round).expect("few rounds"));
        }
        Err(format!("still at work after {rounds} rounds"))
    }
}

/// One random cluster with its blocks. The seed is all that is needed to see a failure again.
fn run(seed: u64, statistics: &mut Statistics) {
    let random = &mut Random::new(seed);
    let cluster = Cluster::random(random);
    let layout = Layout::new(cluster.facts()).expect("random clusters are possible");
    let numbers = numbers(&cluster, &layout);
    let policy = random.pick(&[Policy::ServerFirst, Policy::ClassFirst]);
    let world = World { cluster: &cluster, layout: &layout, numbers: &numbers };
    let mut trial = Trial { world, decider: Decider::new(&layout, policy), policy };
    let mut book = WishBook::new(&layout);
    for _ in 0..BLOCKS {
        let block = Block::random(random, &cluster);
        let wish = block.wish(&mut book);
        let style = Style {
            pulled: random.pick(&[Age::New, Age::Old]),
            pace: random.pick(&[Pace::AtOnce, Pace::OneRoundLate]),
        };
        if let Err(complaint) = trial.rest(block.clone(), &wish, style, statistics) {
            panic!("seed {seed}, {policy:?}, {style:?}: {complaint}\n{block:?}\n{cluster:?}");
        }
    }
}

/// Never fewer than [`CLUSTERS`]: what is asked for cannot make the test prove less.
#[expect(clippy::disallowed_methods, reason = "the rules read no environment; who tests them may")]
fn clusters_wanted() -> u64 {
    let Some(more) = std::env::var_os(MORE) else { return CLUSTERS };
    let more = more.to_str().and_then(|text| text.parse().ok());
    CLUSTERS.max(more.unwrap_or_else(|| panic!("{MORE} is not a number of clusters")))
}

#[test]
fn a_million_random_clusters_keep_every_promise_and_come_to_rest() {
    let wanted = clusters_wanted();
    let part = |thread: u64| {
        let mut statistics = Statistics::default();
        (0..wanted.div_ceil(THREADS)).for_each(|at| run(at * THREADS + thread, &mut statistics));
        statistics
    };
    let mut all = Statistics::default();
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..THREADS).map(|thread| scope.spawn(move || part(thread))).collect();
        for thread in threads {
            all += &thread.join().expect("no thread failed");
        }
    });
    let clusters = wanted * u64::try_from(BLOCKS).expect("two");
    assert!(clusters >= 1_000_000 && all.total().blocks >= clusters);
    every_kind_of_decision_came_up(&all);
}

/// A generator that misses a rule proves nothing about it.
fn every_kind_of_decision_came_up(statistics: &Statistics) {
    use keep_rules::balance::{Category, KeepReason, PullReason, TrashReason};
    for category in Category::ALL {
        assert!(statistics.category(category).blocks > 1_000, "{category}");
    }
    for reason in KeepReason::ALL.iter().filter(|reason| **reason != KeepReason::MtimeUncertain) {
        assert!(statistics.kept(*reason) > 1_000, "{reason}");
    }
    for reason in TrashReason::ALL {
        assert!(statistics.trashed(*reason) > 1_000, "{reason}");
    }
    for reason in PullReason::ALL {
        assert!(statistics.pulled(*reason) > 1_000, "{reason}");
    }
    assert!(statistics.unachievable().blocks > 1_000 && statistics.sizes_differ().blocks > 1_000);
}
