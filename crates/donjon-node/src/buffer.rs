//! The pool of small buffers through which blocks stream.
//!
//! A buffer is out while a piece of a block is on its way, also while the HTTP library still sends it; it comes back
//! when the last reference to the piece is dropped. A request holds a handful, whatever the size of its block.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

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
    pub(crate) fn take(&self) -> Vec<u8> {
        self.0.in_use.fetch_add(1, Ordering::Relaxed);
        let idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.unwrap_or_else(|| {
            self.0.allocated.fetch_add(1, Ordering::Relaxed);
            Vec::with_capacity(PIECE_BYTES)
        })
    }

    /// Takes back a buffer that [`BufferPool::take`] gave.
    pub(crate) fn put(&self, mut buffer: Vec<u8>) {
        self.0.in_use.fetch_sub(1, Ordering::Relaxed);
        buffer.clear();
        let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT_PIECES && buffer.capacity() >= PIECE_BYTES {
            idle.push(buffer);
        } else {
            drop(idle);
            self.0.allocated.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Makes the content of a taken buffer shareable. The buffer comes back when the last reference is dropped.
    pub(crate) fn share(&self, buffer: Vec<u8>) -> Bytes {
        Bytes::from_owner(Lent { buffer, pool: self.clone() })
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

struct Lent {
    buffer: Vec<u8>,
    pool: BufferPool,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.pool.put(std::mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_buffer_comes_back_with_its_last_reference() {
        let pool = BufferPool::default();
        let mut buffer = pool.take();
        buffer.extend_from_slice(b"foo");
        let piece = pool.share(buffer);
        let half = piece.slice(1..);
        drop(piece);
        assert_eq!(&half[..], b"oo");
        assert_eq!(pool.in_use(), 1);
        drop(half);
        assert_eq!(pool.in_use(), 0);
        assert_eq!(pool.allocated_bytes(), PIECE_BYTES);
        assert!(pool.take().is_empty());
    }
}
