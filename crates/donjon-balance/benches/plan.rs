//! Plans: writing, reading, looking up one block, lists, comparing:
//! `cargo bench -p donjon-balance --bench plan [-- --quick] [ENTRIES]`.
//!
//! Works in a temporary directory, so `TMPDIR` chooses the disk.

use std::error::Error;
use std::hint::black_box;
use std::io::Read;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::Path;
use std::time::{Duration, Instant};

use donjon_balance::join::in_order;
use donjon_balance::plan::{
    Batch, BlockName, Considered, Diff, Entry, FORMAT, Fate, Header, Inputs, Limits, Lists, Mount,
    MountAccess, PlanError, PlanFile, PlanReader, PlanWriter, Pull, Replica, Salt, Server, Slug,
};
use donjon_balance::runs::Budget;
use keep_rules::{BlockHash, Timestamp};
use serde_json::Map;

/// As many as the machine has cores.
const THREADS: u32 = 2;
/// Parts of a plan that threads write.
const PARTS: u32 = 256;
const SERVERS: u16 = 4;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Outcome {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let given = std::env::args().find_map(|argument| argument.parse().ok());
    let entries: u64 = given.unwrap_or(if quick { 100_000 } else { 1_000_000 });
    let directory = tempfile::tempdir()?;
    let [one, two] = ["one", "two"].map(|name| directory.path().join(name));
    println!("{entries} entries, {SERVERS} servers, {THREADS} threads");

    row("baseline: JSON alone, one thread", timed(|| json_alone(entries)), entries);
    row("write and sync", timed(|| write(&one, entries)), entries);
    let mebibytes = std::fs::metadata(&one)?.len() >> 20;
    println!("  {:<36}{mebibytes:>12} MiB", "size");
    row("baseline: read bytes alone", timed(|| read_bytes(&one)), entries);
    row("read and verify", timed(|| Ok(PlanFile::open(&one)?.verify()?)), entries);
    explain(&one, entries)?;
    lists(&one, directory.path(), entries)?;
    write(&two, entries)?;
    row("compare with an equal plan", timed(|| compare(&one, &two)), entries);
    println!("  {:<36}{:>12.0} MiB", "peak", peak()?);
    Ok(())
}

const LIMITS: Limits = Limits { pulls: 100_000, trashes: 100_000 };

fn header() -> Header {
    let server =
        |number| Server { uuid: format!("s{number}"), url: format!("http://keep{number}:25107/") };
    let mount = |number| Mount {
        uuid: format!("zzzzz-nyw5e-00000000000000{number}"),
        server: number,
        access: MountAccess::ReadWrite,
        replication: 1,
        classes: vec!["default".to_owned()],
        medium: None,
    };
    Header {
        format: FORMAT,
        donjon: "0.1.0".to_owned(),
        id: "bench".to_owned(),
        made_at: Timestamp::EPOCH,
        t0: Timestamp::EPOCH,
        min_mtime: Timestamp::from_nanos(i64::MAX),
        signature_ttl: 0,
        policy: Map::new(),
        salt: Salt(1),
        limits: LIMITS,
        servers: (0..SERVERS).map(server).collect(),
        mounts: (0..SERVERS).map(mount).collect(),
        inputs: Inputs::default(),
    }
}

/// Hashes ascend with the number, evenly spread.
fn hash(number: u64, of: u64) -> BlockHash {
    let head = u128::MAX / u128::from(of) * u128::from(number) + 12_345;
    BlockHash::from_bytes(head.to_be_bytes())
}

/// A block of which one replica stays, one goes, and one is to be made.
fn entry(number: u64, of: u64) -> Entry {
    let mount = u16::try_from(number % u64::from(SERVERS)).unwrap_or(0);
    let mtime = Timestamp::from_nanos(1_700_000_000_000_000_000 + number.cast_signed());
    let keep = Fate::Keep { reason: Slug::of("wanted_here") };
    let trash = Fate::Trash { reason: Slug::of("excess"), order: number % 3 };
    let replica = |mount: u16, mtime, fate| {
        let mount = mount % SERVERS;
        Replica { mount, mtime, size: None, doomed: false, fate }
    };
    let from = vec![mount, (mount + 1) % SERVERS];
    let reason = Slug::of("under_replicated");
    Entry {
        block: BlockName { hash: hash(number, of), size: 1 << 26 },
        wanted: [("default".to_owned(), 2)].into(),
        replicas: vec![replica(mount, mtime, keep), replica(mount + 1, mtime, trash)],
        pulls: vec![Pull { to: (mount + 2) % SERVERS, from, reason, order: number % 3 }],
        lost: None,
        report: Vec::new(),
    }
}

