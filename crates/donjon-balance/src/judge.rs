//! From what was learnt of a block to what is decided on it: pure, and the same in every thread.

use keep_rules::balance::{
    BlockFacts, Decider, Decision, DeviceIndex, Layout, MountIndex, Place, Policy, Replica, Sizes,
    Standing, Wish, WishBook, WishError, WishId,
};
use keep_rules::{BlockHash, Timestamp};

use crate::join::BlockGroup;
use crate::runs::ReplicaRecord;

/// Judges one block after another. Each thread has its own.
#[derive(Debug)]
pub struct Judge<'l> {
    layout: &'l Layout,
    devices: Vec<DeviceIndex>,
    book: WishBook,
    decider: Decider<'l>,
    min_mtime: Timestamp,
    replicas: Vec<Replica>,
    others: Vec<ReplicaRecord>,
}

/// A block, what is known of it, and what is decided.
#[derive(Debug)]
pub struct Judged<'j> {
    /// The block.
    pub hash: BlockHash,
    /// Its size: the one that collections and most replicas agree on.
    pub size: u32,
    /// Replicas of that size, in the order of the decision's actions.
    pub replicas: &'j [Replica],
    /// Replicas of another size. Nothing of the block is trashed while there are any.
    pub others: &'j [ReplicaRecord],
    /// Whether sizes agree.
    pub sizes: Sizes,
    /// What is wanted.
    pub wish: &'j Wish,
    /// Its number in the book.
    pub wish_id: WishId,
    /// The instant before which a replica is old.
    pub min_mtime: Timestamp,
    /// What is decided.
    pub decision: &'j Decision,
}

impl Judged<'_> {
    /// What it was decided on.
    pub fn facts(&self) -> BlockFacts<'_> {
        BlockFacts {
            hash: self.hash,
            replicas: self.replicas,
            sizes: self.sizes,
            wish: self.wish,
            min_mtime: self.min_mtime,
        }
    }
}

impl<'l> Judge<'l> {
    /// A judge of the blocks of one run. `book` is a copy: what it notes in it stays its own.
    pub fn new(layout: &'l Layout, book: WishBook, policy: Policy, min_mtime: Timestamp) -> Self {
        Judge {
            layout,
            devices: layout.device_indexes().collect(),
            book,
            decider: Decider::new(layout, policy),
            min_mtime,
            replicas: Vec::new(),
            others: Vec::new(),
        }
    }

    /// The names of classes.
    pub fn book(&self) -> &WishBook {
        &self.book
    }

    /// Decides on one block.
    ///
    /// # Errors
    /// [`WishError`]: nothing may be trashed in this run.
    ///
    /// # Panics
    /// If a record names a device, mount or wish that the layout or the book does not have.
    pub fn judge(&mut self, group: &BlockGroup<'_>) -> Result<Judged<'_>, WishError> {
        let (size, agreement) = size_of(group);
        self.replicas.clear();
        self.others.clear();
        for replica in group.replicas {
            if replica.size != size {
                self.others.push(*replica);
                continue;
            }
            let device = self.devices[usize::from(replica.device)];
            self.replicas.push(Replica {
                place: Place::Device(device),
                mtime: replica.mtime,
                standing: standing(self.layout, group, device, replica.mtime),
            });
        }
        let mut wish_id = WishId::UNREFERENCED;
        for reference in group.references {
            let id = self.book.id(reference.wish).expect("references name wishes of the book");
            wish_id = self.book.max_of([wish_id, id])?;
        }
        let wish = self.book.wish(wish_id);
        let facts = BlockFacts {
            hash: group.hash,
            replicas: &self.replicas,
            sizes: agreement,
            wish,
            min_mtime: self.min_mtime,
        };
        let decision = self.decider.decide(&facts);
        Ok(Judged {
            hash: group.hash,
            size,
            replicas: &self.replicas,
            others: &self.others,
            sizes: agreement,
            wish,
            wish_id,
            min_mtime: self.min_mtime,
            decision,
        })
    }
}

/// A replica that is on the trash list of a server, through whatever view, may be gone at any time (D7).
pub(crate) fn standing(
    layout: &Layout,
    group: &BlockGroup<'_>,
    device: DeviceIndex,
    mtime: Timestamp,
) -> Standing {
    let on_list = |mount: MountIndex| layout.mount(mount).device() == device;
    let doomed = group.doomed.iter().filter(|doomed| doomed.mtime == mtime).any(|doomed| {
        let mount = layout.mount_index(doomed.mount);
        on_list(mount.expect("doomed records name mounts of the layout"))
    });
    if doomed { Standing::Doomed } else { Standing::Sound }
}

/// The size that counts, and whether all agree on it (D10): one that collections name, if they do; of several the one with
/// the most replicas, then the largest.
fn size_of(group: &BlockGroup<'_>) -> (u32, Sizes) {
    let count = |size: u32| group.replicas.iter().filter(|replica| replica.size == size).count();
    let named = group.references.iter().map(|reference| reference.size);
    let found = group.replicas.iter().map(|replica| replica.size);
    let best =
        |sizes: &mut dyn Iterator<Item = u32>| sizes.max_by_key(|size| (count(*size), *size));
    let size = best(&mut named.clone()).or_else(|| best(&mut found.clone())).unwrap_or(0);
    let agree = named.chain(found).all(|other| other == size);
    (size, if agree { Sizes::Agree } else { Sizes::Differ })
}

#[cfg(test)]
mod tests {
    use keep_rules::ClassSet;
    use keep_rules::balance::{Action, KeepReason, TrashReason};

