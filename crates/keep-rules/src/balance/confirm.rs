//! How many copies a collection is confirmed to have (spec section 2.7, with D2).

use crate::storage_class::ClassSet;

use super::index::{ClassIndex, DeviceIndex};
use super::layout::Layout;

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
    /// The classes wanted; `None` is one that no mount offers.
    classes: Vec<Option<ClassIndex>>,
    /// The copies of the block that has the fewest. `None` before the first block.
    fewest: Option<u64>,
    seen: Vec<DeviceIndex>,
}

impl<'l> Confirmation<'l> {
    /// Nothing is confirmed yet of a collection that wants these classes. No class means that all copies count.
    pub fn new(layout: &'l Layout, wanted: &ClassSet) -> Self {
        let number = |class| layout.classes().binary_search(class).ok().map(ClassIndex::new);
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
        let copies_in = |class: &Option<ClassIndex>| {
            self.copies_on(|device| class.is_some_and(|class| self.layout.is_in(device, class)))
        };
        let copies = self.classes.iter().map(copies_in).min();
        let copies = copies.unwrap_or_else(|| self.copies_on(|_| true));
        self.fewest = Some(self.fewest.map_or(copies, |fewest| fewest.min(copies)));
    }

    /// How many copies are confirmed: those of the block that has the fewest, at most `wanted`. 0 if there is no block.
    pub fn copies(&self, wanted: u32) -> u32 {
        let fewest = self.fewest.unwrap_or(0);
        u32::try_from(fewest).map_or(wanted, |fewest| fewest.min(wanted))
    }

    fn copies_on(&self, counts: impl Fn(DeviceIndex) -> bool) -> u64 {
        let counted = self.seen.iter().filter(|device| counts(**device));
        counted.map(|device| u64::from(self.layout.device(*device).replication().get())).sum()
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
