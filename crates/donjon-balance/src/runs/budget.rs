//! How memory is shared out.

use std::num::NonZeroUsize;

use crate::runs::record::{Key, Record};

/// What a sorter may use.
///
/// While it is fed, the feeders share the memory; while it is read, the readers do. Whatever it is, it is enough: less
/// memory makes more and smaller runs, and more passes over them. No pass uses less than two blocks of runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The most memory, in bytes.
    pub memory: usize,
    /// How many feeders there can be at once.
    pub feeders: NonZeroUsize,
    /// How many streams will be read at once.
    pub readers: NonZeroUsize,
}

/// Records in a block, if there is memory for that: about 30 KiB, so that a seek costs little beside reading it.
const BLOCK_RECORDS_MAX: usize = 1024;
/// Runs that can be merged at once, if there is memory for that with smaller blocks.
const FAN_IN_WANTED: usize = 16;
/// Bytes that are read of a run at once, if there is memory for that: what a disk that must seek needs.
const READ_BYTES_MAX: usize = 1 << 20;
/// Bytes of a block's checksum.
pub(crate) const CHECKSUM_BYTES: usize = 4;

/// What follows from the budget for records of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shares {
    /// Bytes of a record on the disk.
    pub(crate) record_bytes: usize,
    /// Records in a feeder's buffer.
    pub(crate) buffer_records: usize,
    /// Records in a full block.
    pub(crate) block_records: usize,
    /// How many runs are merged at once.
    pub(crate) fan_in: usize,
    /// Bytes for the buffers of all runs that one reader merges.
    pub(crate) read_bytes: usize,
}

impl Budget {
    pub(crate) fn shares<R: Record>(&self) -> Shares {
        let record_bytes = 16 + R::REST_BYTES;
        let of_feeder = self.memory / self.feeders;
        let of_reader = self.memory / self.readers;
        let block_records = (of_reader / FAN_IN_WANTED / record_bytes).clamp(1, BLOCK_RECORDS_MAX);
        let block_bytes = block_records * record_bytes + CHECKSUM_BYTES;
        Shares {
            record_bytes,
            // The feeder's block on its way to the disk is of its share too.
            buffer_records: (of_feeder.saturating_sub(block_bytes) / size_of::<Key>()).max(1),
            block_records,
            fan_in: (of_reader / block_bytes).max(2),
            read_bytes: of_reader,
        }
    }
}

impl Shares {
    /// Bytes of a full block, its checksum included.
    pub(crate) fn block_bytes(&self) -> usize {
        self.block_records * self.record_bytes + CHECKSUM_BYTES
    }

    /// How many blocks are read at once of each of so many runs.
    pub(crate) fn blocks_at_once(&self, runs: usize) -> usize {
        let bytes = (self.read_bytes / runs.max(1)).min(READ_BYTES_MAX);
        (bytes / self.block_bytes()).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::{ReferenceRecord, ReplicaRecord};

    fn shares<R: Record>(memory: usize, feeders: usize, readers: usize) -> Shares {
        let of = |number| NonZeroUsize::new(number).unwrap();
        Budget { memory, feeders: of(feeders), readers: of(readers) }.shares::<R>()
    }

    #[test]
    fn shares_keep_to_the_memory() {
        for memory in [4096, 1 << 20, 128 << 20, 1 << 30] {
            for (feeders, readers) in [(1, 1), (4, 2), (16, 8)] {
                let shares = shares::<ReplicaRecord>(memory, feeders, readers);
                let feeding = shares.buffer_records * size_of::<Key>() + shares.block_bytes();
                assert!(feeding * feeders <= memory || memory == 4096, "{shares:?}");
                assert!(shares.fan_in * shares.block_bytes() * readers <= memory, "{shares:?}");
                let buffers = shares.fan_in * shares.blocks_at_once(shares.fan_in);
                assert!(buffers * shares.block_bytes() * readers <= memory, "{shares:?}");
            }
        }
    }

    #[test]
    fn any_memory_is_enough() {
        let shares = shares::<ReferenceRecord>(0, 3, 3);
        assert_eq!((shares.buffer_records, shares.block_records, shares.fan_in), (1, 1, 2));
        assert_eq!(shares.blocks_at_once(100), 1);
    }
}
