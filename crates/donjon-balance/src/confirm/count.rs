//! For each collection the copies of the block that has the fewest.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::atomic::{AtomicU32, Ordering};

use keep_rules::balance::{DeviceIndex, Layout, Standing, WishBook, copies_of_block};

use crate::join::{Facts, Holdings, JoinError, in_order};
use crate::judge::standing;
use crate::progress::Progress;
use crate::runs::{MemberRecord, Sorted, Span};

/// Parts of the key space that are counted one by one.
const PARTS: NonZeroU32 = NonZeroU32::new(1024).expect("not zero");
/// No block of the collection was seen yet.
const NO_BLOCK: u32 = u32::MAX;

/// The collections that are counted, and what is known of their blocks.
#[derive(Clone, Copy, Debug)]
pub struct Counting<'c> {
    /// The mounts.
    pub layout: &'c Layout,
    /// The wishes whose classes the members name.
    pub book: &'c WishBook,
    /// The replicas, and the doomed ones.
    pub facts: &'c Facts,
    /// The blocks of the collections.
    pub members: &'c Sorted<MemberRecord>,
    /// How many collections there are.
    pub collections: u32,
}

/// For each collection, by its number, how many copies the block has that has the fewest: replicas of the size that the
/// collection names, not doomed, in the class that has the fewest, each device once (D2). 0 if there is no block. Blocks the
/// thread.
///
/// # Errors
/// [`JoinError`].
///
/// # Panics
/// If a record names a device, a wish or a collection that there is none of.
pub fn fewest_copies(
    of: Counting<'_>,
    threads: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<Vec<u32>, JoinError> {
    progress.begin("confirm", PARTS.get().into());
    let fewest: Vec<AtomicU32> =
        std::iter::repeat_with(|| AtomicU32::new(NO_BLOCK)).take(place(of.collections)).collect();
    let count_part = |span: &Span| -> Result<(), JoinError> {
        let mut part = Part { of, holdings: of.facts.holdings(*span)?, devices: Vec::new() };
        part.count(*span, &fewest)?;
        progress.step(1);
        Ok(())
    };
    in_order(&Span::split(PARTS), threads, count_part, |()| Ok(()))?;
    let known = |fewest: AtomicU32| match fewest.into_inner() {
        NO_BLOCK => 0,
        fewest => fewest,
    };
    Ok(fewest.into_iter().map(known).collect())
}

/// One part of the key space.
struct Part<'c> {
    of: Counting<'c>,
    holdings: Holdings,
    devices: Vec<DeviceIndex>,
}

impl Part<'_> {
    fn count(&mut self, span: Span, fewest: &[AtomicU32]) -> Result<(), JoinError> {
        // Members of one block, size and set of classes follow each other.
        let mut last = None;
        for member in self.of.members.stream(span)? {
            let member = member?;
            let kind = (member.hash, member.size, member.classes);
            let copies = match last {
                Some((of, copies)) if of == kind => copies,
                None | Some(_) => self.copies(&member)?,
            };
            last = Some((kind, copies));
            fewest[place(member.collection)].fetch_min(copies, Ordering::Relaxed);
        }
        Ok(())
    }

    fn copies(&mut self, member: &MemberRecord) -> Result<u32, JoinError> {
        let Counting { layout, book, .. } = self.of;
        let group = self.holdings.of(member.hash)?;
        self.devices.clear();
        for replica in group.replicas.iter().filter(|replica| replica.size == member.size) {
            let device = layout.device_index(replica.device).expect("a record of this layout");
            let sound = standing(layout, &group, device, replica.mtime) == Standing::Sound;
            // They are sorted: what a device holds twice comes twice in a row.
            if sound && self.devices.last() != Some(&device) {
                self.devices.push(device);
            }
        }
        let wish = book.id(member.classes).expect("members name wishes of the book");
        let classes = book.wish(wish).needs().iter().map(|need| need.class);
        let copies = copies_of_block(layout, classes, &self.devices);
        Ok(u32::try_from(copies).unwrap_or(NO_BLOCK).min(NO_BLOCK - 1))
    }
}

fn place(number: u32) -> usize {
    usize::try_from(number).expect("usize has at least 32 bits here")
}
