use std::num::{NonZeroU32, NonZeroUsize};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;

use keep_rules::{BlockHash, Timestamp};
use proptest::prelude::*;

use super::*;

fn budget(memory: usize, feeders: usize, readers: usize) -> Budget {
    let of = |number| NonZeroUsize::new(number).unwrap();
    Budget { memory, feeders: of(feeders), readers: of(readers) }
}

fn replica(number: u64) -> ReplicaRecord {
    let mut hash = [0; 16];
    hash[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    ReplicaRecord {
        hash: BlockHash::from_bytes(hash),
        size: 3,
        device: 1,
        mtime: Timestamp::from_seconds(1),
    }
}

/// Sorts the records, one thread for each list, and reads them in so many parts.
fn sort<R: Record + Sync>(
    directory: &Path,
    budget: Budget,
    lists: &[Vec<R>],
    parts: u32,
) -> Vec<R> {
    let sorter = Sorter::<R>::new(directory, budget).unwrap();
    thread::scope(|scope| {
        for list in lists {
            let mut feeder = sorter.feeder().unwrap();
            scope.spawn(move || {
                list.iter().for_each(|record| feeder.push(*record).unwrap());
                feeder.finish().unwrap();
            });
        }
    });
    let sorted = sorter.finish().unwrap();
    let spans = Span::split(NonZeroU32::new(parts).unwrap());
    spans.into_iter().flat_map(|span| sorted.stream(span).unwrap()).map(Result::unwrap).collect()
}

/// Hashes that differ in the first byte, the last or not at all.
fn hash() -> impl Strategy<Value = BlockHash> {
    (any::<u8>(), 0_u8..3).prop_map(|(first, last)| {
        let mut hash = [if first < 40 { 7 } else { first }; 16];
        hash[15] = last;
        BlockHash::from_bytes(hash)
    })
}

prop_compose! {
    fn some_replica()(hash in hash(), size in 0_u32..3, device in 0_u16..3, mtime in -2_i64..3) -> ReplicaRecord {
        ReplicaRecord { hash, size, device, mtime: Timestamp::from_nanos(mtime) }
    }
}

prop_compose! {
    fn some_reference()(hash in hash(), size in 0_u32..2, wish in 0_u32..2) -> ReferenceRecord {
        ReferenceRecord { hash, size, wish }
    }
}

fn lists<R: std::fmt::Debug>(
    record: impl Strategy<Value = R>,
) -> impl Strategy<Value = Vec<Vec<R>>> {
    prop::collection::vec(prop::collection::vec(record, 0..400), 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn replicas_come_out_sorted_and_all_of_them(
        lists in lists(some_replica()),
        memory in prop_oneof![0_usize..2_000, 2_000_usize..100_000],
        parts in 1_u32..6,
    ) {
        let directory = std::env::temp_dir();
        let found = sort(&directory, budget(memory, lists.len(), 2), &lists, parts);
        let mut expected = lists.concat();
        expected.sort_unstable();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn references_come_out_sorted_and_once(
        lists in lists(some_reference()),
        memory in prop_oneof![0_usize..2_000, 2_000_usize..100_000],
        parts in 1_u32..6,
    ) {
        let directory = std::env::temp_dir();
        let found = sort(&directory, budget(memory, lists.len(), 2), &lists, parts);
        let mut expected = lists.concat();
        expected.sort_unstable();
        expected.dedup();
        prop_assert_eq!(found, expected);
    }
}

proptest! {
    /// Some records are read, then some are left out, and so on: as with a sorted vector.
    #[test]
    fn what_is_skipped_is_left_out_and_nothing_else(
        lists in lists(some_replica()),
        memory in prop_oneof![0_usize..2_000, 2_000_usize..100_000],
        steps in prop::collection::vec((0_usize..100, any::<u8>()), 0..20),
    ) {
        let sorter = Sorter::new(&std::env::temp_dir(), budget(memory, 1, 1)).unwrap();
        for list in &lists {
            let mut feeder = sorter.feeder().unwrap();
            list.iter().for_each(|record| feeder.push(*record).unwrap());
            feeder.finish().unwrap();
        }
        let mut stream = sorter.finish().unwrap().stream(Span::ALL).unwrap();
        let mut sorted = lists.concat();
        sorted.sort_unstable();
        let mut expected = &sorted[..];
        for (read, first) in steps {
            for _ in 0..read {
                let next = expected.split_off_first().copied();
                prop_assert_eq!(stream.next().transpose().unwrap(), next);
            }
            let head = u128::from_be_bytes([first; 16]);
            stream.skip_to(head).unwrap();
            expected = &expected[expected.partition_point(|record| record.key().head < head)..];
        }
        prop_assert_eq!(stream.collect::<Result<Vec<_>, _>>().unwrap(), expected);
    }
}

#[test]
fn few_references_named_often_stay_in_memory() {
    let sorter = Sorter::new(&std::env::temp_dir(), budget(64 << 10, 1, 1)).unwrap();
    let mut feeder = sorter.feeder().unwrap();
    for number in 0..1_000_000_u32 {
        let hash = replica(u64::from(number % 500)).hash;
        feeder.push(ReferenceRecord { hash, size: 3, wish: 0 }).unwrap();
    }
    feeder.finish().unwrap();
    let sorted = sorter.finish().unwrap();
    assert_eq!((sorted.runs(), sorted.records_max()), (1, 500));
}

#[test]
fn what_is_not_finished_is_missed() {
    let sorter = |feeders| {
        let budget = budget(1000, feeders, 1);
        Sorter::<ReplicaRecord>::new(&std::env::temp_dir(), budget).unwrap()
    };
    let dropped = sorter(1);
    drop(dropped.feeder().unwrap());
    assert!(matches!(dropped.finish(), Err(SortError::Unfinished { open: 0, lost: 1 })));

    let open = sorter(1);
    let feeder = open.feeder().unwrap();
    assert!(matches!(open.feeder(), Err(SortError::TooManyFeeders { max: 1 })));
    assert!(matches!(open.finish(), Err(SortError::Unfinished { open: 1, lost: 0 })));
    drop(feeder);
}

#[test]
fn what_is_discarded_is_not_there_and_not_missed() {
    let sorter = Sorter::new(&std::env::temp_dir(), budget(1000, 1, 1)).unwrap();
    let mut broken_off = sorter.feeder().unwrap();
    (0..500).for_each(|number| broken_off.push(replica(number)).unwrap());
    broken_off.discard();
    let mut again = sorter.feeder().unwrap();
    (0..100).for_each(|number| again.push(replica(number)).unwrap());
    again.finish().unwrap();
    assert_eq!(sorter.finish().unwrap().stream(Span::ALL).unwrap().count(), 100);
}

/// Sorted replicas in several runs of several blocks.
fn several_runs() -> Sorted<ReplicaRecord> {
    let sorter = Sorter::new(&std::env::temp_dir(), budget(4000, 1, 1)).unwrap();
    let mut feeder = sorter.feeder().unwrap();
    (0..500).for_each(|number| feeder.push(replica(number)).unwrap());
    feeder.finish().unwrap();
    let sorted = sorter.finish().unwrap();
    assert!(sorted.runs() > 3);
    sorted
}

fn read(sorted: &Sorted<ReplicaRecord>) -> Result<usize, SortError> {
    let mut count = 0;
    for record in sorted.stream(Span::ALL)? {
        record?;
        count += 1;
    }
    Ok(count)
}

#[test]
fn every_damaged_byte_of_a_run_is_found() {
    let sorted = several_runs();
    let file = sorted.spool().file();
    let length = file.metadata().unwrap().len();
    for at in 0..length {
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        for change in [1, 128, 255] {
            file.write_all_at(&[byte[0] ^ change], at).unwrap();
            let error = read(&sorted).unwrap_err();
            let SortError::Damaged { bytes, .. } = error else { panic!("byte {at}: {error}") };
            assert!(bytes.contains(&at), "byte {at} reported within {bytes:?}");
        }
        file.write_all_at(&byte, at).unwrap();
    }
    assert_eq!(read(&sorted).unwrap(), 500);
}

#[test]
fn every_lost_end_of_the_runs_is_found() {
    let sorted = several_runs();
    let file = sorted.spool().file();
    for length in (0..file.metadata().unwrap().len()).rev() {
        file.set_len(length).unwrap();
        assert!(matches!(read(&sorted), Err(SortError::Damaged { .. })), "cut to {length}");
    }
}

#[test]
fn a_block_in_the_place_of_another_is_found() {
    let sorted = several_runs();
    let file = sorted.spool().file();
    let block_bytes = sorted.block_bytes();
    let mut first = vec![0; block_bytes];
    file.read_exact_at(&mut first, 0).unwrap();
    file.write_all_at(&first, block_bytes as u64).unwrap();
    assert!(matches!(read(&sorted), Err(SortError::Damaged { .. })));
}

#[test]
fn after_an_error_there_are_only_errors() {
    let sorted = several_runs();
    let mut stream = sorted.stream(Span::ALL).unwrap();
    sorted.spool().file().set_len(0).unwrap();
    let first = stream.find_map(Result::err).unwrap();
    assert!(matches!(first, SortError::Damaged { .. }));
    assert!(stream.take(10).all(|next| matches!(next, Err(SortError::Failed))));
}

#[test]
fn a_directory_that_is_not_there_is_an_error() {
    let sorter = Sorter::<ReplicaRecord>::new(Path::new("/gone/away"), budget(1000, 1, 1));
    assert!(matches!(sorter, Err(SortError::Io { .. })));
}

#[test]
fn a_budget_that_no_machine_has_is_an_error() {
    let sorter =
        Sorter::<ReplicaRecord>::new(&std::env::temp_dir(), budget(usize::MAX, 1, 1)).unwrap();
    assert!(matches!(sorter.feeder(), Err(SortError::NoMemory { .. })));
    assert_eq!(sorter.finish().unwrap().records_max(), 0);
}
