//! What a run does once bytes have come from the network: feed, finish, decide, plan.

use std::hint::black_box;
use std::path::Path;
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use donjon_balance::indexes::IndexRead;
use donjon_balance::observe::{Enrol, Observed};
use donjon_balance::planning::{PlanName, Planned, write_plan};
use donjon_balance::progress::Quiet;
use donjon_balance::references::ReferencesRead;
use donjon_balance::retry::Patience;
use donjon_balance::runs::SortError;
use donjon_balance::setbacks::Setbacks;
use donjon_balance::settings::{ListLimits, Settings};
use donjon_balance::sorters::{INDEXES_AT_ONCE, Sorters};
use keep_rules::Timestamp;
use keep_rules::balance::{Category, Policy};
use keep_rules::brake::BrakeLimits;

use crate::cluster::{Cluster, Kind, MIN_MTIME};
use crate::figures::{Figures, core_seconds, peak, timed};
use crate::{Outcome, THREADS};

/// Bytes for sorting: what `donjon balance` takes if it is not told otherwise.
pub(crate) const MEMORY: usize = 256 << 20;

pub(crate) fn run(servers: u16, replicas: u64) -> Outcome<Figures> {
    let cluster = Cluster::new(servers, replicas)?;
    let directory = tempfile::tempdir()?;
    let settings = settings(directory.path());
    let (generate, ()) = timed(|| generate(&cluster));

    let sorters = Sorters::new(&settings, 1, Enrol::Nobody)?;
    let (fed, outcome) = timed(|| feed(&cluster, &sorters));
    outcome?;
    let (finished, facts) = timed(|| sorters.finish());
    let (facts, _members) = facts?;
    let runs = facts.replicas.bytes() + facts.references.bytes() + facts.doomed.bytes();
    let indexes = cluster.servers.iter().map(|server| IndexRead {
        device: server.mounts[0].uuid.clone(),
        server: server.uuid.clone(),
        blocks: 0,
        bytes: 0,
        in_future: 0,
        digest: [0; 32],
    });
    let observed = Observed {
        indexes: indexes.collect(),
        references: vec![ReferencesRead { kind: "generated", ..ReferencesRead::default() }],
        servers: cluster.servers.clone(),
        layout: cluster.layout.clone(),
        book: cluster.book.clone(),
        facts,
        started: Timestamp::from_seconds(1_701_000_000),
        min_mtime: MIN_MTIME,
        enrolled: None,
    };
    let name = PlanName { id: "bench".to_owned(), salt: 1, after_epoch: 0 };
    let path = directory.path().join("plan");
    let before = core_seconds()?;
    let (decide, planned) =
        timed(|| write_plan(&observed, &Setbacks::default(), &settings, &name, &path, &Quiet));
    let decide_cpu = core_seconds()? - before;
    check(&cluster, &planned?)?;
    Ok(Figures {
        servers,
        replicas: cluster.replicas(),
        blocks: cluster.blocks,
        generate,
        feed: fed,
        finish: finished,
        decide,
        decide_cpu,
        peak: peak()?,
        runs,
        plan: std::fs::metadata(&path)?.len(),
    })
}

fn settings(state_dir: &Path) -> Settings {
    Settings {
        signature_ttl: Duration::from_secs(14 * 24 * 3600),
        default_replication: 2,
        policy: Policy::ServerFirst,
        limits: ListLimits { pulls: 100_000, trashes: 100_000 },
        brakes: BrakeLimits { trash_percent: 100, drop_percent: 100, floor: 0 },
        clock_skew_max: Duration::from_secs(60),
        plan_age_max: Duration::from_secs(3600),
        timeout: Duration::MAX,
        patience: Patience::default(),
        state_dir: state_dir.to_owned(),
        memory: MEMORY,
        threads: THREADS as usize,
        missing_report: None,
        update_limit: 0,
    }
}

/// What the generator itself costs.
fn generate(cluster: &Cluster) {
    thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                for number in numbers(cluster, thread) {
                    cluster.replicas_of(number, |replica| {
                        black_box(replica);
                    });
                }
            });
        }
        scope.spawn(|| {
            for number in 0..cluster.blocks {
                black_box(cluster.reference_of(number));
            }
        });
    });
}

/// The numbers of one of the threads.
pub(crate) fn numbers(cluster: &Cluster, thread: u32) -> impl Iterator<Item = u64> {
    (u64::from(thread)..cluster.blocks).step_by(THREADS as usize)
}

/// As `observe` does: all feeders of replicas are open at once, each with the replicas of some devices, while one thread
/// reads references. No index is sorted, which is the worst that can come.
fn feed(cluster: &Cluster, sorters: &Sorters) -> Result<(), SortError> {
    let replicas = |thread: u32| {
        let feeders = INDEXES_AT_ONCE / THREADS as usize;
        let feeders = (0..feeders).map(|_| sorters.replicas.feeder());
        let mut feeders = feeders.collect::<Result<Vec<_>, _>>()?;
        let count = feeders.len();
        let mut outcome = Ok(());
        for number in numbers(cluster, thread) {
            cluster.replicas_of(number, |replica| {
                let pushed = feeders[usize::from(replica.device) % count].push(replica);
                outcome = std::mem::replace(&mut outcome, Ok(())).and(pushed);
            });
        }
        outcome?;
        feeders.into_iter().try_for_each(|feeder| feeder.finish())
    };
    let references = || {
        let mut feeder = sorters.references.feeder()?;
        let all = (0..cluster.blocks).filter_map(|number| cluster.reference_of(number));
        all.into_iter().try_for_each(|reference| feeder.push(reference))?;
        feeder.finish()?;
        let mut feeder = sorters.doomed.feeder()?;
        let mut outcome = Ok(());
        for number in 0..cluster.blocks {
            cluster.doomed_of(number, |doomed| {
                let pushed = feeder.push(doomed);
                outcome = std::mem::replace(&mut outcome, Ok(())).and(pushed);
            });
        }
        outcome?;
        feeder.finish()
    };
    thread::scope(|scope| {
        let mut threads: Vec<ScopedJoinHandle<'_, Result<(), SortError>>> =
            (0..THREADS).map(|thread| scope.spawn(move || replicas(thread))).collect();
        threads.push(scope.spawn(references));
        threads.into_iter().try_for_each(|thread| thread.join().expect("it does not panic"))
    })
}

/// A figure for a wrong result would be none.
fn check(cluster: &Cluster, planned: &Planned) -> Outcome {
    let garbage = planned.statistics.category(Category::Garbage).blocks;
    let short = planned.statistics.category(Category::Underreplicated).blocks;
    let found = [planned.size.replicas, planned.referenced_blocks, garbage, short];
    let expected = [
        cluster.replicas(),
        cluster.blocks - cluster.count(Kind::Garbage),
        cluster.count(Kind::Garbage),
        cluster.count(Kind::Short) + cluster.count(Kind::Misplaced),
    ];
    if found != expected {
        return Err(format!("the plan counts {found:?}, the cluster has {expected:?}").into());
    }
    Ok(())
}
