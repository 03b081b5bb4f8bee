//! How many copies a block should have, class by class.

use super::index::ClassIndex;

/// What stands for a [`Wish`] in a [`WishBook`](super::WishBook). Equal wishes have equal ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WishId(pub(super) u32);

impl WishId {
    /// The wish of a block that no collection names. The same in every book.
    pub const UNREFERENCED: WishId = WishId(0);

    /// The number, to be stored beside other records of the run.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// How many copies are wanted in one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Need {
    /// The class.
    pub class: ClassIndex,
    /// How many copies; 0 is legal and says that a block is referenced, but needs no copy (spec section 2.3).
    pub copies: u32,
}

/// What is wanted of a block: for each class the largest number of copies that any reference asks for (spec section 2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    needs: Box<[Need]>,
    /// The only class with copies wanted, if there is exactly one.
    sole: Option<Need>,
    copies_max: u32,
}

impl Wish {
    /// The wish for `needs`, which are in the order of the names of their classes, each class once.
    pub(super) fn new(needs: Box<[Need]>) -> Self {
        let mut wanted = needs.iter().filter(|need| need.copies > 0);
        let sole = match (wanted.next(), wanted.next()) {
            (Some(need), None) => Some(*need),
            (None | Some(_), _) => None,
        };
        let copies_max = needs.iter().map(|need| need.copies).max().unwrap_or(0);
        Wish { needs, sole, copies_max }
    }

    /// What is wanted in each class, in the order of the names of classes.
    pub fn needs(&self) -> &[Need] {
        &self.needs
    }

    /// Whether any collection names the block.
    pub fn is_referenced(&self) -> bool {
        !self.needs.is_empty()
    }

    /// Whether at least one copy is wanted.
    pub const fn wants_copies(&self) -> bool {
        self.copies_max > 0
    }

    /// The largest number of copies wanted in any class.
    pub const fn copies_max(&self) -> u32 {
        self.copies_max
    }

    pub(super) const fn sole(&self) -> Option<Need> {
        self.sole
    }
}
