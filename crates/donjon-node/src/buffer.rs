//! The pool of small buffers through which blocks stream.
//!
//! A buffer is out while a piece of a block is on its way, also while the HTTP library still sends it; it comes back
//! when the last reference to the piece is dropped. A request holds a handful, whatever the size of its block.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use keep_volume::{BlockReader, Error};

/// Bytes in one piece. A piece is read from a volume in one call; two or three are in flight for a request.
pub(crate) const PIECE_BYTES: usize = 128 << 10;

/// Pieces kept for reuse. More may be out; what comes back above this number is freed.
const KEPT_PIECES: usize = 256;

/// Buffers of [`PIECE_BYTES`], reused. A clone is another handle on the same pool.
#[derive(Clone, Debug, Default)]
pub(crate) struct BufferPool(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    idle: Mutex<Vec<Vec<u8>>>,
    in_use: AtomicUsize,
    allocated: AtomicUsize,
}

impl BufferPool {
    /// An empty buffer with room for [`PIECE_BYTES`].
    pub(crate) fn take(&self) -> Buffer {
        self.0.in_use.fetch_add(1, Ordering::Relaxed);
        let idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let content = idle.unwrap_or_else(|| {
            self.0.allocated.fetch_add(1, Ordering::Relaxed);
            Vec::with_capacity(PIECE_BYTES)
        });
        Buffer { content, pool: self.clone() }
    }

    fn put(&self, mut content: Vec<u8>) {
        self.0.in_use.fetch_sub(1, Ordering::Relaxed);
        content.clear();
        let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT_PIECES && content.capacity() >= PIECE_BYTES {
            idle.push(content);
        } else {
            drop(idle);
            self.0.allocated.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Buffers that are out.
    pub(crate) fn in_use(&self) -> usize {
        self.0.in_use.load(Ordering::Relaxed)
    }

    /// Bytes of all buffers, out or kept.
    pub(crate) fn allocated_bytes(&self) -> usize {
        self.0.allocated.load(Ordering::Relaxed) * PIECE_BYTES
    }
}

/// A buffer that is out. However it is dropped, it comes back.
#[derive(Debug)]
pub(crate) struct Buffer {
    /// Empty, and without room, if whoever read into it has lost it.
    content: Vec<u8>,
    pool: BufferPool,
}

impl Buffer {
    /// Takes from the front of `data` what there is room for.
    pub(crate) fn fill(&mut self, data: &mut Bytes) {
        let room = PIECE_BYTES - self.content.len();
        self.content.extend_from_slice(&data.split_to(room.min(data.len())));
    }

    /// Whether there is no room.
    pub(crate) fn is_full(&self) -> bool {
        self.content.len() == PIECE_BYTES
    }

    /// Reads the next piece of a replica. Empty at its end.
    ///
    /// # Errors
    /// What the reader says.
    pub(crate) async fn read(mut self, reader: &mut dyn BlockReader) -> Result<Bytes, Error> {
        self.content = reader.read(std::mem::take(&mut self.content)).await?;
        Ok(self.share())
    }

    /// Makes the content shareable. The buffer comes back when the last reference is dropped.
    pub(crate) fn share(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.content
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.pool.put(std::mem::take(&mut self.content));
    }
}

#[cfg(test)]
mod tests {
    use keep_rules::Timestamp;
    use keep_volume::{Memory, Volume as _};
    use testkit::blocks::Block;
    use testkit::faults::{Call, FailNth, Fault};

    use super::*;

    #[test]
    fn a_shared_buffer_comes_back_with_its_last_reference() {
        let pool = BufferPool::default();
        let mut buffer = pool.take();
        let mut data = Bytes::from_static(b"foo");
        buffer.fill(&mut data);
        assert!(data.is_empty() && !buffer.is_full());
        let piece = buffer.share();
        let half = piece.slice(1..);
        drop(piece);
        assert_eq!(&half[..], b"oo");
        assert_eq!(pool.in_use(), 1);
        drop(half);
        assert_eq!(pool.in_use(), 0);
        assert_eq!(pool.allocated_bytes(), PIECE_BYTES);
        assert_eq!(pool.take().as_ref(), b"");
        assert_eq!(pool.in_use(), 0, "also one that nobody used");
    }

    #[test]
    fn a_buffer_takes_no_more_than_a_piece() {
        let mut data = Bytes::from(vec![7; PIECE_BYTES + 1]);
        let mut buffer = BufferPool::default().take();
        buffer.fill(&mut data);
        assert!(buffer.is_full());
        assert_eq!(data.len(), 1);
    }

    #[tokio::test]
    async fn a_buffer_that_a_failing_volume_lost_is_not_counted_for_ever() {
        let volume = FailNth::once(Memory::new("m".parse().unwrap()), Call::Read, 1, Fault::Io);
        let block = Block::of("foo");
        block.store(volume.inner(), Timestamp::EPOCH).await.unwrap();
        let pool = BufferPool::default();
        let mut reader = volume.open(block.hash).await.unwrap();
        pool.take().read(reader.as_mut()).await.unwrap_err();
        assert_eq!((pool.in_use(), pool.allocated_bytes()), (0, 0));
        assert_eq!(pool.take().read(reader.as_mut()).await.unwrap(), "foo");
        assert_eq!((pool.in_use(), pool.allocated_bytes()), (0, PIECE_BYTES));
    }
}
