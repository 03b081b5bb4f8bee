//! Wishes, each once. A run meets few different ones, so a block needs four bytes for its own.

use std::collections::{BTreeMap, HashMap};

use crate::storage_class::{ClassSet, StorageClass};

use super::index::ClassIndex;
use super::layout::{CLASSES_MAX, Layout};
use super::wish::{Need, Wish, WishId};

/// The most wishes of a book. A real run has dozens; whoever makes more is attacking, or has lost track of class names.
pub const WISHES_MAX: usize = 1 << 20;

/// The most merged pairs that are remembered. When there are more, all are forgotten.
const MERGES_MAX: usize = 1 << 16;

/// A wish that cannot be noted. Nothing may be trashed without it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WishError {
    /// Collections name more classes than anybody has.
    #[error(
        "class {class:?} would be the {}th storage class, of at most {CLASSES_MAX}: \
         look for collections with invented names in storage_classes_desired",
        CLASSES_MAX + 1
    )]
    TooManyClasses {
        /// The class that is too much.
        class: StorageClass,
    },
    /// More different wishes than can be told apart.
    #[error(
        "blocks have more than {WISHES_MAX} different combinations of classes and copies: \
         look for collections with invented names in storage_classes_desired"
    )]
    TooManyWishes,
}

/// `replication_desired` of a collection, read (spec section 2.3, D9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantedReplication {
    /// A number that makes sense; 0 is legal.
    Given(u32),
    /// Null: the cluster's default.
    Default(u32),
    /// Negative: the cluster's default; worth a line in the log.
    NegativeSoDefault(u32),
}

impl WantedReplication {
    /// Reads the column of a collection, `default` being the cluster's default replication.
    pub fn read(column: Option<i64>, default: u32) -> Self {
        match column {
            None => WantedReplication::Default(default),
            Some(copies) if copies < 0 => WantedReplication::NegativeSoDefault(default),
            Some(copies) => WantedReplication::Given(u32::try_from(copies).unwrap_or(u32::MAX)),
        }
    }

    /// How many copies.
    pub const fn copies(self) -> u32 {
        match self {
            WantedReplication::Given(copies)
            | WantedReplication::Default(copies)
            | WantedReplication::NegativeSoDefault(copies) => copies,
        }
    }
}

/// All wishes of a run, each once, and the names of their classes.
///
/// # Examples
/// ```
/// # use keep_rules::balance::{Allows, Layout, MountFacts, ServerAccess, ServerFacts};
/// use keep_rules::balance::{WishBook, WishId};
/// # use keep_rules::{ClassSet, Replication};
/// # let disk = |at: u8| MountFacts { uuid: format!("disk-{at}").parse().unwrap(), device_id: None,
/// #     allows: Allows::WriteAndTrash, replication: Replication::ONE, classes: ClassSet::from_header("default") };
/// # let layout = Layout::new(vec![ServerFacts { uuid: "server".into(), url: "http://a".into(),
/// #     access: ServerAccess::ReadWrite, mounts: vec![disk(0), disk(1), disk(2)] }])?;
///
/// let mut book = WishBook::new(&layout);
/// let two = book.of_collection(&ClassSet::from_header("default"), 2)?;
/// let three = book.of_collection(&ClassSet::none(), 3)?; // no class means `default`
/// assert_eq!(book.max_of([two, three, two])?, three);
/// assert_eq!(book.max_of([])?, WishId::UNREFERENCED);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct WishBook {
    classes: Vec<StorageClass>,
    class_numbers: BTreeMap<StorageClass, ClassIndex>,
    /// The first classes, which are on mounts (or `default`).
    known: usize,
    wishes: Vec<Wish>,
    ids: HashMap<Box<[Need]>, WishId>,
    merges: HashMap<(WishId, WishId), WishId>,
    copies_max: u32,
}

impl WishBook {
    /// A book with the classes of `layout`, and no wish but [`WishId::UNREFERENCED`].
    pub fn new(layout: &Layout) -> Self {
        let classes = layout.classes().to_vec();
        let class_numbers = classes
            .iter()
            .enumerate()
            .map(|(place, class)| (class.clone(), ClassIndex::new(place)))
            .collect();
        let nothing: Box<[Need]> = Box::new([]);
        WishBook {
            known: classes.len(),
            classes,
            class_numbers,
            wishes: vec![Wish::new(nothing.clone())],
            ids: HashMap::from([(nothing, WishId::UNREFERENCED)]),
            merges: HashMap::new(),
            copies_max: layout.copies_max(),
        }
    }

    /// The wish of a collection for its blocks: `copies` in each of `classes`; no class means `default` (spec section 2.3).
    ///
    /// # Errors
    /// [`WishError`]: the book is full.
    pub fn of_collection(&mut self, classes: &ClassSet, copies: u32) -> Result<WishId, WishError> {
        if classes.is_empty() {
            return self.intern([(&StorageClass::default(), copies)]);
        }
        self.intern(classes.iter().map(|class| (class, copies)))
    }

