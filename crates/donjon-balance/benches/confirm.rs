//! Counting the copies of collections block by block, sorted on the disk, beside maps that hold everything:
//! `cargo bench -p donjon-balance --bench confirm [-- --quick] [REFERENCES] [MEBIBYTES]`.
//!
//! Ten references to a collection, two replicas of each block; each block is named by two collections. Works in a temporary
//! directory, so `TMPDIR` chooses the disk.

use std::collections::HashMap;
use std::error::Error;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Instant;

use donjon_balance::confirm::{Counting, fewest_copies};
use donjon_balance::join::Facts;
use donjon_balance::progress::Quiet;
use donjon_balance::runs::{
    Budget, DoomedRecord, MemberRecord, Record, ReferenceRecord, ReplicaRecord, SortError, Sorted,
    Sorter,
};
use keep_rules::balance::{Allows, Layout, MountFacts, ServerAccess, ServerFacts, WishBook};
use keep_rules::{BlockHash, ClassSet, Replication, Timestamp};

const THREADS: u32 = 2;
/// References of a collection.
const BLOCKS_EACH: u64 = 10;
const SIZE: u32 = 1 << 26;
const DEVICES: u16 = 4;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Outcome {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let numbers: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let references = numbers.first().copied().unwrap_or(if quick { 1_000_000 } else { 10_000_000 });
    let mebibytes = usize::try_from(numbers.get(1).copied().unwrap_or(128))?;
    let threads = NonZeroUsize::try_from(NonZeroU32::new(THREADS).ok_or("no threads")?)?;
    let collections = u32::try_from(references / BLOCKS_EACH)?;
    println!(
        "{references} references of {collections} collections, {mebibytes} MiB, {THREADS} threads"
    );
    let sorted = on_disk(references, collections, mebibytes << 20, threads)?;
    let mapped = in_memory(references, collections)?;
    if sorted != mapped {
        return Err("the two do not count the same".into());
    }
    Ok(())
}

fn on_disk(
    references: u64,
    collections: u32,
    memory: usize,
    threads: NonZeroUsize,
) -> Outcome<Vec<u32>> {
    let (before, begun) = (peak_kib()?, Instant::now());
    let layout = layout()?;
    let mut book = WishBook::new(&layout);
    let wish = book.of_collection(&ClassSet::from_header("default"), 2)?.get();
    let budget = |parts: usize| Budget {
        memory: memory / 8 * parts,
        feeders: NonZeroUsize::MIN,
        readers: threads,
    };
    let members =
        sorted(budget(2), (0..references).map(|number| member(number, references, wish)))?;
    let fed = begun.elapsed();
    let facts = Facts {
        replicas: sorted(budget(3), (0..references).map(|number| replica(number, references)))?,
        references: sorted::<ReferenceRecord>(budget(2), [])?,
        doomed: sorted::<DoomedRecord>(budget(1), [])?,
    };
    let counting = Instant::now();
    let of =
        Counting { layout: &layout, book: &book, facts: &facts, members: &members, collections };
    let fewest = fewest_copies(of, threads, &Quiet)?;
    let counted = counting.elapsed();
    println!(
        "on the disk: {:.1} s to feed and sort the references, {:.1} s to count, {:.0} ns a reference in all; memory grew by {} MiB",
        fed.as_secs_f64(),
        counted.as_secs_f64(),
        (fed + counted).as_nanos() as f64 / references as f64,
        (peak_kib()? - before) / 1024,
    );
    Ok(fewest)
}

/// What one would write first: the devices of each block, and the blocks of each collection.
fn in_memory(references: u64, collections: u32) -> Outcome<Vec<u32>> {
    let before = peak_kib()?;
    let mut devices: HashMap<(BlockHash, u32), Vec<u16>> = HashMap::new();
    for number in 0..references {
        let replica = replica(number, references);
        let devices = devices.entry((replica.hash, replica.size)).or_default();
        if !devices.contains(&replica.device) {
            devices.push(replica.device);
        }
    }
    let begun = Instant::now();
    let mut blocks = vec![Vec::new(); usize::try_from(collections)?];
    for number in 0..references {
        let member = member(number, references, 0);
        blocks[usize::try_from(member.collection)?].push((member.hash, member.size));
    }
    let copies = |block: &(BlockHash, u32)| {
        devices.get(block).map_or(0, |devices| u32::try_from(devices.len()).unwrap_or(u32::MAX))
    };
    let fewest = blocks.iter().map(|blocks| blocks.iter().map(copies).min().unwrap_or(0));
    let fewest: Vec<u32> = fewest.collect();
    println!(
        "in maps:     {:.0} ns a reference; memory grew by {} MiB",
        begun.elapsed().as_nanos() as f64 / references as f64,
        (peak_kib()? - before) / 1024,
    );
    Ok(fewest)
}

fn sorted<R: Record>(
    budget: Budget,
    records: impl IntoIterator<Item = R>,
) -> Result<Sorted<R>, SortError> {
    let sorter = Sorter::new(&std::env::temp_dir(), budget)?;
    let mut feeder = sorter.feeder()?;
    for record in records {
        feeder.push(record)?;
    }
    feeder.finish()?;
    sorter.finish()
}

/// Numbers that look random.
fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Half as many blocks as references, in an order that looks random.
fn hash(number: u64, references: u64) -> BlockHash {
    let block = number % (references / 2).max(1);
    BlockHash::from_bytes((u128::from(mix(block)) << 64 | u128::from(mix(!block))).to_be_bytes())
}

fn member(number: u64, references: u64, classes: u32) -> MemberRecord {
    let collection = u32::try_from(number / BLOCKS_EACH).unwrap_or(u32::MAX);
    MemberRecord { hash: hash(number, references), size: SIZE, classes, collection }
}

/// Two of each block but every 256th: of those one device has two lines, which count once.
fn replica(number: u64, references: u64) -> ReplicaRecord {
    let hash = hash(number, references);
    let second = number >= references / 2 && hash.as_bytes()[0] != 0;
    let mtime = Timestamp::from_nanos(mix(number).cast_signed());
    ReplicaRecord { hash, size: SIZE, device: u16::from(second), mtime }
}

fn layout() -> Outcome<Layout> {
    let server = |at: u16| -> Outcome<ServerFacts> {
        Ok(ServerFacts {
            uuid: format!("server-{at}"),
            url: format!("http://keep{at}:25107"),
            access: ServerAccess::ReadWrite,
            mounts: vec![MountFacts {
                uuid: format!("mount-{at}").parse()?,
                device_id: None,
                allows: Allows::WriteAndTrash,
                replication: Replication::ONE,
                classes: ClassSet::from_header("default"),
            }],
        })
    };
    Ok(Layout::new((0..DEVICES).map(server).collect::<Outcome<_>>()?)?)
}

/// What this process has had in memory at most.
fn peak_kib() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
