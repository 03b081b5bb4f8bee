//! How much of a list is taken in.

/// The bounds of one list. A body beyond any of them is refused as a whole.
///
/// The defaults admit lists two hundred times as long as those of a balancer with its usual limit of 100 000 items
/// (spec section 5.1), and bound what an uploader can make the node hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Items of one list. Default 20 000 000: 640 MB of trash records.
    pub items: u64,
    /// Bytes of the whole body. Default 4 GiB. They are counted, not held.
    pub body_bytes: u64,
    /// Bytes of one item's JSON object. Default 64 KiB: a pull item with hundreds of servers. An item that straddles
    /// frames is held until it is complete, so this bounds the memory of a parser too.
    pub item_bytes: usize,
    /// Distinct mount UUIDs, and likewise distinct lists of servers. Default 65 536; a cluster has few of either.
    pub names: usize,
    /// Bytes of all those distinct texts together. Default 16 MiB.
    pub name_bytes: usize,
    /// Distinct locators that cannot be parsed whose text is kept for the report. Default 1 000. Items beyond are
    /// accepted, and skipped, all the same: only their text is lost.
    pub bad_locators: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            items: 20_000_000,
            body_bytes: 4 << 30,
            item_bytes: 64 << 10,
            names: 65_536,
            name_bytes: 16 << 20,
            bad_locators: 1_000,
        }
    }
}
