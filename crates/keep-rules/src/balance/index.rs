//! Small numbers that stand for servers, mounts, devices and classes. They mean something only beside the
//! [`Layout`](super::Layout) (or, for classes, the [`WishBook`](super::WishBook)) that gave them out.

/// How many servers, mounts, devices or classes can be told apart.
pub(super) const COUNT_MAX: usize = u16::MAX as usize + 1;

macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u16);

        impl $name {
            /// The one at this place of a table, whose length its maker has held to [`COUNT_MAX`].
            pub(super) fn new(place: usize) -> Self {
                $name(u16::try_from(place).expect("tables are limited to what an index can name"))
            }

            /// The number, to be stored beside other records of the run.
            pub const fn get(self) -> u16 {
                self.0
            }

            /// The place in a table.
            pub(super) const fn place(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index! {
    /// A server of a layout, in the order of their UUIDs.
    ServerIndex
}

index! {
    /// A mount of a layout: one volume as one server sees it. In the order of servers, then of UUIDs.
    MountIndex
}

index! {
    /// A device of a layout: a volume, however many servers see it. In the order of UUIDs.
    DeviceIndex
}

index! {
    /// A storage class. Those on mounts come first, in the order of their names; then those only wished for, as they came up.
    ClassIndex
}