    use super::*;
    use crate::rig::layout;
    use crate::runs::{DoomedRecord, ReferenceRecord};

    const HASH: BlockHash = BlockHash::EMPTY;
    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

    fn replica(device: u16, size: u32) -> ReplicaRecord {
        // Every replica has an mtime of its own.
        let mtime = Timestamp::from_seconds(1_000_000_000 + i64::from(device));
        ReplicaRecord { hash: HASH, size, device, mtime }
    }

    #[track_caller]
    fn check(
        replicas: &[ReplicaRecord],
        references: &[u32],
        doomed: &[(u16, u16)],
        see: impl FnOnce(&Judged<'_>),
    ) {
        let layout = layout();
        let mut book = WishBook::new(&layout);
        let wish = book.of_collection(&ClassSet::none(), 1).unwrap().get();
        let references: Vec<ReferenceRecord> = references
            .iter()
            .map(|size| ReferenceRecord { hash: HASH, size: *size, wish })
            .collect();
        let doomed: Vec<DoomedRecord> = doomed
            .iter()
            .map(|(mount, of)| DoomedRecord {
                hash: HASH,
                mtime: replica(*of, 0).mtime,
                mount: *mount,
            })
            .collect();
        let group = BlockGroup { hash: HASH, replicas, references: &references, doomed: &doomed };
        let mut judge = Judge::new(&layout, book, Policy::ServerFirst, NOW);
        see(&judge.judge(&group).unwrap());
    }

    #[test]
    fn an_unreferenced_block_goes() {
        check(&[replica(0, 3), replica(1, 3)], &[], &[], |judged| {
            assert_eq!(judged.sizes, Sizes::Agree);
            let gone = |action: &Action| {
                matches!(action, Action::Trash { reason: TrashReason::Unreferenced, .. })
            };
            assert!(judged.decision.actions().iter().all(gone));
        });
    }

    #[test]
    fn replicas_of_another_size_do_not_count_and_nothing_goes() {
        check(&[replica(0, 2), replica(1, 3), replica(2, 3)], &[3], &[], |judged| {
            assert_eq!((judged.size, judged.sizes), (3, Sizes::Differ));
            assert_eq!((judged.replicas.len(), judged.others.len()), (2, 1));
            assert!(
                judged.decision.actions().iter().all(|action| matches!(action, Action::Keep(_)))
            );
        });
    }

    #[test]
    fn the_size_that_collections_name_counts_though_more_replicas_have_another() {
        check(&[replica(0, 2), replica(1, 2)], &[3], &[], |judged| {
            assert_eq!((judged.size, judged.replicas.len()), (3, 0));
            assert!(judged.decision.is_lost());
        });
    }

    #[test]
    fn of_several_sizes_that_collections_name_the_one_with_replicas_counts() {
        check(&[replica(0, 3)], &[3, 4], &[], |judged| {
            assert_eq!((judged.size, judged.sizes), (3, Sizes::Differ));
        });
    }

    #[test]
    fn an_unreferenced_block_of_two_sizes_stays() {
        check(&[replica(0, 2), replica(1, 3)], &[], &[], |judged| {
            let kept = Action::Keep(KeepReason::SizesDiffer);
            assert_eq!(judged.decision.actions(), [kept]);
        });
    }

    #[test]
    fn a_doomed_replica_does_not_count() {
        check(&[replica(0, 3), replica(1, 3)], &[3], &[(0, 0)], |judged| {
            assert_eq!(judged.replicas[0].standing, Standing::Doomed);
            assert_eq!(judged.replicas[1].standing, Standing::Sound);
            assert!(matches!(judged.decision.actions()[1], Action::Keep(_)), "the only sound one");
        });
    }

    #[test]
    fn another_mtime_or_mount_is_not_the_doomed_one() {
        check(&[replica(0, 3), replica(1, 3)], &[3], &[(0, 1), (2, 0)], |judged| {
            assert!(judged.replicas.iter().all(|replica| replica.standing == Standing::Sound));
        });
    }
}
