//! A disk that is really full.

use std::fs;
use std::num::NonZeroUsize;

use donjon_balance::plan::{PlanError, PlanWriter};
use donjon_balance::runs::{Budget, ReferenceRecord, SortError, Sorter, Span};

use crate::given::{considered, entry, hash, header, kept, statistics};
use crate::mounted::Mounted;

const BUDGET: Budget =
    Budget { memory: 1 << 20, feeders: NonZeroUsize::MIN, readers: NonZeroUsize::MIN };

fn reference(number: u64) -> ReferenceRecord {
    ReferenceRecord { hash: hash(number), size: 3, wish: 0 }
}

#[test]
fn what_does_not_fit_is_not_sorted_and_what_does_is_all_there() {
    let disk = Mounted::tmpfs("8m");
    let sorter = Sorter::new(disk.path(), BUDGET).unwrap();
    let mut feeder = sorter.feeder().unwrap();
    let error = (0..).find_map(|number| feeder.push(reference(number)).err()).unwrap();
    assert!(matches!(error, SortError::Full { .. }), "{error}");
    feeder.discard();

    // Its room came back: half of what did not fit does.
    let mut feeder = sorter.feeder().unwrap();
    (0..200_000).for_each(|number| feeder.push(reference(number)).unwrap());
    feeder.finish().unwrap();
    let sorted = sorter.finish().unwrap();
    assert_eq!(sorted.stream(Span::ALL).unwrap().map(Result::unwrap).count(), 200_000);
    assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0, "runs have no names");
}

#[test]
fn a_feeder_that_met_a_full_disk_is_missed() {
    let disk = Mounted::tmpfs("1m");
    let sorter = Sorter::new(disk.path(), BUDGET).unwrap();
    let mut feeder = sorter.feeder().unwrap();
    let mut taken = 0;
    while feeder.push(reference(taken)).is_ok() {
        taken += 1;
    }
    assert!(matches!(feeder.push(reference(taken)), Err(SortError::Full { .. })));
    assert!(matches!(feeder.finish(), Err(SortError::Full { .. })));
    assert!(matches!(sorter.finish(), Err(SortError::Unfinished { open: 0, lost: 1 })));
}

#[test]
fn a_plan_that_does_not_fit_leaves_nothing() {
    let disk = Mounted::tmpfs("4m");
    let path = disk.path().join("plan.jsonl");
    let mut hashes: Vec<_> = (0..100_000).map(hash).collect();
    hashes.sort_unstable();
    let mut writer = PlanWriter::create(&path, header()).unwrap();
    let mut failure = None;
    for hash in hashes {
        let mut entry = entry(hash);
        entry.replicas = vec![kept(0, 1)];
        if let Err(error) = writer.push(&entry) {
            failure = Some(error);
            break;
        }
    }
    let error = failure.expect("it does not fit");
    assert!(matches!(error, PlanError::Full { .. }), "{error}");
    assert!(writer.push(&entry(hash(0))).is_err());
    assert!(matches!(writer.finish(considered(), statistics()), Err(PlanError::Failed)));
    assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0);
}
