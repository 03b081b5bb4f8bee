//! Threads that append, sync, read and verify at the same time.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use ledger::{Filter, Ledger, read};

use crate::fixture::{Dir, SMALL, record};

const WRITERS: u64 = 4;
const EACH: u64 = 100;

#[test]
fn what_threads_append_is_one_unbroken_chain() {
    let dir = Dir::new();
    let (ledger, _) = dir.open(SMALL);
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let ledger = &ledger;
            scope.spawn(move || write(ledger, writer));
        }
    });
    let records: BTreeSet<_> = dir.records().iter().map(|record| record.size).collect();
    let written: BTreeSet<_> = (0..WRITERS * EACH).map(Some).collect();
    assert_eq!(records, written);
    let report = dir.verify_up_to(ledger.head().chain);
    assert!(report.is_sound(), "{:?}", report.problems);
    assert_eq!(report.records, WRITERS * EACH);
}

/// Numbers are given in the order of the file, and every third record is synced.
fn write(ledger: &Ledger, writer: u64) {
    let mut before = None;
    for step in 0..EACH {
        let number = ledger.append(&record(writer * EACH + step)).unwrap();
        assert!(before < Some(number));
        before = Some(number);
        if step % 3 == 0 {
            ledger.sync().unwrap();
        }
    }
}

#[test]
fn a_reader_of_a_growing_ledger_misses_nothing_and_sees_no_error() {
    let dir = Dir::new();
    let (ledger, _) = dir.open(SMALL);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            write(&ledger, 0);
            done.store(true, Ordering::Release);
        });
        let mut seen = 0;
        while !done.load(Ordering::Acquire) {
            let entries = read(dir.path(), Filter::default()).unwrap();
            let numbers: Vec<_> = entries.map(|entry| entry.unwrap().number.0).collect();
            let count = numbers.len() as u64;
            assert_eq!(numbers, (1..=count).collect::<Vec<_>>());
            assert!(count >= seen, "records do not go away");
            seen = count;
        }
    });
    assert_eq!(dir.records().len() as u64, EACH);
}
