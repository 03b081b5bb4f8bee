//! Counts of one block, by device and by class, and how the block stands (spec section 3.4).

use super::decision::{Category, ClassCounts, Counts, Decision, Reach};
use super::facts::BlockFacts;
use super::index::{ClassIndex, DeviceIndex};
use super::layout::Layout;
use super::wish::Need;

/// What becomes of the copy on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// There is one, and it is wanted or cannot be trashed.
    Needed,
    /// There is one, and it is not wanted.
    Unneeded,
    /// There is none yet.
    Pulling,
}

impl Counts {
    fn add(&mut self, fate: Fate) {
        match fate {
            Fate::Needed => self.needed += 1,
            Fate::Unneeded => self.unneeded += 1,
            Fate::Pulling => self.pulling += 1,
        }
    }
}

impl Decision {
    /// Counts a device. To be called once for each on which there is a copy or will be one.
    pub(super) fn count(&mut self, layout: &Layout, device: DeviceIndex, fate: Fate) {
        self.counts.add(fate);
        let device = layout.device(device);
        for class in device.classes() {
            let class = self.class_mut(*class);
            class.counts.add(fate);
            class.copies += u64::from(device.replication().get());
        }
    }

    /// Draws the conclusions once all devices are counted.
    pub(super) fn conclude(&mut self, facts: &BlockFacts<'_>) {
        for Need { class, copies } in facts.wish.needs().iter().filter(|need| need.copies > 0) {
            let class = self.class_mut(*class);
            if class.copies < u64::from(*copies) {
                class.reach = Reach::Unachievable;
            }
        }
        // Counted in an order that depends on how the decision was found.
        self.classes.sort_unstable_by_key(|class| class.class);
        self.category = self.judge(facts);
    }

    fn judge(&self, facts: &BlockFacts<'_>) -> Category {
        let Counts { needed, unneeded, pulling } = self.counts;
        let is_old = || facts.replicas.iter().all(|replica| replica.mtime < facts.min_mtime);
        if facts.replicas.is_empty() && facts.wish.wants_copies() {
            Category::Lost
        } else if pulling > 0 {
            Category::Underreplicated
        } else if unneeded > 0 && needed == 0 {
            if is_old() { Category::Garbage } else { Category::Transient }
        } else if unneeded > 0 {
            Category::Overreplicated
        } else {
            Category::Balanced
        }
    }

    fn class_mut(&mut self, class: ClassIndex) -> &mut ClassCounts {
        let place = self.classes.iter().position(|known| known.class == class);
        let place = place.unwrap_or_else(|| {
            self.classes.push(ClassCounts {
                class,
                counts: Counts::default(),
                reach: Reach::default(),
                copies: 0,
            });
            self.classes.len() - 1
        });
        &mut self.classes[place]
    }
}
