//! Blocks that have waited too long for their manifest: they are made young again before it is published.
//!
//! A block that no manifest names is kept for the signature TTL after it was written. Half of that is left to the manifest.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use keep_manifest::BlockRef;
use keep_rules::Timestamp;

use crate::failure::NodeFailure;
use crate::node::Node;
use crate::nodes::Nodes;

/// Requests on their way at once: they are small.
const AT_ONCE: usize = 16;
/// How often all is looked through. Each pass can only find blocks that grew old during the one before.
const PASSES_MAX: u32 = 3;

/// A block that was stored, and is not referenced yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBlock {
    /// The block.
    pub block: BlockRef,
    /// An instant before which no node had this copy: just before it was sent.
    pub since: Timestamp,
    /// The nodes that have it, by their index.
    pub holders: Vec<usize>,
}

/// Why blocks could not be made young. Do not publish.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenewError {
    /// A node would not, or does not have the block any more.
    #[error(
        "block {block} waited for more than half of the signature TTL and cannot be renewed: {failure}. Nothing is published: put again, that renews every block (this needs the admin token, or a faster upload)"
    )]
    Node {
        /// The block.
        block: BlockRef,
        /// What the node said.
        failure: NodeFailure,
    },
    /// The nodes are too slow, or the TTL is too short.
    #[error(
        "blocks grow older than half of the signature TTL ({} s) faster than they can be renewed. Nothing is published: put less at once, or set a longer BlobSigningTTL", ttl.as_secs()
    )]
    TooSlow {
        /// The signature TTL.
        ttl: Duration,
    },
}

/// Which blocks must be made young before they are published.
pub(crate) fn due(stored: &[StoredBlock], now: Timestamp, ttl: Duration) -> Vec<usize> {
    let old = |block: &StoredBlock| block.since.after(ttl / 2) <= now;
    stored.iter().enumerate().filter(|(_, block)| old(block)).map(|(index, _)| index).collect()
}

/// Makes young what is due, until nothing is. Says how many times a block was.
pub(crate) async fn renew<N: Node>(
    nodes: &Nodes<N>,
    stored: &mut [StoredBlock],
    ttl: Duration,
    clock: impl Fn() -> Timestamp,
) -> Result<u64, RenewError> {
    let mut renewed = 0;
    for _ in 0..PASSES_MAX {
        let due = due(stored, clock(), ttl);
        if due.is_empty() {
            return Ok(renewed);
        }
        renewed += due.len() as u64;
        let touching = stream::iter(due).map(|index| {
            let block = stored[index].clone();
            let since = clock();
            async move { touch(nodes, &block).await.map(|()| (index, since)) }
        });
        let touched: Vec<_> = touching.buffer_unordered(AT_ONCE).collect().await;
        for result in touched {
            let (index, since) = result?;
            stored[index].since = since;
        }
    }
    if due(stored, clock(), ttl).is_empty() {
        Ok(renewed)
    } else {
        Err(RenewError::TooSlow { ttl })
    }
}

async fn touch<N: Node>(nodes: &Nodes<N>, stored: &StoredBlock) -> Result<(), RenewError> {
    let block = stored.block;
    let locator = block.to_string().parse().expect("hash and size are a locator");
    for holder in &stored.holders {
        let server = &nodes.servers()[*holder];
        server.node.touch(&locator).await.map_err(|error| RenewError::Node {
            block,
            failure: NodeFailure { server: server.name.clone(), error },
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_ttl_is_left_to_the_manifest() {
        let block = |seconds| StoredBlock {
            block: BlockRef::PLACEHOLDER,
            since: Timestamp::from_seconds(seconds),
            holders: Vec::new(),
        };
        let stored = [block(100), block(151), block(99)];
        let due = |now| due(&stored, Timestamp::from_seconds(now), Duration::from_secs(100));
        assert!(due(148).is_empty());
        assert_eq!(due(149), [2]);
        assert_eq!(due(150), [0, 2]);
        assert_eq!(due(201), [0, 1, 2]);
    }
}
