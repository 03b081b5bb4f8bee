//! Hashing behind one narrow interface: begin, update, finish, of many streams at once.
//!
//! One MD5 stream is the throughput limit of this protocol. `update` is asynchronous and takes the data over, so that
//! an engine that hashes the pieces of several streams together can take the place of this one without a change
//! elsewhere.

use bytes::Bytes;
use keep_rules::BlockHash;
use md5::{Digest, Md5};

/// The hash of one stream, as far as it has been read. A clone goes on separately.
#[derive(Clone)]
pub(crate) struct BlockHasher {
    state: Md5,
    length: u64,
}

impl BlockHasher {
    /// Begins a stream.
    pub(crate) fn begin() -> BlockHasher {
        BlockHasher { state: Md5::new(), length: 0 }
    }

    /// Appends to the stream.
    pub(crate) async fn update(&mut self, data: Bytes) {
        self.state.update(&data);
        self.length += data.len() as u64;
    }

    /// Bytes so far.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// The hash of all bytes so far.
    pub(crate) async fn finish(self) -> BlockHash {
        BlockHash::from_bytes(self.state.finalize().into())
    }
}
