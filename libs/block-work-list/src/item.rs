//! What a list is made of.

/// An item: work to be done on one block.
///
/// The hash names the block, by whatever type names a block for the caller; the data is whatever else the worker
/// needs. The hash is not a key: a list may hold several items of one hash, and keeps them all, in order.
///
/// # Examples
///
/// ```
/// use block_work_list::BlockWork;
///
/// let item = BlockWork { hash: 0xacbd_18db_u64, data: "on mount 3" };
/// assert_eq!(item.data, "on mount 3");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlockWork<H, T> {
    /// Which block.
    pub hash: H,
    /// What the worker needs to know beside the block's hash.
    pub data: T,
}
