//! Items as they stand on the wire, for programs that make lists.

use serde::{Deserialize, Serialize};

/// One item of a trash list (spec section 5.1).
///
/// # Examples
/// ```
/// use keep_protocol::list::TrashItem;
/// let item = TrashItem {
///     locator: "acbd18db4cc2f85cedef654fccc4a4d8+3".into(),
///     block_mtime: 1_707_249_451_308_502_672,
///     mount_uuid: "zzzzz-nyw5e-000000000000000".into(),
/// };
/// let text = serde_json::to_string(&[item])?;
/// assert!(text.starts_with(r#"[{"locator":"acbd18db4cc2f85cedef654fccc4a4d8+3","block_mtime":1707249451308502672,"#));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrashItem {
    /// The replica's block: hash and size.
    pub locator: String,
    /// The mtime that the replica must have, in nanoseconds since 1970.
    pub block_mtime: i64,
    /// The replica's mount; empty for every mount.
    pub mount_uuid: String,
}

/// One item of a pull list (spec section 5.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PullItem {
    /// The block to fetch: hash and size.
    pub locator: String,
    /// The URLs of the servers that have it.
    pub servers: Vec<String>,
    /// The mount to store it on; empty to leave the choice to the node.
    pub mount_uuid: String,
}
