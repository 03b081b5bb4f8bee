//! Counts of what a volume asked of its device, for the metrics of spec section 9.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// A call to the device, named as the Go directory driver names it in `arvados_keepstore_volume_operations`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Open a file to read.
    Open,
    /// Read a file's size and times.
    Stat,
    /// Create a temp file.
    Create,
    /// Rename a file.
    Rename,
    /// Remove a file.
    Unlink,
    /// Set a file's times.
    Utimes,
    /// Lock a file.
    Flock,
    /// Read a directory.
    Readdir,
    /// Sync a file or a directory (not in the Go program, which never syncs).
    Sync,
}

impl Operation {
    /// Every operation, in label order.
    pub const ALL: [Operation; 9] = [
        Operation::Open,
        Operation::Stat,
        Operation::Create,
        Operation::Rename,
        Operation::Unlink,
        Operation::Utimes,
        Operation::Flock,
        Operation::Readdir,
        Operation::Sync,
    ];

    /// The metric label.
    pub const fn label(self) -> &'static str {
        match self {
            Operation::Open => "open",
            Operation::Stat => "stat",
            Operation::Create => "create",
            Operation::Rename => "rename",
            Operation::Unlink => "unlink",
            Operation::Utimes => "utimes",
            Operation::Flock => "flock",
            Operation::Readdir => "readdir",
            Operation::Sync => "sync",
        }
    }
}

/// Which way bytes went, as `arvados_keepstore_volume_io_bytes` counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Read from the device.
    In,
    /// Written to the device.
    Out,
}

/// Counts since start. All methods may be called from any thread.
#[derive(Debug, Default)]
pub struct IoStats {
    operations: [AtomicU64; Operation::ALL.len()],
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    errors: Mutex<BTreeMap<String, u64>>,
}

impl IoStats {
    /// Counts a call.
    pub fn count(&self, operation: Operation) {
        self.operations[operation as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts bytes that were moved.
    pub fn moved(&self, direction: Direction, bytes: u64) {
        match direction {
            Direction::In => self.bytes_in.fetch_add(bytes, Ordering::Relaxed),
            Direction::Out => self.bytes_out.fetch_add(bytes, Ordering::Relaxed),
        };
    }

    /// Counts a failed call, by the kind of its error.
    pub fn failed(&self, error: &std::io::Error) {
        let kind = error.kind().to_string();
        *self.errors.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_default() += 1;
    }

    /// Calls of this kind so far.
    pub fn operations(&self, operation: Operation) -> u64 {
        self.operations[operation as usize].load(Ordering::Relaxed)
    }

    /// Bytes moved this way so far.
    pub fn bytes(&self, direction: Direction) -> u64 {
        match direction {
            Direction::In => self.bytes_in.load(Ordering::Relaxed),
            Direction::Out => self.bytes_out.load(Ordering::Relaxed),
        }
    }

    /// Failed calls so far, by kind of error.
    pub fn errors(&self) -> BTreeMap<String, u64> {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