fn json_alone(entries: u64) -> Outcome {
    let mut line = Vec::new();
    for number in 0..entries {
        line.clear();
        serde_json::to_writer(&mut line, &entry(number, entries))?;
        black_box(&line);
    }
    Ok(())
}

fn write(path: &Path, entries: u64) -> Outcome {
    let mut writer = PlanWriter::create(path, header())?;
    let header = writer.header().clone();
    let parts: Vec<u64> = (0..u64::from(PARTS)).collect();
    let work = |part: &u64| -> Result<Batch, PlanError> {
        let mut batch = Batch::new(&header);
        let first = |part| entries * part / u64::from(PARTS);
        for number in first(*part)..first(part + 1) {
            batch.push(&entry(number, entries))?;
        }
        Ok(batch)
    };
    in_order(&parts, threads()?, work, |batch| writer.append(&batch))?;
    writer.finish(Considered::default(), Map::new())?;
    Ok(())
}

fn read_bytes(path: &Path) -> Outcome {
    let mut file = std::fs::File::open(path)?;
    let mut buffer = vec![0; 256 << 10];
    while file.read(&mut buffer)? > 0 {
        black_box(&buffer);
    }
    Ok(())
}

fn explain(path: &Path, entries: u64) -> Outcome {
    let file = PlanFile::open(path)?;
    let mut times = Vec::new();
    for step in 0..1000 {
        let hash = hash(step * (entries / 1000), entries);
        let (time, explained) = timed(|| Ok(file.explain(hash)?));
        explained?.entry.ok_or("it is not found")?;
        times.push(time);
    }
    times.sort_unstable();
    let micros = |place: usize| times[place].as_secs_f64() * 1e6;
    let what = "look up a block: median, 99 %, worst";
    println!("  {what:<36}{:>12.0} µs {:.0} µs {:.0} µs", micros(500), micros(990), micros(999));
    Ok(())
}

fn lists(path: &Path, directory: &Path, entries: u64) -> Outcome {
    let file = PlanFile::open(path)?;
    let budget =
        Budget { memory: 64 << 20, feeders: NonZeroUsize::MIN, readers: NonZeroUsize::MIN };
    let (time, lists) = timed(|| Ok(Lists::prepare(&file, LIMITS, directory, budget)?));
    let lists = lists?;
    row("lists: read, verify and sort", (time, Ok(())), entries);
    let sent = (0..SERVERS).map(|server| lists.trash_count(server).sent).sum();
    let send = || {
        for server in 0..SERVERS {
            for item in lists.trashes(server)? {
                black_box(item?);
            }
        }
        Ok(())
    };
    row("lists: send", timed(send), sent);
    Ok(())
}

fn compare(one: &Path, two: &Path) -> Outcome {
    let mut diff = Diff::new(PlanReader::open(one)?, PlanReader::open(two)?)?;
    match diff.next_difference()? {
        None => Ok(()),
        Some(_) => Err("they differ".into()),
    }
}

fn threads() -> Outcome<NonZeroUsize> {
    Ok(NonZeroU32::new(THREADS).ok_or("no threads")?.try_into()?)
}

fn row<T>(what: &str, (time, outcome): (Duration, Outcome<T>), entries: u64) {
    outcome.unwrap_or_else(|error| panic!("{what}: {error}"));
    let seconds = time.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    let rate = entries as f64 / seconds / 1e3;
    println!("  {what:<36}{seconds:>12.2} s {rate:>8.0} K/s");
}

fn timed<T>(work: impl FnOnce() -> Outcome<T>) -> (Duration, Outcome<T>) {
    let start = Instant::now();
    let result = work();
    (start.elapsed(), result)
}

/// The most memory that was resident, in MiB.
fn peak() -> Outcome<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes / 1024.0)
}
