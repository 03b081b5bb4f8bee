//! What is known of a list from the moment it was accepted.

use std::fmt;

use keep_protocol::status::ListSource;
use keep_rules::Timestamp;

/// The SHA-256 of a list's body. `Display` is hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListDigest(pub(crate) [u8; 32]);

impl fmt::Display for ListDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The receipt of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// Counts up from 1, over restarts too if the list is durable.
    pub(crate) id: u64,
    /// Of the body as it came.
    pub(crate) digest: ListDigest,
    /// Items.
    pub(crate) count: u64,
    /// When the last byte came.
    pub(crate) received_at: Timestamp,
    /// Who sent it.
    pub(crate) source: ListSource,
    /// The sender's epoch, if it gave one.
    pub(crate) epoch: Option<u64>,
    /// Whether it was on the disk before it was answered.
    pub(crate) durable: bool,
}
