//! Sums over all blocks of a run, as metrics and the log want them (spec sections 3.4 and 5.4).

use std::ops::AddAssign;

use super::decision::{Action, Category, Counts, Decision, Reach};
use super::facts::BlockFacts;
use super::index::ClassIndex;
use super::reason::{KeepReason, PullReason, TrashReason};

/// Blocks, their replicas, and the bytes of these replicas.
///
/// A replica is one on a device, however many servers see it. Bytes are not multiplied by the device's replication.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// How many blocks.
    pub blocks: u64,
    /// How many replicas of them.
    pub replicas: u64,
    /// The bytes of these replicas.
    pub bytes: u64,
}

impl Usage {
    /// Counts a block if there are such replicas of it.
    fn count(&mut self, size: u64, replicas: u32) {
        if replicas > 0 {
            self.count_always(size, replicas);
        }
    }

    fn count_always(&mut self, size: u64, replicas: u32) {
        let replicas = u64::from(replicas);
        *self += Usage { blocks: 1, replicas, bytes: size.saturating_mul(replicas) };
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Usage) {
        self.blocks = self.blocks.saturating_add(other.blocks);
        self.replicas = self.replicas.saturating_add(other.replicas);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// The usage of one class: `usage_{blocks,bytes,replicas}{storage_class,status}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassUsage {
    /// Blocks for which copies are wanted in the class; their replicas there, wanted or not.
    pub wanted: Usage,
    /// Replicas in the class that are wanted, or cannot be trashed.
    pub needed: Usage,
    /// Replicas in the class that are not wanted.
    pub unneeded: Usage,
    /// Replicas in the class that are to be made.
    pub pulling: Usage,
    /// Blocks for which not as many copies can be had in the class as are wanted; the replicas that they do have or will have.
    pub unachievable: Usage,
}

impl AddAssign<&ClassUsage> for ClassUsage {
    fn add_assign(&mut self, other: &ClassUsage) {
        self.wanted += other.wanted;
        self.needed += other.needed;
        self.unneeded += other.unneeded;
        self.pulling += other.pulling;
        self.unachievable += other.unachievable;
    }
}

/// Sums over blocks. Each thread keeps its own; `+=` brings them together, in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    total: Usage,
    desired: Usage,
    unachievable: Usage,
    sizes_differ: Usage,
    categories: [Usage; Category::ALL.len()],
    kept: [u64; KeepReason::ALL.len()],
    trashed: [u64; TrashReason::ALL.len()],
    pulled: [u64; PullReason::ALL.len()],
    classes: Vec<ClassUsage>,
    histogram: Vec<u64>,
}

impl Statistics {
    /// Counts a block of `size` bytes.
    ///
    /// `facts` and `decision` belong together.
    pub fn count(&mut self, size: u64, facts: &BlockFacts<'_>, decision: &Decision) {
        let Counts { needed, unneeded, pulling } = decision.counts();
        let there = needed.saturating_add(unneeded);
        self.total.count_always(size, there);
        if facts.wish.wants_copies() {
            self.desired.count_always(size, needed.saturating_add(pulling));
        }
        if decision.classes().iter().any(|class| class.reach == Reach::Unachievable) {
            self.unachievable.count_always(size, there.saturating_add(pulling));
        }
        if facts.sizes == super::facts::Sizes::Differ {
            self.sizes_differ.count_always(size, there);
        }
        let replicas = match decision.category() {
            Category::Lost => 1,
            Category::Underreplicated => pulling,
            Category::Garbage | Category::Transient | Category::Overreplicated => unneeded,
            Category::Balanced => there,
        };
        self.categories[decision.category() as usize].count_always(size, replicas);
        self.count_height(there);
        self.count_actions(decision);
        self.count_classes(size, facts, decision);
    }

    fn count_height(&mut self, replicas: u32) {
        let replicas = usize::try_from(replicas).expect("a count of devices fits");
        if self.histogram.len() <= replicas {
            self.histogram.resize(replicas + 1, 0);
        }
        self.histogram[replicas] += 1;
    }

