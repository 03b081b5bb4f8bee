//! Decisions of the balancer on one core: blocks in a second, beside what ranking alone costs with the MD5 crate.
//!
//! `cargo bench -p keep-rules --bench balance [-- --quick]`. Both do the same blocks in the same run.

use std::hint::black_box;
use std::time::{Duration, Instant};

use keep_rules::balance::{
    Allows, BlockFacts, Decider, Layout, MountFacts, Place, Policy, Replica, ServerAccess,
    ServerFacts, ServerIndex, Sizes, Standing, Statistics, WishBook, WishId,
};
use keep_rules::{BlockHash, ClassSet, Replication, Timestamp};
use md5::{Digest, Md5};

const M: Timestamp = Timestamp::from_seconds(1_700_000_000);
/// Servers, and mounts on each.
const CLUSTERS: [(usize, usize); 4] = [(4, 1), (16, 1), (64, 1), (16, 4)];

/// One block of a run, as a merge of indexes would hand it over.
struct Block {
    hash: BlockHash,
    wish: WishId,
    replicas: Vec<Replica>,
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let blocks = if quick { 20_000 } else { 200_000 };
    println!(
        "{blocks} blocks, one thread, best of 5. Typical: of 1000 blocks 950 want 2 and have 2 at the best places,"
    );
    println!("20 lack one, 15 have one too many, 5 are at worse places, 10 are garbage.\n");
    println!(
        "{:>7} {:>7} {:18} {:>12} {:>12} {:>14} {:>7}",
        "servers", "mounts", "blocks", "decisions/s", "ns/decision", "ns, MD5 alone", "times"
    );
    for (servers, mounts) in CLUSTERS {
        let layout = layout(servers, mounts);
        let mut book = WishBook::new(&layout);
        let two = book.of_collection(&ClassSet::from_header("default"), 2).expect("one wish");
        for (name, kinds) in MIXES {
            let blocks: Vec<Block> = (0..blocks).map(|at| block(&layout, two, at, kinds)).collect();
            row(&layout, &book, name, &blocks);
        }
    }
}

/// What a block has, and how many of a thousand blocks have that.
type Mix = [(Kind, u64)];

#[derive(Clone, Copy)]
enum Kind {
    Best,
    Short,
    Excess,
    Misplaced,
    Garbage,
}

const MIXES: [(&str, &Mix); 5] = [
    (
        "typical",
        &[
            (Kind::Best, 950),
            (Kind::Short, 20),
            (Kind::Excess, 15),
            (Kind::Misplaced, 5),
            (Kind::Garbage, 10),
        ],
    ),
    ("all one too few", &[(Kind::Short, 1000)]),
    ("all one too many", &[(Kind::Excess, 1000)]),
    ("all misplaced", &[(Kind::Misplaced, 1000)]),
    ("all garbage", &[(Kind::Garbage, 1000)]),
];

fn row(layout: &Layout, book: &WishBook, name: &str, blocks: &[Block]) {
    let decide = best(|| decide(layout, book, blocks));
    let naive = best(|| rank_naively(layout, blocks));
    let count = blocks.len() as f64;
    let (decide, naive) = (decide.as_nanos() as f64 / count, naive.as_nanos() as f64 / count);
    println!(
        "{:7} {:7} {name:18} {:12.0} {decide:12.1} {naive:14.1} {:7.2}",
        layout.servers().len(),
        layout.mounts().len(),
        1e9 / decide,
        naive / decide,
    );
}

#[expect(clippy::disallowed_methods, reason = "a benchmark is about time")]
fn best(mut work: impl FnMut()) -> Duration {
    let mut run = || {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..5).map(|_| run()).min().expect("five runs")
}

/// All that a run does with a block once its facts are together.
fn decide(layout: &Layout, book: &WishBook, blocks: &[Block]) {
    let mut decider = Decider::new(layout, Policy::ServerFirst);
    let mut statistics = Statistics::default();
    for block in blocks {
        let facts = BlockFacts {
            hash: block.hash,
            replicas: &block.replicas,
            sizes: Sizes::Agree,
            wish: book.wish(block.wish),
            min_mtime: M,
        };
        statistics.count(1 << 26, &facts, decider.decide(&facts));
    }
    black_box(statistics);
}

/// The least that a balancer without vectors must do: one MD5 for each server, and the two best.
fn rank_naively(layout: &Layout, blocks: &[Block]) {
    for block in blocks {
        let mut weights: Vec<([u8; 16], usize)> = layout
            .servers()
            .iter()
            .enumerate()
            .map(|(at, server)| {
                let suffix = &server.uuid()[12..];
                let md5 = Md5::new().chain_update(block.hash.to_hex()).chain_update(suffix);
                (md5.finalize().into(), at)
            })
            .collect();
        weights.select_nth_unstable_by(1, |one, other| other.cmp(one));
        black_box(&weights[..2]);
    }
}

fn layout(servers: usize, mounts: usize) -> Layout {
    let mount = |server: usize, at: usize| MountFacts {
        uuid: format!("zzzzz-nyw5e-{:015x}", server * mounts + at).parse().expect("a name"),
        device_id: None,
        allows: Allows::WriteAndTrash,
        replication: Replication::ONE,
        classes: ClassSet::from_header("default"),
    };
    let server = |at: usize| ServerFacts {
        uuid: format!("zzzzz-bi6l4-{at:015x}"),
        url: format!("http://keep{at}:25107"),
        access: ServerAccess::ReadWrite,
        mounts: (0..mounts).map(|disk| mount(at, disk)).collect(),
    };
    Layout::new((0..servers).map(server).collect()).expect("it is possible")
}

fn block(layout: &Layout, two: WishId, number: u64, mix: &Mix) -> Block {
    let hash = BlockHash::from_bytes(Md5::digest(number.to_le_bytes()).into());
    let order = layout.server_order(hash);
    let device = |server: ServerIndex| {
        let mount = layout.server(server).mounts().next().expect("a mount");
        layout.mount(mount).device()
    };
    let mut part = number % 1000;
    let kind = mix.iter().find(|(_, share)| {
        let found = part < *share;
        part = part.saturating_sub(*share);
        found
    });
    let (ranks, wish): (&[usize], _) = match kind.expect("a thousand in all").0 {
        Kind::Best => (&[0, 1], two),
        Kind::Short => (&[1], two),
        Kind::Excess => (&[0, 1, 3], two),
        Kind::Misplaced => (&[2, 3], two),
        Kind::Garbage => (&[0, 1], WishId::UNREFERENCED),
    };
    let replica = |rank: &usize| Replica {
        place: Place::Device(device(order[*rank])),
        mtime: M.before(Duration::from_secs(1 + number * 8 + *rank as u64)),
        standing: Standing::Sound,
    };
    Block { hash, wish, replicas: ranks.iter().map(replica).collect() }
}
