//! Collections and their blocks, taken note of while they are read.

use keep_manifest::BlockRef;
use keep_rules::balance::WishId;

use crate::confirm::{Listed, Roll, RollError, RollWriter};
use crate::postgres::DatabaseTime;
use crate::references::Wanted;
use crate::runs::{Feeder, MemberRecord, SortError, Sorted};

/// A collection whose confirmed columns can be written.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// `uuid`.
    pub uuid: &'a str,
    /// `modified_at`.
    pub modified_at: DatabaseTime,
    /// `portable_data_hash`.
    pub portable_data_hash: &'a str,
}

/// Takes note of collections, one after another, and of their blocks.
#[derive(Debug)]
pub struct Enrolling<'a> {
    /// The collections.
    pub roll: &'a mut RollWriter,
    /// Their blocks.
    pub members: &'a mut Feeder<MemberRecord>,
}

/// A collection that is on the roll, to take note of its blocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number {
    collection: u32,
    classes: u32,
}

/// All collections that were taken note of.
#[derive(Debug)]
pub struct Enrolled {
    /// The collections.
    pub roll: Roll,
    /// Their blocks, sorted.
    pub members: Sorted<MemberRecord>,
}

impl Enrolling<'_> {
    /// Puts a collection on the roll. Its wish for its blocks is `wish`, of `copies`.
    pub(crate) fn enrol(
        &mut self,
        candidate: Candidate<'_>,
        wanted: Wanted<'_>,
        copies: u32,
        wish: WishId,
    ) -> Result<Number, RollError> {
        let classes = wanted.classes.unwrap_or_default();
        let collection = self.roll.add(&Listed {
            uuid: candidate.uuid.to_owned(),
            modified_at: candidate.modified_at,
            portable_data_hash: candidate.portable_data_hash.to_owned(),
            copies,
            classes: classes.to_vec(),
        })?;
        // Who names no class wants copies in `default`, but all copies are confirmed (spec sections 2.3 and 2.7).
        let classes = if classes.is_empty() { WishId::UNREFERENCED } else { wish };
        Ok(Number { collection, classes: classes.get() })
    }

    /// Takes note of a block of the collection.
    pub(crate) fn block(&mut self, of: Number, block: BlockRef) -> Result<(), SortError> {
        let Number { collection, classes } = of;
        let (hash, size) = (block.hash(), block.size());
        self.members.push(MemberRecord { hash, size, classes, collection })
    }
}