    /// The wish for so many copies in each class. Of a class that comes twice the larger number counts. Numbers are cut to
    /// [`Layout::copies_max`], which nothing can reach.
    ///
    /// # Errors
    /// [`WishError`]: the book is full.
    pub fn intern<'c>(
        &mut self,
        wanted: impl IntoIterator<Item = (&'c StorageClass, u32)>,
    ) -> Result<WishId, WishError> {
        let mut largest: BTreeMap<&StorageClass, u32> = BTreeMap::new();
        for (class, copies) in wanted {
            let largest = largest.entry(class).or_default();
            *largest = copies.min(self.copies_max).max(*largest);
        }
        let mut needs = Vec::with_capacity(largest.len());
        for (class, copies) in largest {
            needs.push(Need { class: self.number(class)?, copies });
        }
        self.note(needs)
    }

    /// The wish of a block that these references name: for each class the largest number (spec section 2.3; section 7, W2).
    ///
    /// # Errors
    /// [`WishError`]: the book is full.
    ///
    /// # Panics
    /// If an id is of a larger book.
    pub fn max_of(&mut self, ids: impl IntoIterator<Item = WishId>) -> Result<WishId, WishError> {
        let mut largest = WishId::UNREFERENCED;
        for id in ids {
            largest = match self.known_max_of(largest, id) {
                Some(known) => known,
                None => self.merge(largest, id)?,
            };
        }
        Ok(largest)
    }

    /// [`WishBook::max_of`] of two, if it is known already: for threads that share the book and can only read it now.
    pub fn known_max_of(&self, one: WishId, other: WishId) -> Option<WishId> {
        match (one, other) {
            _ if one == other => Some(one),
            (WishId::UNREFERENCED, id) | (id, WishId::UNREFERENCED) => Some(id),
            _ => self.merges.get(&in_order(one, other)).copied(),
        }
    }

    /// The wish of that id.
    ///
    /// # Panics
    /// If the id is of a larger book.
    pub fn wish(&self, id: WishId) -> &Wish {
        &self.wishes[place(id)]
    }

    /// The id of that number, if there is one.
    pub fn id(&self, number: u32) -> Option<WishId> {
        let id = WishId(number);
        (place(id) < self.wishes.len()).then_some(id)
    }

    /// All classes: first those of the layout, then those that are only wished for.
    pub fn classes(&self) -> &[StorageClass] {
        &self.classes
    }

    /// The name of a class.
    ///
    /// # Panics
    /// If the class is of a larger book.
    pub fn class(&self, class: ClassIndex) -> &StorageClass {
        &self.classes[class.place()]
    }

    /// Classes that are wished for and that no mount offers (D1). [`Statistics`](super::Statistics) counts the blocks.
    pub fn unknown_classes(&self) -> impl Iterator<Item = (ClassIndex, &StorageClass)> {
        let named = self.classes.iter().enumerate().skip(self.known);
        named.map(|(place, class)| (ClassIndex::new(place), class))
    }

    /// All classes with their numbers, in the order of [`WishBook::classes`].
    pub fn numbered_classes(&self) -> impl Iterator<Item = (ClassIndex, &StorageClass)> {
        self.classes.iter().enumerate().map(|(place, class)| (ClassIndex::new(place), class))
    }

    fn number(&mut self, class: &StorageClass) -> Result<ClassIndex, WishError> {
        if let Some(number) = self.class_numbers.get(class) {
            return Ok(*number);
        }
        if self.classes.len() >= CLASSES_MAX {
            return Err(WishError::TooManyClasses { class: class.clone() });
        }
        let number = ClassIndex::new(self.classes.len());
        self.classes.push(class.clone());
        self.class_numbers.insert(class.clone(), number);
        Ok(number)
    }

    /// The id of `needs`, which are in the order of class names.
    fn note(&mut self, needs: Vec<Need>) -> Result<WishId, WishError> {
        let needs = needs.into_boxed_slice();
        if let Some(id) = self.ids.get(&needs) {
            return Ok(*id);
        }
        if self.wishes.len() >= WISHES_MAX {
            return Err(WishError::TooManyWishes);
        }
        let id = WishId(u32::try_from(self.wishes.len()).expect("the book's limit fits"));
        self.wishes.push(Wish::new(needs.clone()));
        self.ids.insert(needs, id);
        Ok(id)
    }

    fn merge(&mut self, one: WishId, other: WishId) -> Result<WishId, WishError> {
        let (first, second) = (self.wish(one).needs(), self.wish(other).needs());
        let mut needs: Vec<Need> = first.iter().chain(second).copied().collect();
        // Larger numbers first, so that of each class the larger one is left.
        needs.sort_by(|one, other| {
            let names = (self.class(one.class), self.class(other.class));
            names.0.cmp(names.1).then(other.copies.cmp(&one.copies))
        });
        needs.dedup_by_key(|need| need.class);
        let id = self.note(needs)?;
        if self.merges.len() >= MERGES_MAX {
            self.merges.clear();
        }
        self.merges.insert(in_order(one, other), id);
        Ok(id)
    }
}

fn in_order(one: WishId, other: WishId) -> (WishId, WishId) {
    (one.min(other), one.max(other))
}

fn place(id: WishId) -> usize {
    usize::try_from(id.get()).expect("ids are small")
}
