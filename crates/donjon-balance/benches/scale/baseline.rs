//! The same blocks in a hash map, decided alike. No plan is written.

use std::collections::HashMap;
use std::thread;

use keep_rules::balance::{
    BlockFacts, Category, Decider, DeviceIndex, Place, Policy, Replica, Sizes, Standing,
    Statistics, WishId,
};

use crate::cluster::{Cluster, Kind, MIN_MTIME};
use crate::figures::{Figures, core_seconds, peak, timed};
use crate::whole::numbers;
use crate::{Outcome, THREADS};

type Blocks = HashMap<[u8; 16], (Vec<Replica>, WishId)>;

pub(crate) fn run(servers: u16, replicas: u64) -> Outcome<Figures> {
    let cluster = Cluster::new(servers, replicas)?;
    let (feed, maps) = timed(|| in_threads(|thread| fill(&cluster, thread)));
    let before = core_seconds()?;
    let (decide, sums) = timed(|| {
        let sums = thread::scope(|scope| {
            let threads: Vec<_> =
                maps.iter().map(|map| scope.spawn(|| decide(&cluster, map))).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("it does not panic"))
                .collect::<Vec<_>>()
        });
        let mut all = Statistics::default();
        sums.iter().for_each(|sums| all += sums);
        all
    });
    let decide_cpu = core_seconds()? - before;
    if sums.category(Category::Garbage).blocks != cluster.count(Kind::Garbage) {
        return Err("the map does not have the garbage of the cluster".into());
    }
    Ok(Figures {
        servers,
        replicas: cluster.replicas(),
        blocks: cluster.blocks,
        feed,
        decide,
        decide_cpu,
        peak: peak()?,
        ..Figures::default()
    })
}

fn in_threads<T: Send>(work: impl Fn(u32) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> =
            (0..THREADS).map(|thread| scope.spawn(move || work(thread))).collect();
        threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect()
    })
}

fn fill(cluster: &Cluster, thread: u32) -> Blocks {
    let devices: Vec<DeviceIndex> = cluster.layout.device_indexes().collect();
    let mut blocks = Blocks::new();
    for number in numbers(cluster, thread) {
        cluster.replicas_of(number, |replica| {
            let (replicas, _) = blocks
                .entry(*replica.hash.as_bytes())
                .or_insert_with(|| (Vec::new(), WishId::UNREFERENCED));
            replicas.push(Replica {
                place: Place::Device(devices[usize::from(replica.device)]),
                mtime: replica.mtime,
                standing: Standing::Sound,
            });
        });
        if cluster.reference_of(number).is_some() {
            let block = blocks.entry(*Cluster::hash(number).as_bytes());
            block.or_insert_with(|| (Vec::new(), WishId::UNREFERENCED)).1 = cluster.two;
        }
        cluster.doomed_of(number, |doomed| {
            let block = blocks.get_mut(doomed.hash.as_bytes());
            for replica in block.into_iter().flat_map(|(replicas, _)| replicas) {
                if replica.mtime == doomed.mtime {
                    replica.standing = Standing::Doomed;
                }
            }
        });
    }
    blocks
}

fn decide(cluster: &Cluster, blocks: &Blocks) -> Statistics {
    let mut decider = Decider::new(&cluster.layout, Policy::ServerFirst);
    let mut statistics = Statistics::default();
    for (hash, (replicas, wish)) in blocks {
        let facts = BlockFacts {
            hash: keep_rules::BlockHash::from_bytes(*hash),
            replicas,
            sizes: Sizes::Agree,
            wish: cluster.book.wish(*wish),
            min_mtime: MIN_MTIME,
        };
        let decision = decider.decide(&facts);
        statistics.count(1 << 26, &facts, decision);
    }
    statistics
}
