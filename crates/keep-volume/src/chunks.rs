//! A replica that lies in memory, in pieces.

use std::collections::VecDeque;

use async_trait::async_trait;
use bytes::{Buf, Bytes};

use crate::{BlockReader, Error, Replica};

/// Reads pieces of memory one after the other.
pub(crate) struct ChunkReader {
    replica: Replica,
    chunks: VecDeque<Bytes>,
}

impl ChunkReader {
    /// `replica.size` is the sum of the chunks' lengths.
    pub(crate) fn new(replica: Replica, chunks: impl IntoIterator<Item = Bytes>) -> Self {
        ChunkReader { replica, chunks: chunks.into_iter().collect() }
    }

    /// Replaces what `buffer` holds by the next bytes, up to its capacity.
    pub(crate) fn fill(&mut self, buffer: &mut Vec<u8>) {
        buffer.clear();
        while let Some(chunk) = self.chunks.front_mut() {
            let room = buffer.capacity() - buffer.len();
            let taken = chunk.len().min(room);
            buffer.extend_from_slice(&chunk[..taken]);
            chunk.advance(taken);
            if !chunk.is_empty() {
                return;
            }
            self.chunks.pop_front();
        }
    }
}

#[async_trait]
impl BlockReader for ChunkReader {
    fn replica(&self) -> Replica {
        self.replica
    }

    async fn read(&mut self, mut buffer: Vec<u8>) -> Result<Vec<u8>, Error> {
        self.fill(&mut buffer);
        Ok(buffer)
    }
}
