//! A disk that is really full.

use std::fs;

use keep_rules::{BlockHash, Timestamp};
use ledger::{Filter, Ledger, LedgerError, Operation, Outcome, Record, Rotation};
use testkit::mounted::Mounted;

const T0: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn record() -> Record {
    Record::new(T0, Operation::Empty, BlockHash::EMPTY, Outcome::Done)
}

/// Appends until there is no room; returns how many fitted.
fn fill(ledger: &Ledger) -> usize {
    let mut fitted = 0;
    loop {
        match ledger.append(&record()) {
            Ok(_) => fitted += 1,
            Err(LedgerError::Full { .. }) => return fitted,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_full_disk_loses_no_record_and_tears_none() {
    let point = tempfile::tempdir().unwrap();
    let disk = Mounted::tmpfs(point.path(), "256k");
    let dir = disk.path().join("ledger");
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![0; 64 << 10]).unwrap();
    // Files end while the disk fills: the next one may be what finds no room.
    let rotation = Rotation { size: 50_000, age: None };
    let (ledger, _) = Ledger::open_rotating(&dir, "keep0", rotation, T0).unwrap();
    let mut appended = fill(&ledger);
    assert!(appended > 100);
    assert!(matches!(ledger.append(&record()), Err(LedgerError::Full { .. })));
    ledger.sync().unwrap();
    let head = Some(ledger.head().chain);
    assert!(ledger::verify(&dir, head).unwrap().is_sound());

    // With room again, the same ledger goes on.
    fs::remove_file(&ballast).unwrap();
    let more = fill(&ledger);
    assert!(more > 10);
    appended += more;
    let head = Some(ledger.head().chain);
    drop(ledger);

    // And on the full disk it can be opened, which finds nothing to repair.
    let (ledger, opened) = Ledger::open_rotating(&dir, "keep0", rotation, T0).unwrap();
    assert_eq!(opened.repaired, None);
    assert!(matches!(ledger.append(&record()), Err(LedgerError::Full { .. })));
    let report = ledger::verify(&dir, head).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
    assert_eq!(report.records, appended as u64);
    let read = ledger::read(&dir, Filter::default()).unwrap();
    assert_eq!(read.map(Result::unwrap).count(), appended);
}
