//! How many copies a collection is confirmed to have (spec section 2.7, with D2).

use crate::storage_class::ClassSet;

use super::index::{ClassIndex, DeviceIndex};
use super::layout::Layout;

/// How many copies of one block count for a collection that wants `classes`, the block being on `devices`: of the class that
/// has the fewest. No class means that all copies count; in a class that no mount offers there is none. List each device
/// once, and leave out doomed replicas and those of another size.
///
/// # Panics
/// If a device is of a larger layout.
///
/// # Examples
/// ```
/// # use keep_rules::balance::{Allows, Layout, MountFacts, ServerAccess, ServerFacts, WishBook};
/// use keep_rules::balance::copies_of_block;
/// # use keep_rules::{ClassSet, Replication};
/// # let disk = |at: u8| MountFacts { uuid: format!("disk-{at}").parse().unwrap(), device_id: None,
/// #     allows: Allows::WriteAndTrash, replication: Replication::ONE, classes: ClassSet::from_header("default") };
/// # let layout = Layout::new(vec![ServerFacts { uuid: "server".into(), url: "http://a".into(),
/// #     access: ServerAccess::ReadWrite, mounts: vec![disk(0), disk(1), disk(2)] }])?;
///
/// let mut book = WishBook::new(&layout);
/// let archived = book.of_collection(&ClassSet::from_header("default, archive"), 2)?;
/// let classes: Vec<_> = book.wish(archived).needs().iter().map(|need| need.class).collect();
/// let devices: Vec<_> = layout.device_indexes().take(2).collect();
/// assert_eq!(copies_of_block(&layout, [], &devices), 2);
/// assert_eq!(copies_of_block(&layout, classes, &devices), 0, "nothing is in the class archive");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn copies_of_block(
    layout: &Layout,
    classes: impl IntoIterator<Item = ClassIndex>,
    devices: &[DeviceIndex],
) -> u64 {
    let copies_on = |counts: &dyn Fn(DeviceIndex) -> bool| {
        let counted = devices.iter().filter(|device| counts(**device));
        counted.map(|device| u64::from(layout.device(*device).replication().get())).sum()
    };
    let copies_in = |class: ClassIndex| copies_on(&|device| layout.is_in(device, class));
    classes.into_iter().map(copies_in).min().unwrap_or_else(|| copies_on(&|_| true))
}

/// What is confirmed of one collection, block by block.
///
/// # Examples
/// ```
/// # use keep_rules::balance::{Allows, Layout, MountFacts, ServerAccess, ServerFacts};
/// use keep_rules::balance::Confirmation;
/// # use keep_rules::{ClassSet, Replication};
/// # let disk = |at: u8| MountFacts { uuid: format!("disk-{at}").parse().unwrap(), device_id: None,
/// #     allows: Allows::WriteAndTrash, replication: Replication::ONE, classes: ClassSet::from_header("default") };
/// # let layout = Layout::new(vec![ServerFacts { uuid: "server".into(), url: "http://a".into(),
/// #     access: ServerAccess::ReadWrite, mounts: vec![disk(0), disk(1), disk(2)] }])?;
///
/// let mut devices = layout.device_indexes();
/// let (first, second) = (devices.next().unwrap(), devices.next().unwrap());
/// let mut collection = Confirmation::new(&layout, &ClassSet::from_header("default"));
/// collection.block([first, second, first]); // a device counts once
/// assert_eq!(collection.copies(3), 2);
/// collection.block([]);
/// assert_eq!(collection.copies(3), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Confirmation<'l> {
    layout: &'l Layout,
    /// The classes wanted. One that no mount offers has a number beyond those of the layout.
    classes: Vec<ClassIndex>,
    /// The copies of the block that has the fewest. `None` before the first block.
    fewest: Option<u64>,
    seen: Vec<DeviceIndex>,
}

impl<'l> Confirmation<'l> {
    /// Nothing is confirmed yet of a collection that wants these classes. No class means that all copies count.
    pub fn new(layout: &'l Layout, wanted: &ClassSet) -> Self {
        let offered = layout.classes();
        let number = |class| ClassIndex::new(offered.binary_search(class).unwrap_or(offered.len()));
        let classes = wanted.iter().map(number).collect();
        Confirmation { layout, classes, fewest: None, seen: Vec::new() }
    }

    /// Takes note of a block of the collection that is on these devices. Leave out doomed replicas.
    ///
    /// # Panics
    /// If an index is of a larger layout.
    pub fn block(&mut self, devices: impl IntoIterator<Item = DeviceIndex>) {
        self.seen.clear();
        for device in devices {
            if !self.seen.contains(&device) {
                self.seen.push(device);
            }
        }
        let copies = copies_of_block(self.layout, self.classes.iter().copied(), &self.seen);
        self.fewest = Some(self.fewest.map_or(copies, |fewest| fewest.min(copies)));
    }

    /// How many copies are confirmed: those of the block that has the fewest, at most `wanted`. 0 if there is no block.
    pub fn copies(&self, wanted: u32) -> u32 {
        let fewest = self.fewest.unwrap_or(0);
        u32::try_from(fewest).map_or(wanted, |fewest| fewest.min(wanted))
    }
}

/// [`Confirmation`] of a collection all of whose blocks are at hand: `blocks` lists for each the devices that hold it.
///
/// # Panics
/// If an index is of a larger layout.
pub fn confirmed_replication<'b>(
    layout: &Layout,
    classes: &ClassSet,
    wanted: u32,
    blocks: impl IntoIterator<Item = &'b [DeviceIndex]>,
) -> u32 {
    let mut confirmation = Confirmation::new(layout, classes);
    for devices in blocks {
        confirmation.block(devices.iter().copied());
    }
    confirmation.copies(wanted)
}
