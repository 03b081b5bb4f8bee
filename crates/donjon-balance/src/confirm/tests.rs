//! Against the rule of `keep_rules`, collection by collection.

use std::num::NonZeroUsize;

use keep_rules::balance::{DeviceIndex, Layout, WishBook, WishId, confirmed_replication};
use keep_rules::{BlockHash, ClassSet, Replication, Timestamp};
use proptest::prelude::*;

use super::confirming::update;
use super::*;
use crate::join::Facts;
use crate::postgres::DatabaseTime;
use crate::progress::Quiet;
use crate::rig::layout_of;
use crate::runs::{
    Budget, DoomedRecord, MemberRecord, Record, ReferenceRecord, ReplicaRecord, Sorted, Sorter,
};

/// Sets of classes that collections want: none, those of mounts, one that no mount offers.
const WANTED: [&str; 4] = ["", "default", "default, ssd", "default, typo"];
const DEVICES: u16 = 4;

/// Four devices, two of them in `ssd` as well, one of them with two copies of all.
fn layout() -> Layout {
    layout_of(DEVICES, |at| {
        let copies = if at == 3 { 2 } else { 1 };
        (Replication::from_config(copies), if at > 1 { "default, ssd" } else { "default" })
    })
}

fn hash(block: u8) -> BlockHash {
    BlockHash::from_bytes([block.wrapping_mul(40); 16])
}

fn mtime(second: u8) -> Timestamp {
    Timestamp::from_seconds(second.into())
}

fn sorted<R: Record>(records: impl IntoIterator<Item = R>) -> Sorted<R> {
    let budget = Budget { memory: 4096, feeders: NonZeroUsize::MIN, readers: NonZeroUsize::MIN };
    let sorter = Sorter::new(&std::env::temp_dir(), budget).unwrap();
    let mut feeder = sorter.feeder().unwrap();
    records.into_iter().for_each(|record| feeder.push(record).unwrap());
    feeder.finish().unwrap();
    sorter.finish().unwrap()
}

/// A replica: block, size, device, mtime, and whether it is on a trash list.
type Held = (u8, u32, u16, u8, bool);
/// A collection: which classes, and its blocks with their sizes.
type Collection = (usize, Vec<(u8, u32)>);

fn held() -> impl Strategy<Value = Held> {
    (0_u8..5, 1_u32..3, 0..DEVICES, 0_u8..3, prop::bool::weighted(0.2))
}

fn collection() -> impl Strategy<Value = Collection> {
    (0..WANTED.len(), prop::collection::vec((0_u8..5, 1_u32..3), 0..5))
}

proptest! {
    #[test]
    fn what_is_counted_is_what_the_rule_says(
        held in prop::collection::vec(held(), 0..30),
        collections in prop::collection::vec(collection(), 0..12),
        threads in 1_usize..3,
    ) {
        let layout = layout();
        let mut book = WishBook::new(&layout);
        let classes = WANTED.map(|wanted| match wanted {
            "" => WishId::UNREFERENCED.get(),
            wanted => book.of_collection(&ClassSet::from_header(wanted), 2).unwrap().get(),
        });
        let doomed = |of: &&Held| of.4;
        let facts = Facts {
            replicas: sorted(held.iter().map(|&(block, size, device, at, _)| ReplicaRecord {
                hash: hash(block), size, device, mtime: mtime(at),
            })),
            references: sorted::<ReferenceRecord>([]),
            doomed: sorted(held.iter().filter(doomed).map(|&(block, _, mount, at, _)| DoomedRecord {
                hash: hash(block), mtime: mtime(at), mount,
            })),
        };
        let members = sorted(collections.iter().zip(0..).flat_map(|((wanted, blocks), collection)| {
            let classes = classes[*wanted];
            blocks.iter().map(move |&(block, size)| MemberRecord { hash: hash(block), size, classes, collection })
        }));
        let of = Counting {
            layout: &layout,
            book: &book,
            facts: &facts,
            members: &members,
            collections: u32::try_from(collections.len()).unwrap(),
        };
        let counted = fewest_copies(of, NonZeroUsize::new(threads).unwrap(), &Quiet).unwrap();

        let devices: Vec<DeviceIndex> = layout.device_indexes().collect();
        let is_doomed = |one: &Held| {
            held.iter().any(|other| other.4 && (other.0, other.2, other.3) == (one.0, one.2, one.3))
        };
        let holds = |block: u8, size: u32| -> Vec<DeviceIndex> {
            let of_block = held.iter().filter(|one| (one.0, one.1) == (block, size) && !is_doomed(one));
            of_block.map(|one| devices[usize::from(one.2)]).collect()
        };
        let expected: Vec<u32> = collections
            .iter()
            .map(|(wanted, blocks)| {
                let blocks: Vec<_> = blocks.iter().map(|&(block, size)| holds(block, size)).collect();
                let blocks = blocks.iter().map(Vec::as_slice);
                confirmed_replication(&layout, &ClassSet::from_header(WANTED[*wanted]), u32::MAX, blocks)
            })
            .collect();
        prop_assert_eq!(counted, expected);
    }
}

fn listed(copies: u32, classes: &[&str]) -> Listed {
    Listed {
        uuid: "zzzzz-4zz18-000000000000001".to_owned(),
        modified_at: DatabaseTime::from_micros(1),
        portable_data_hash: "pdh+1".to_owned(),
        copies,
        classes: classes.iter().map(|&class| class.to_owned()).collect(),
    }
}

#[test]
fn no_more_is_confirmed_than_is_wanted() {
    let update = update(listed(2, &["b", "a"]), 3);
    assert_eq!(update.replication_confirmed, 2);
    assert_eq!(update.storage_classes_confirmed, ["b", "a"], "in the order in which they stand");
}

#[test]
fn without_a_copy_no_class_is_confirmed() {
    for (copies, fewest) in [(2, 0), (0, 2)] {
        let update = update(listed(copies, &["default"]), fewest);
        assert_eq!(update.replication_confirmed, 0);
        assert!(update.storage_classes_confirmed.is_empty());
    }
}
