//! Stored lists: time, room on the disk and memory. `cargo bench -p list-store --bench list_store [-- --quick]`.
//!
//! Works in a temporary directory, so `TMPDIR` chooses the disk.

use std::path::Path;
use std::time::{Duration, Instant};

use keep_protocol::list::{SizeHint, TrashRequest};
use keep_rules::{BlockHash, Timestamp};
use list_store::{
    Code, Digest, Ending, Item, ListStore, Load, OutcomeCode, Receipt, Source, Standing, StoredList,
};

const T0: Timestamp = Timestamp::from_seconds(1_700_000_000);
const DAY: Duration = Duration::from_secs(86_400);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Done;

impl Code for Done {
    fn code(self) -> OutcomeCode {
        OutcomeCode { outcome: 1, reason: 0 }
    }

    fn from_code(code: OutcomeCode) -> Option<Self> {
        (code == Done.code()).then_some(Done)
    }
}

type Store = ListStore<TrashRequest, Done>;
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let sizes: &[u32] = if quick { &[1_000_000] } else { &[1_000_000, 10_000_000] };
    for items in sizes {
        let directory = tempfile::tempdir()?;
        println!("\n{items} trash items in {}", directory.path().display());
        measure(directory.path(), *items)?;
    }
    Ok(())
}

fn measure(directory: &Path, items: u32) -> Outcome {
    let store = Store::open(directory)?;
    let list = store_list(&store, items)?;
    row("on disk", per_item(bytes(directory, "list")?, items), "bytes an item");

    load(&store, items, "load, nothing ended")?;
    end(&list, 0..items / 4, 1)?;
    end(&list, items / 4..items / 2, 16)?;
    end(&list, items / 2..items - 1000, 1024)?;
    let (time, outcome) = timed(|| list.sync());
    outcome?;
    row("sync the progress", time.as_secs_f64() * 1e3, "ms");
    row("progress on disk", per_item(bytes(directory, "progress")?, items), "bytes an item");
    drop((list, store));
    load(&Store::open(directory)?, 1000, "load, all but 1000 ended")
}

fn store_list(store: &Store, items: u32) -> Outcome<StoredList<Done>> {
    let before = reset_peak();
    let mut draft = store.begin()?;
    let (time, outcome) =
        timed(|| items_of(items).try_for_each(|(hash, request)| draft.push(hash, request)));
    outcome?;
    row("push", nanos(time, items), "ns an item");
    let receipt = Receipt {
        generation: 1,
        digest: Digest([0; 32]),
        count: items.into(),
        received_at: T0,
        source: Source::default(),
        epoch: None,
        names: Default::default(),
    };
    let (time, list) = timed(|| draft.commit(receipt, Standing::Open));
    row("commit (syncs it all)", time.as_secs_f64() * 1e3, "ms");
    row("memory while arriving", megabytes(peak() - before), "MB");
    Ok(list?)
}

fn load(store: &Store, waiting: u32, what: &str) -> Outcome {
    let before = reset_peak();
    let (time, loaded) = timed(|| store.load(T0, DAY, |item: Item<TrashRequest>| item));
    let Load::Resumed(loaded) = loaded? else { return Err("the list is stored".into()) };
    assert_eq!(loaded.waiting.len(), waiting as usize);
    row(what, time.as_secs_f64() * 1e3, "ms");
    row("memory, peak", megabytes(peak() - before), "MB");
    row(
        "of that the items",
        megabytes(loaded.waiting.len() * size_of::<Item<TrashRequest>>()),
        "MB",
    );
    Ok(())
}

/// Ends items, so many with each call.
fn end(list: &StoredList<Done>, indexes: std::ops::Range<u32>, batch: usize) -> Outcome {
    let items = u32::try_from(indexes.len())?;
    let mut endings = Vec::with_capacity(batch);
    let start = Instant::now();
    for index in indexes {
        endings.push(Ending { index, outcome: Done });
        if endings.len() == batch {
            list.ended(&endings)?;
            endings.clear();
        }
    }
    list.ended(&endings)?;
    row(&format!("progress, {batch} a call"), nanos(start.elapsed(), items), "ns an entry");
    Ok(())
}

fn items_of(items: u32) -> impl Iterator<Item = (BlockHash, TrashRequest)> {
    (0..u64::from(items)).map(|number| {
        let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let hash =
            BlockHash::from_bytes((u128::from(mixed) << 64 | u128::from(number)).to_be_bytes());
        (hash, TrashRequest::new(T0, SizeHint::Bytes(64 << 20), None))
    })
}

fn timed<T>(act: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let outcome = act();
    (start.elapsed(), outcome)
}

fn row(what: &str, figure: f64, unit: &str) {
    println!("{what:28} {figure:10.1} {unit}");
}

fn nanos(time: Duration, items: u32) -> f64 {
    time.as_secs_f64() * 1e9 / f64::from(items)
}

fn per_item(bytes: u64, items: u32) -> f64 {
    bytes as f64 / f64::from(items)
}

fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

fn bytes(directory: &Path, extension: &str) -> Outcome<u64> {
    Ok(std::fs::metadata(directory.join(format!("trash-1.{extension}")))?.len())
}

/// Makes the peak of this process what it uses now (proc(5), `clear_refs`), and gives it.
fn reset_peak() -> usize {
    std::fs::write("/proc/self/clear_refs", "5").expect("Linux lets a process reset its peak");
    peak()
}

/// Bytes of memory at the peak.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has /proc");
    let line =
        status.lines().find(|line| line.starts_with("VmHWM")).expect("the kernel reports it");
    let kib = line.split_whitespace().nth(1).and_then(|kib| kib.parse::<usize>().ok());
    kib.expect("a number of KiB") << 10
}