    fn count_actions(&mut self, decision: &Decision) {
        for action in decision.actions() {
            match action {
                Action::Keep(reason) => self.kept[reason.place()] += 1,
                Action::Trash { reason, .. } => self.trashed[reason.place()] += 1,
            }
        }
        for pull in decision.pulls() {
            self.pulled[pull.reason.place()] += 1;
        }
    }

    fn count_classes(&mut self, size: u64, facts: &BlockFacts<'_>, decision: &Decision) {
        for class in decision.classes() {
            let Counts { needed, unneeded, pulling } = class.counts;
            let usage = self.class_mut(class.class);
            usage.needed.count(size, needed);
            usage.unneeded.count(size, unneeded);
            usage.pulling.count(size, pulling);
            let there = needed.saturating_add(unneeded);
            if class.reach == Reach::Unachievable {
                usage.unachievable.count_always(size, there.saturating_add(pulling));
            }
            let wanted = |need: &super::wish::Need| need.class == class.class && need.copies > 0;
            if facts.wish.needs().iter().any(wanted) {
                usage.wanted.count_always(size, there);
            }
        }
    }

    fn class_mut(&mut self, class: ClassIndex) -> &mut ClassUsage {
        if self.classes.len() <= class.place() {
            self.classes.resize(class.place() + 1, ClassUsage::default());
        }
        &mut self.classes[class.place()]
    }

    /// All blocks, and the replicas that are there.
    pub const fn total(&self) -> Usage {
        self.total
    }

    /// Blocks of which copies are wanted, and the replicas that are needed or will be made.
    pub const fn desired(&self) -> Usage {
        self.desired
    }

    /// Blocks for which not as many copies can be had as are wanted, in at least one class.
    pub const fn unachievable(&self) -> Usage {
        self.unachievable
    }

    /// Blocks with replicas of another size (D10), and the replicas of the right one.
    pub const fn sizes_differ(&self) -> Usage {
        self.sizes_differ
    }

    /// The blocks of a category. Their replicas are: of balanced blocks all; of overreplicated ones, garbage and transient ones
    /// those that are not wanted; of underreplicated ones those to be made; of a lost block one.
    pub const fn category(&self, category: Category) -> Usage {
        self.categories[category as usize]
    }

    /// How many replicas stay for this reason.
    pub const fn kept(&self, reason: KeepReason) -> u64 {
        self.kept[reason.place()]
    }

    /// How many entries of trash lists have this reason.
    pub const fn trashed(&self, reason: TrashReason) -> u64 {
        self.trashed[reason.place()]
    }

    /// How many entries of pull lists have this reason.
    pub const fn pulled(&self, reason: PullReason) -> u64 {
        self.pulled[reason.place()]
    }

    /// The usage of a class; of one that came up nowhere, nothing.
    pub fn class(&self, class: ClassIndex) -> ClassUsage {
        self.classes.get(class.place()).copied().unwrap_or_default()
    }

    /// How many blocks have no replica, one, two and so on, up to the largest number met: `replicated_block_count`.
    pub fn histogram(&self) -> &[u64] {
        &self.histogram
    }
}

impl AddAssign<&Statistics> for Statistics {
    fn add_assign(&mut self, other: &Statistics) {
        self.total += other.total;
        self.desired += other.desired;
        self.unachievable += other.unachievable;
        self.sizes_differ += other.sizes_differ;
        for (usage, other) in self.categories.iter_mut().zip(other.categories) {
            *usage += other;
        }
        add_each(&mut self.kept, &other.kept);
        add_each(&mut self.trashed, &other.trashed);
        add_each(&mut self.pulled, &other.pulled);
        if self.classes.len() < other.classes.len() {
            self.classes.resize(other.classes.len(), ClassUsage::default());
        }
        for (usage, other) in self.classes.iter_mut().zip(&other.classes) {
            *usage += other;
        }
        if self.histogram.len() < other.histogram.len() {
            self.histogram.resize(other.histogram.len(), 0);
        }
        add_each(&mut self.histogram, &other.histogram);
    }
}

/// Adds `other` to the first numbers of `sums`.
fn add_each(sums: &mut [u64], other: &[u64]) {
    for (sum, other) in sums.iter_mut().zip(other) {
        *sum = sum.saturating_add(*other);
    }
}
