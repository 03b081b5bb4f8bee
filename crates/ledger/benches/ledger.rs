//! How fast a ledger is: `cargo bench -p ledger --bench ledger [-- --quick]`.
//!
//! Works in a temporary directory, so `TMPDIR` chooses the disk.

use std::error::Error;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use keep_rules::{BlockHash, Timestamp};
use ledger::{
    Filter, Ledger, LedgerError, ListId, Operation, Outcome, Reason, Record, read, verify,
};

const T0: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn main() -> Result<(), Box<dyn Error>> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let count = if quick { 100_000 } else { 1_000_000 };
    let temporary = tempfile::tempdir()?;
    println!("ledger in {}", temporary.path().display());
    for threads in [1, 4, 8] {
        let dir = temporary.path().join(threads.to_string());
        append(&dir, threads, count)?;
    }
    let dir = temporary.path().join("1");
    open(&dir)?;
    read_all(&dir, count)?;
    verify_all(&dir, count)?;
    sync_each(&temporary.path().join("sync"), 8, count / 1000)
}

fn record(number: u64) -> Result<Record, Box<dyn Error>> {
    let mut digest = [0xab; 16];
    digest[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    let block = BlockHash::from_bytes(digest);
    Ok(Record {
        size: Some(67_108_864),
        mtime: Some(T0),
        mount: Some("zzzzz-nyw5e-000000000000000".parse()?),
        list: Some(ListId(number / 100_000)),
        reason: Some(Reason::label("rewritten")),
        ..Record::new(
            T0.after(Duration::from_millis(number)),
            Operation::Trash,
            block,
            Outcome::Done,
        )
    })
}

/// Calls `step` for the numbers below `count`, from so many threads.
fn run(
    threads: usize,
    count: u64,
    step: impl Fn(u64) -> Result<(), LedgerError> + Sync,
) -> Result<Duration, LedgerError> {
    let next = AtomicU64::new(0);
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(());
            }
            step(number)?;
        }
    };
    let start = Instant::now();
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_thread| scope.spawn(work)).collect();
        running.into_iter().try_for_each(|thread| thread.join().expect("a thread ends"))
    })?;
    Ok(start.elapsed())
}

fn append(dir: &Path, threads: usize, count: u64) -> Result<(), Box<dyn Error>> {
    let records = (0..1000).map(record).collect::<Result<Vec<_>, _>>()?;
    let (ledger, _) = Ledger::open(dir, "keep0.example", T0)?;
    let step = |number: u64| {
        let at = usize::try_from(number).unwrap_or(0) % records.len();
        ledger.append(&records[at]).map(drop)
    };
    let time = run(threads, count, step)?;
    report(&format!("append, {threads} threads"), count, time);
    let start = Instant::now();
    ledger.sync()?;
    println!("{:40} {:10.1?}", "  sync of what is left", start.elapsed());
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        bytes += entry?.metadata()?.len();
    }
    println!("{:40} {:10.1} bytes a record", "  on disk", bytes as f64 / count as f64);
    Ok(())
}

fn open(dir: &Path) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let (_ledger, opened) = Ledger::open(dir, "keep0.example", T0)?;
    let time = start.elapsed();
    println!("{:40} {time:10.1?}, {} is the last file", "open", opened.file);
    Ok(())
}

fn read_all(dir: &Path, count: u64) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let mut entries = read(dir, Filter::default())?;
    let found = entries.try_fold(0, |found, entry| entry.map(|_entry| found + 1))?;
    assert_eq!(found, count);
    report("read", count, start.elapsed());
    Ok(())
}

fn verify_all(dir: &Path, count: u64) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let found = verify(dir, None)?;
    assert!(found.is_sound() && found.records == count);
    report("verify", count, start.elapsed());
    Ok(())
}

/// Every record is synced before the next one of its thread: how well syncs are shared.
fn sync_each(dir: &Path, threads: usize, count: u64) -> Result<(), Box<dyn Error>> {
    let one = record(1)?;
    let (ledger, _) = Ledger::open(dir, "keep0.example", T0)?;
    for threads in [1, threads] {
        let step = |_number| ledger.append(&one).and_then(|_number| ledger.sync());
        let time = run(threads, count, step)?;
        report(&format!("append and sync, {threads} threads"), count, time);
    }
    Ok(())
}

fn report(title: &str, count: u64, time: Duration) {
    let each = time / u32::try_from(count).unwrap_or(u32::MAX);
    let rate = count as f64 / time.as_secs_f64();
    println!("{title:40} {rate:10.0} per second, {each:10.1?} each, {time:10.1?} in all");
}
