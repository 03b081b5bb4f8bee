//! Blocks that have waited too long for their manifest: they are made young again before it is published.
//!
//! A block that no manifest names is kept for the signature TTL after it was written. Half of that is left to the manifest.
//! A block is touched, or, where that is not allowed or would not do, read back and sent again: a PUT of what is there makes
//! it young as well.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use keep_manifest::BlockRef;
use keep_protocol::client::{ClientError, PutBlock};
use keep_rules::{Locator, Timestamp};
use tokio::sync::Semaphore;

use crate::failure::NodeFailure;
use crate::fetch::{NotFetched, fetch};
use crate::node::Node;
use crate::nodes::Nodes;
use crate::store::foreign;

/// Requests on their way at once: they are small.
const AT_ONCE: usize = 16;
/// Blocks that are sent again at once: each is in memory.
const SENT_AT_ONCE: usize = 2;
/// How often all is looked through. Each pass can only find blocks that grew old during the one before.
const PASSES_MAX: u32 = 3;

/// A block that was stored, and is not referenced yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredBlock {
    /// The block.
    pub(crate) block: BlockRef,
    /// An instant before which no node had this copy: just before it was sent.
    pub(crate) since: Timestamp,
    /// The nodes that have it, by their index.
    pub(crate) holders: Vec<usize>,
    /// To read it with: as one of them gave it.
    pub(crate) locator: Locator,
}

/// Why blocks could not be made young. What is not published yet must not be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenewError {
    /// A node would not, or does not have the block any more.
    #[error(
        "block {block} waited for more than half of the signature TTL and cannot be renewed: {failure}"
    )]
    Node {
        /// The block.
        block: BlockRef,
        /// What the node said.
        failure: NodeFailure,
    },
    /// It could not be touched, and cannot be read back to be sent again.
    #[error("block {block} waited for more than half of the signature TTL, and {lost}")]
    Lost {
        /// The block.
        block: BlockRef,
        /// What the nodes said.
        lost: NotFetched,
    },
    /// The nodes are too slow, or the TTL is too short.
    #[error(
        "blocks grow older than half of the signature TTL ({} s) faster than they can be renewed", ttl.as_secs()
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
    classes: &[String],
    ttl: Duration,
    clock: impl Fn() -> Timestamp,
) -> Result<u64, RenewError> {
    let again = Again::new(nodes, classes);
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
            let again = &again;
            async move { again.renew(&block, since).await.map(|()| (index, since)) }
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

/// Makes blocks young.
pub(crate) struct Again<'a, N> {
    nodes: &'a Nodes<N>,
    classes: &'a [String],
    places: Semaphore,
}

/// A block, and how to read it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Readable<'a> {
    pub(crate) block: BlockRef,
    pub(crate) locator: &'a Locator,
}

/// Why a block was not sent again.
#[derive(Debug)]
pub(crate) enum Unsent {
    /// Nobody gave it.
    Lost(NotFetched),
    /// The node that it was sent to did not take it.
    Refused(ClientError),
}

impl<'a, N: Node> Again<'a, N> {
    /// `classes` are those that blocks are sent into.
    pub(crate) fn new(nodes: &'a Nodes<N>, classes: &'a [String]) -> Self {
        Again { nodes, classes, places: Semaphore::new(SENT_AT_ONCE) }
    }

    async fn renew(&self, stored: &StoredBlock, now: Timestamp) -> Result<(), RenewError> {
        let block = stored.block;
        let failed = |holder: usize, error| {
            let server = self.nodes.servers()[holder].name.clone();
            RenewError::Node { block, failure: NodeFailure { server, error } }
        };
        let mut data = None;
        for holder in &stored.holders {
            if self.is_touched(*holder, block).await.map_err(|error| failed(*holder, error))? {
                continue;
            }
            let readable = Readable { block, locator: &stored.locator };
            self.send(*holder, readable, &mut data, now).await.map_err(|unsent| match unsent {
                Unsent::Lost(lost) => RenewError::Lost { block, lost },
                Unsent::Refused(error) => failed(*holder, error),
            })?;
        }
        Ok(())
    }

    /// Whether touching was enough. A touch reaches one replica of the node (spec/keep-protocol.md section 2.6); in several
    /// classes there may be more.
    async fn is_touched(&self, holder: usize, block: BlockRef) -> Result<bool, ClientError> {
        if !self.classes.is_empty() {
            return Ok(false);
        }
        match self.touch(holder, block).await {
            Ok(()) => Ok(true),
            // We may not, or it has lost the block.
            Err(ClientError::NotFound | ClientError::Refused { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes one replica of a node young.
    pub(crate) async fn touch(&self, holder: usize, block: BlockRef) -> Result<(), ClientError> {
        let plain = block.to_string().parse().expect("hash and size are a locator");
        self.nodes.servers()[holder].node.touch(&plain).await
    }

    /// Reads a block, unless that was done, and sends it to a node.
    pub(crate) async fn send(
        &self,
        holder: usize,
        Readable { block, locator }: Readable<'_>,
        data: &mut Option<Bytes>,
        now: Timestamp,
    ) -> Result<(), Unsent> {
        let _place = self.places.acquire().await.expect("it is never closed");
        let data = match data {
            Some(data) => data.clone(),
            None => {
                let read = fetch(self.nodes, block, locator).await.map_err(Unsent::Lost)?;
                data.insert(Bytes::from(read)).clone()
            }
        };
        let put = PutBlock {
            hash: block.hash(),
            size: data.len() as u64,
            classes: self.classes,
            not_on: &[],
        };
        match self.nodes.servers()[holder].node.put(put, data).await {
            Ok(answer) if self.nodes.is_ours(&answer.locator, now) => Ok(()),
            Ok(_) => Err(Unsent::Refused(foreign())),
            Err(error) => Err(Unsent::Refused(error)),
        }
    }
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
            locator: BlockRef::PLACEHOLDER.to_string().parse().unwrap(),
        };
        let stored = [block(100), block(151), block(99)];
        let due = |now| due(&stored, Timestamp::from_seconds(now), Duration::from_secs(100));
        assert!(due(148).is_empty());
        assert_eq!(due(149), [2]);
        assert_eq!(due(150), [0, 2]);
        assert_eq!(due(201), [0, 1, 2]);
    }
}
