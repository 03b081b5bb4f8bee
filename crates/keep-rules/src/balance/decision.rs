//! What is decided on one block.

use std::fmt;

use super::index::{ClassIndex, MountIndex, ServerIndex};
use super::reason::{KeepReason, PullReason, TrashReason};

/// What is decided on one block. Everything in it depends on the facts alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub(super) actions: Vec<Action>,
    pub(super) pulls: Vec<Pull>,
    pub(super) sources: Vec<ServerIndex>,
    pub(super) category: Category,
    pub(super) counts: Counts,
    pub(super) classes: Vec<ClassCounts>,
    pub(super) sound_copies: u64,
}

/// What becomes of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It stays.
    Keep(KeepReason),
    /// An entry in the trash list of the server of this mount, with the mtime of the replica.
    Trash {
        /// The mount, through which the device is trashed.
        mount: MountIndex,
        /// Why.
        reason: TrashReason,
    },
}

impl Action {
    /// Why, in one sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Action::Keep(reason) => reason.sentence(),
            Action::Trash { reason, .. } => reason.sentence(),
        }
    }
}

/// A copy to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pull {
    /// The mount to pull to.
    pub mount: MountIndex,
    /// The class in which it is wanted there, the first one if there are several.
    pub class: ClassIndex,
    /// Why.
    pub reason: PullReason,
}

/// How a block stands (spec section 3.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Category {
    /// Copies are wanted, and there is none.
    Lost,
    /// Copies are to be made.
    Underreplicated,
    /// Nothing of it is wanted, and all of it is old.
    Garbage,
    /// Nothing of it is wanted, but some of it is new.
    Transient,
    /// There are more copies than wanted.
    Overreplicated,
    /// Just right, or nothing that can be done about it.
    #[default]
    Balanced,
}

impl Category {
    /// Every category, in the order in which they are looked for.
    pub const ALL: [Category; 6] = [
        Category::Lost,
        Category::Underreplicated,
        Category::Garbage,
        Category::Transient,
        Category::Overreplicated,
        Category::Balanced,
    ];

    /// The name in metrics (spec section 5.4).
    pub const fn as_str(self) -> &'static str {
        match self {
            Category::Lost => "lost",
            Category::Underreplicated => "underreplicated",
            Category::Garbage => "garbage",
            Category::Transient => "transient",
            Category::Overreplicated => "overreplicated",
            Category::Balanced => "balanced",
        }
    }

    /// What it means, in one sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Category::Lost => "Collections want copies of the block, and no server has one.",
            Category::Underreplicated => "Copies are missing at places where they are wanted.",
            Category::Garbage => {
                "No collection wants a copy of the block, and every replica is old."
            }
            Category::Transient => {
                "No collection wants a copy of the block, but it was written or touched lately."
            }
            Category::Overreplicated => "There are more copies than wanted.",
            Category::Balanced => {
                "The block has the copies that it should have, or all that are possible."
            }
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Devices by what becomes of the copy on them (spec section 3.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// A replica that is wanted, or cannot be trashed.
    pub needed: u32,
    /// A replica that is not wanted. It goes, now or in a later round.
    pub unneeded: u32,
    /// No replica; one will be pulled.
    pub pulling: u32,
}

/// The devices of one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassCounts {
    /// The class.
    pub class: ClassIndex,
    /// Its devices.
    pub counts: Counts,
    /// Whether as many copies as are wanted in the class can be had.
    pub reach: Reach,
    /// How many copies its devices stand for.
    pub(super) copies: u64,
}

/// Whether as many copies as are wanted in a class can be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// They are there, or will be once the pulls are done.
    #[default]
    Achievable,
    /// Not even then.
    Unachievable,
}

impl Default for Decision {
    /// On a block of which nothing is there and nothing is wanted.
    fn default() -> Self {
        Decision {
            actions: Vec::new(),
            pulls: Vec::new(),
            sources: Vec::new(),
            category: Category::Balanced,
            counts: Counts::default(),
            classes: Vec::new(),
            sound_copies: 0,
        }
    }
}

impl Decision {
    /// What becomes of each replica, in the order of the facts.
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// The copies to be made, best place first.
    pub fn pulls(&self) -> &[Pull] {
        &self.pulls
    }

    /// Where each pull may take the block from: the servers with a replica that stays, best rank first (D8). Servers whose only
    /// replicas are doomed are among them only if there are no others. Empty if nothing is pulled.
    pub fn sources(&self) -> &[ServerIndex] {
        &self.sources
    }

    /// Whether copies are wanted and there is none (D4). If there are replicas of another size, somebody should look at those.
    pub fn is_lost(&self) -> bool {
        self.category == Category::Lost
    }

    /// How the block stands.
    pub const fn category(&self) -> Category {
        self.category
    }

    /// Devices by what becomes of the copy on them.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// The same for each class in which there is something to count, or copies are wanted.
    pub fn classes(&self) -> &[ClassCounts] {
        &self.classes
    }

    /// How many copies there are that count: the replication of distinct devices, doomed replicas left out.
    pub const fn sound_copies(&self) -> u64 {
        self.sound_copies
    }

    /// Whether nothing is to be done.
    pub fn is_settled(&self) -> bool {
        self.pulls.is_empty() && self.actions.iter().all(|action| matches!(action, Action::Keep(_)))
    }

    pub(super) fn clear(&mut self) {
        self.actions.clear();
        self.pulls.clear();
        self.sources.clear();
        self.category = Category::Balanced;
        self.counts = Counts::default();
        self.classes.clear();
        self.sound_copies = 0;
    }
}
