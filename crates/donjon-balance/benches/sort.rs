//! Sorting more than fits into memory, beside a vector that holds everything:
//! `cargo bench -p donjon-balance --bench sort [-- --quick] [RECORDS] [MEBIBYTES]`.
//!
//! Works in a temporary directory, so `TMPDIR` chooses the disk.

use std::error::Error;
use std::num::{NonZeroU32, NonZeroUsize};
use std::thread;
use std::time::{Duration, Instant};

use donjon_balance::join::{Facts, JoinError, in_order};
use donjon_balance::runs::{
    Budget, Feeder, Record, ReferenceRecord, ReplicaRecord, SortError, Sorted, Sorter, Span,
};
use keep_rules::{BlockHash, Timestamp};

/// As many as the machine has cores.
const THREADS: u32 = 2;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Outcome {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let numbers: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let records = numbers.first().copied().unwrap_or(if quick { 1_000_000 } else { 10_000_000 });
    let mebibytes = usize::try_from(numbers.get(1).copied().unwrap_or(128))?;
    let threads = NonZeroUsize::try_from(NonZeroU32::new(THREADS).ok_or("no threads")?)?;
    let budget = Budget { memory: mebibytes << 20, feeders: threads, readers: threads };

    println!("{records} replicas, {mebibytes} MiB, {THREADS} threads");
    on_disk(budget, records, |number| replica(number, number))?;
    in_memory(records, |number| replica(number, number))?;

    println!("\n{records} references, ten to each block, {mebibytes} MiB, {THREADS} threads");
    on_disk(budget, records, |number| reference(number, records / 10))?;
    in_memory(records, |number| reference(number, records / 10))?;

    let blocks = records / 2;
    println!("\njoin of {blocks} blocks, two replicas and a reference each, {THREADS} threads");
    join(budget, blocks)
}

/// Numbers that look random.
fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

fn hash(number: u64) -> BlockHash {
    let bits = u128::from(mix(number)) << 64 | u128::from(mix(!number));
    BlockHash::from_bytes(bits.to_be_bytes())
}

fn replica(number: u64, mtime: u64) -> ReplicaRecord {
    let mtime = Timestamp::from_nanos(mix(mtime).cast_signed());
    ReplicaRecord { hash: hash(number), size: 1 << 26, device: 3, mtime }
}

/// References to a block are far from each other.
fn reference(number: u64, blocks: u64) -> ReferenceRecord {
    ReferenceRecord { hash: hash(number % blocks.max(1)), size: 1 << 26, wish: 1 }
}

fn on_disk<R: Record>(budget: Budget, records: u64, make: impl Fn(u64) -> R + Sync) -> Outcome {
    forget_peak()?;
    let directory = tempfile::tempdir()?;
    let sorter = Sorter::<R>::new(directory.path(), budget)?;
    let (fed, outcome) = timed(|| feed(&sorter, records, &make));
    outcome?;
    let (finished, sorted) = timed(|| sorter.finish());
    let sorted = sorted?;
    let (read, outcome) = timed(|| read_in_parts(&sorted));
    let count = outcome?;
    let whole = fed + finished + read;
    row("feed, sort, write", fed, records);
    println!("  {:<24}{:>10.2} s", "further passes", finished.as_secs_f64());
    row("merge, read", read, records);
    row("whole", whole, records);
    println!("  {:<24}{:>10.0} MiB, {count} records come out", "peak", peak()?);
    Ok(())
}

fn feed<R: Record>(
    sorter: &Sorter<R>,
    records: u64,
    make: &(impl Fn(u64) -> R + Sync),
) -> Result<(), SortError> {
    let part = |thread: u32| {
        let mut feeder: Feeder<R> = sorter.feeder()?;
        let mut number = u64::from(thread);
        while number < records {
            feeder.push(make(number))?;
            number += u64::from(THREADS);
        }
        feeder.finish()
    };
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..THREADS).map(|thread| scope.spawn(move || part(thread))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("it does not panic"))
    })
}

fn read_in_parts<R: Record>(sorted: &Sorted<R>) -> Result<u64, SortError> {
    let spans = Span::split(NonZeroU32::new(THREADS).expect("it is not zero"));
    let part = |span| sorted.stream(span)?.try_fold(0, |count, record| record.map(|_| count + 1));
    thread::scope(|scope| {
        let threads: Vec<_> =
            spans.into_iter().map(|span| scope.spawn(move || part(span))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("it does not panic"))
            .sum::<Result<u64, SortError>>()
    })
}

fn join(budget: Budget, blocks: u64) -> Outcome {
    forget_peak()?;
    let directory = tempfile::tempdir()?;
    let replicas = Sorter::new(directory.path(), budget)?;
    feed(&replicas, 2 * blocks, &|number| replica(number % blocks, number))?;
    let references = Sorter::new(directory.path(), budget)?;
    feed(&references, blocks, &|number| reference(number, blocks))?;
    let facts = Facts {
        replicas: replicas.finish()?,
        references: references.finish()?,
        doomed: Sorter::new(directory.path(), budget)?.finish()?,
    };
    let spans = Span::split(NonZeroU32::new(64).ok_or("no spans")?);
    let threads = NonZeroU32::new(THREADS).ok_or("no threads")?.try_into()?;
    let count = |span: &Span| -> Result<u64, JoinError> {
        let mut join = facts.join(*span)?;
        let mut whole = 0;
        while let Some(block) = join.next_block()? {
            whole += u64::from(block.replicas.len() == 2 && block.references.len() == 1);
        }
        Ok(whole)
    };
    let mut joined = 0;
    let take = |part| {
        joined += part;
        Ok(())
    };
    let (time, outcome) = timed(|| in_order(&spans, threads, count, take));
    outcome?;
    if joined != blocks {
        return Err(format!("{joined} blocks came out of {blocks}").into());
    }
    row("join (blocks)", time, blocks);
    println!("  {:<24}{:>10.0} MiB", "peak", peak()?);
    Ok(())
}

/// The baseline: one vector, one thread.
fn in_memory<R: Record + Ord>(records: u64, make: impl Fn(u64) -> R) -> Outcome {
    forget_peak()?;
    let (filled, mut all) = timed(|| (0..records).map(make).collect::<Vec<R>>());
    let (sorted, ()) = timed(|| all.sort_unstable());
    row("baseline: fill a Vec", filled, records);
    row("baseline: sort_unstable", sorted, records);
    row("baseline: whole", filled + sorted, records);
    println!("  {:<24}{:>10.0} MiB", "baseline: peak", peak()?);
    Ok(())
}

fn row(what: &str, time: Duration, records: u64) {
    let seconds = time.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    let rate = records as f64 / seconds / 1e6;
    println!("  {what:<24}{seconds:>10.2} s {rate:>10.1} M records/s");
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed(), result)
}

/// The most memory that was resident, in MiB, since [`forget_peak`].
fn peak() -> Outcome<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes / 1024.0)
}

fn forget_peak() -> Outcome {
    Ok(std::fs::write("/proc/self/clear_refs", "5")?)
}
