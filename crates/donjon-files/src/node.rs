//! What is asked of a node.

use std::future::Future;

use bytes::Bytes;
use keep_protocol::client::{ClientError, KeepClient, PutBlock, Stored};
use keep_rules::Locator;

/// A node that keeps blocks. [`KeepClient`] is one, over the network.
pub trait Node: Send + Sync {
    /// Stores a block; when it has answered, it has it. A block that it has already becomes young again.
    ///
    /// # Errors
    /// What the node said. It may have the block all the same.
    fn put(
        &self,
        block: PutBlock<'_>,
        data: Bytes,
    ) -> impl Future<Output = Result<Stored, ClientError>> + Send;

    /// Reads a block. What is given has the hash and the size that the locator says.
    ///
    /// # Errors
    /// [`ClientError::NotFound`] if the node says that it has none; else what went wrong.
    fn get(&self, locator: &Locator) -> impl Future<Output = Result<Vec<u8>, ClientError>> + Send;

    /// Has the node read a block and compare it with its hash.
    ///
    /// # Errors
    /// What the node said: that it has none, or a damaged one.
    fn check(&self, locator: &Locator) -> impl Future<Output = Result<(), ClientError>> + Send;

    /// Makes a block young again.
    ///
    /// # Errors
    /// [`ClientError::NotFound`] if the node says that it has none; else what went wrong.
    fn touch(&self, locator: &Locator) -> impl Future<Output = Result<(), ClientError>> + Send;
}

impl Node for KeepClient {
    async fn put(&self, block: PutBlock<'_>, data: Bytes) -> Result<Stored, ClientError> {
        self.put_block(block, data).await
    }

    async fn get(&self, locator: &Locator) -> Result<Vec<u8>, ClientError> {
        let mut pieces = self.get_block(locator).await?;
        let size = pieces.size().and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
        // A locator from outside may claim any size; no block is larger than this.
        let mut data = Vec::with_capacity(size.min(64 << 20));
        while let Some(piece) = pieces.next().await {
            data.extend_from_slice(&piece?);
        }
        Ok(data)
    }

    async fn check(&self, locator: &Locator) -> Result<(), ClientError> {
        self.head_block(locator).await.map(drop)
    }

    async fn touch(&self, locator: &Locator) -> Result<(), ClientError> {
        self.touch_block(locator).await
    }
}
