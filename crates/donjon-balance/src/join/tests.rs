use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::atomic::{AtomicUsize, Ordering};

use keep_rules::{BlockHash, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::runs::{
    Budget, DoomedRecord, Record, ReferenceRecord, ReplicaRecord, SortError, Sorted, Sorter, Span,
};

fn sorted<R: Record>(memory: usize, records: &[R]) -> Sorted<R> {
    let budget = Budget { memory, feeders: NonZeroUsize::MIN, readers: NonZeroUsize::MIN };
    let sorter = Sorter::new(&std::env::temp_dir(), budget).unwrap();
    let mut feeder = sorter.feeder().unwrap();
    records.iter().for_each(|record| feeder.push(*record).unwrap());
    feeder.finish().unwrap();
    sorter.finish().unwrap()
}

fn threads(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

type Group = (Vec<ReplicaRecord>, Vec<ReferenceRecord>, Vec<DoomedRecord>);

/// All blocks, joined in so many parts by so many threads.
fn join(facts: &Facts, parts: u32, of: usize) -> Vec<(BlockHash, Group)> {
    let mut all = Vec::new();
    let work = |span: &Span| -> Result<_, JoinError> {
        let mut join = facts.join(*span)?;
        let mut groups = Vec::new();
        while let Some(block) = join.next_block()? {
            let group = (block.replicas.to_vec(), block.references.to_vec(), block.doomed.to_vec());
            groups.push((block.hash, group));
        }
        Ok(groups)
    };
    let spans = Span::split(NonZeroU32::new(parts).unwrap());
    in_order(&spans, threads(of), work, |groups| {
        all.extend(groups);
        Ok(())
    })
    .unwrap();
    all
}

/// The same, each thread with one join for all its parts.
fn join_forward(facts: &Facts, parts: u32, of: usize) -> Vec<(BlockHash, Group)> {
    let mut all = Vec::new();
    let work = |join: &mut Option<Join>, span: &Span| -> Result<_, JoinError> {
        let join = match join {
            Some(join) => join,
            none => none.insert(facts.join(Span::ALL)?),
        };
        join.enter(*span)?;
        let mut groups = Vec::new();
        while let Some(block) = join.next_block()? {
            let group = (block.replicas.to_vec(), block.references.to_vec(), block.doomed.to_vec());
            groups.push((block.hash, group));
        }
        Ok(groups)
    };
    let spans = Span::split(NonZeroU32::new(parts).unwrap());
    in_order_with(
        &spans,
        threads(of),
        || None,
        work,
        |groups| {
            all.extend(groups);
            Ok(())
        },
    )
    .unwrap();
    all
}

prop_compose! {
    fn hash()(first in prop_oneof![0_u8..5, any::<u8>()]) -> BlockHash {
        BlockHash::from_bytes([first; 16])
    }
}

prop_compose! {
    fn replica()(hash in hash(), size in 0_u32..2, device in 0_u16..4, mtime in 0_i64..3) -> ReplicaRecord {
        ReplicaRecord { hash, size, device, mtime: Timestamp::from_nanos(mtime) }
    }
}

prop_compose! {
    fn reference()(hash in hash(), size in 0_u32..2, wish in 0_u32..3) -> ReferenceRecord {
        ReferenceRecord { hash, size, wish }
    }
}

prop_compose! {
    fn doomed()(hash in hash(), mtime in 0_i64..3, mount in 0_u16..4) -> DoomedRecord {
        DoomedRecord { hash, mtime: Timestamp::from_nanos(mtime), mount }
    }
}

proptest! {
    #[test]
    fn groups_are_those_of_a_map(
        replicas in prop::collection::vec(replica(), 0..200),
        references in prop::collection::vec(reference(), 0..200),
        doomed in prop::collection::vec(doomed(), 0..50),
        memory in 0_usize..20_000,
        parts in 1_u32..40,
        of in 1_usize..5,
    ) {
        let mut expected = BTreeMap::<BlockHash, Group>::new();
        for record in &replicas {
            expected.entry(record.hash).or_default().0.push(*record);
        }
        for record in &references {
            expected.entry(record.hash).or_default().1.push(*record);
        }
        for record in &doomed {
            expected.entry(record.hash).or_default().2.push(*record);
        }
        for group in expected.values_mut() {
            group.0.sort_unstable();
            group.1.sort_unstable();
            group.1.dedup();
            group.2.sort_unstable();
            group.2.dedup();
        }
        let facts = Facts {
            replicas: sorted(memory, &replicas),
            references: sorted(memory, &references),
            doomed: sorted(memory, &doomed),
        };
        let expected: Vec<_> = expected.into_iter().collect();
        prop_assert_eq!(&join(&facts, parts, of), &expected);
        prop_assert_eq!(join_forward(&facts, parts, of), expected);
    }
}

#[test]
fn a_block_that_is_named_without_end_costs_no_memory() {
    let named: Vec<_> = (0..100_000_u32)
        .map(|number| ReferenceRecord { hash: BlockHash::EMPTY, size: 0, wish: number % 3 })
        .collect();
    let facts = Facts {
        replicas: sorted(4000, &[]),
        references: sorted(4000, &named),
        doomed: sorted(4000, &[]),
    };
    let blocks = join(&facts, 1, 1);
    assert_eq!(blocks.len(), 1);
    assert_eq!(blocks[0].1.1.len(), 3);
}

#[test]
#[should_panic(expected = "a join goes forward only")]
fn a_join_does_not_go_back() {
    let facts =
        Facts { replicas: sorted(0, &[]), references: sorted(0, &[]), doomed: sorted(0, &[]) };
    let [first, second] = Span::split(NonZeroU32::new(2).unwrap())[..] else { unreachable!() };
    let mut join = facts.join(Span::ALL).unwrap();
    join.enter(second).unwrap();
    drop(join.enter(first));
}

#[test]
#[should_panic(expected = "a join goes forward only")]
fn a_span_with_a_block_that_was_lent_is_not_entered() {
    let one = ReferenceRecord { hash: BlockHash::from_bytes([7; 16]), size: 0, wish: 0 };
    let facts =
        Facts { replicas: sorted(0, &[]), references: sorted(0, &[one]), doomed: sorted(0, &[]) };
    let mut join = facts.join(Span::ALL).unwrap();
    assert_eq!(join.next_block().unwrap().map(|block| block.hash), Some(one.hash));
    drop(join.enter(Span::ALL));
}

#[test]
fn more_records_of_a_block_than_can_be_are_an_error_and_stay_one() {
    let many: Vec<_> = (0..=u32::try_from(GROUP_RECORDS_MAX).unwrap())
        .map(|size| ReferenceRecord { hash: BlockHash::EMPTY, size, wish: 0 })
        .collect();
    let facts = Facts {
        replicas: sorted(4000, &[]),
        references: sorted(64 << 20, &many),
        doomed: sorted(4000, &[]),
    };
    let mut join = facts.join(Span::ALL).unwrap();
    let error = join.next_block().unwrap_err();
    assert!(matches!(error, JoinError::TooMany { what: "references", .. }), "{error}");
    assert!(matches!(join.next_block(), Err(JoinError::Sort(SortError::Failed))));
}

#[test]
fn the_first_error_in_the_order_of_the_parts_is_given_and_nothing_behind_it() {
    for of in 1..6 {
        let mut taken = Vec::new();
        let work = |part: &usize| if part % 7 == 6 { Err(*part) } else { Ok(*part) };
        let outcome = in_order(&(0..100).collect::<Vec<_>>(), threads(of), work, |part| {
            taken.push(part);
            Ok(())
        });
        assert_eq!((outcome, taken), (Err(6), vec![0, 1, 2, 3, 4, 5]));
    }
}

#[test]
fn who_takes_can_fail_too() {
    let worked = AtomicUsize::new(0);
    let work = |part: &usize| {
        worked.fetch_add(1, Ordering::Relaxed);
        Ok(*part)
    };
    let parts: Vec<_> = (0..1000).collect();
    let take = |part| if part == 10 { Err("full") } else { Ok(()) };
    assert_eq!(in_order(&parts, threads(3), work, take), Err("full"));
    assert!(worked.into_inner() <= 11 + 3 * 3);
}

#[test]
#[should_panic(expected = "a scoped thread panicked")]
fn a_panic_is_passed_on() {
    let work = |part: &usize| -> Result<usize, ()> {
        assert_ne!(*part, 5);
        Ok(*part)
    };
    in_order(&[0, 1, 2, 3, 4, 5, 6, 7], threads(3), work, |_| Ok(())).unwrap();
}

#[test]
fn no_parts_are_no_work() {
    assert_eq!(in_order(&[], threads(3), |_part: &u8| Err(1), |()| Err(2)), Ok(()));
}
