//! A sorted run on the disk, written and read.
//!
//! A run is blocks of as many records, the last one maybe of fewer. Records are big-endian, so that they order as their
//! bytes do. A block ends with the CRC-32 of its place in the file and its records: a block in another's place is damage.

use std::mem::take;
use std::ops::Range;
use std::sync::Arc;

use crc32fast::Hasher;

use crate::runs::budget::{CHECKSUM_BYTES, Shares};
use crate::runs::error::SortError;
use crate::runs::record::Key;
use crate::runs::span::Span;
use crate::runs::spool::Spool;

/// Where a run lies, and what is known of it beside its bytes.
#[derive(Debug)]
pub(crate) struct Run {
    /// Its first byte.
    at: u64,
    /// How many records it holds.
    records: u64,
    /// The head of the first record of each block.
    fences: Vec<u128>,
}

impl Run {
    pub(crate) fn records(&self) -> u64 {
        self.records
    }

    /// All its bytes.
    pub(crate) fn bytes(&self, shares: &Shares) -> Range<u64> {
        let checksums = self.fences.len() as u64 * CHECKSUM_BYTES as u64;
        self.at..self.at + self.records * shares.record_bytes as u64 + checksums
    }

    /// The blocks in which records of the span can be.
    fn blocks(&self, span: Span) -> Range<usize> {
        // The block before the first that begins within the span may end within it.
        let first = self.fences.partition_point(|fence| *fence < span.first).saturating_sub(1);
        let end = self.fences.partition_point(|fence| *fence <= span.last);
        first..end.max(first)
    }
}

fn checksum(at: u64, records: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&at.to_le_bytes());
    hasher.update(records);
    hasher.finalize()
}

/// A run on its way to the disk. Keys come in order. Of its memory only one block is used.
#[derive(Debug)]
pub(crate) struct RunWriter {
    spool: Arc<Spool>,
    shares: Shares,
    run: Run,
    block: Vec<u8>,
    /// Where the block goes.
    at: u64,
    /// What goes back when this is dropped: all that was claimed, or after the end of the run what was not used.
    unused: Range<u64>,
}

impl RunWriter {
    /// Makes room for a run of at most so many records.
    pub(crate) fn start(spool: &Arc<Spool>, shares: Shares, records_max: u64) -> Self {
        let blocks = records_max.div_ceil(shares.block_records as u64);
        let bytes = records_max * shares.record_bytes as u64 + blocks * CHECKSUM_BYTES as u64;
        let at = spool.claim(bytes);
        let run = Run { at, records: 0, fences: Vec::new() };
        let block = Vec::with_capacity(shares.block_bytes());
        RunWriter { spool: spool.clone(), shares, run, block, at, unused: at..at + bytes }
    }

    /// Takes the next key.
    pub(crate) fn push(&mut self, key: Key) -> Result<(), SortError> {
        if self.block.is_empty() {
            self.run.fences.push(key.head);
        }
        let rest = key.rest.to_be_bytes();
        let (unused, rest) = rest.split_at(32 - self.shares.record_bytes);
        assert!(unused.iter().all(|byte| *byte == 0), "REST_BYTES of the record is wrong");
        self.block.extend_from_slice(&key.head.to_be_bytes());
        self.block.extend_from_slice(rest);
        self.run.records += 1;
        if self.block.len() == self.shares.block_records * self.shares.record_bytes {
            self.write_block()?;
        }
        Ok(())
    }

    /// The run is written.
    pub(crate) fn finish(mut self) -> Result<Run, SortError> {
        if !self.block.is_empty() {
            self.write_block()?;
        }
        self.unused.start = self.at;
        let Run { at, records, ref mut fences } = self.run;
        Ok(Run { at, records, fences: take(fences) })
    }

    fn write_block(&mut self) -> Result<(), SortError> {
        let sum = checksum(self.at, &self.block);
        self.block.extend_from_slice(&sum.to_le_bytes());
        self.spool.write(&self.block, self.at)?;
        self.at += self.block.len() as u64;
        self.block.clear();
        Ok(())
    }
}

impl Drop for RunWriter {
    fn drop(&mut self) {
        if !self.unused.is_empty() {
            self.spool.release(self.unused.clone());
        }
    }
}

/// The records of a run that are in a span, read some blocks at a time.
#[derive(Debug)]
pub(crate) struct RunReader {
    spool: Arc<Spool>,
    run: Arc<Run>,
    shares: Shares,
    span: Span,
    /// Blocks that are not read yet.
    blocks: Range<usize>,
    /// How many are read at once.
    at_once: usize,
    /// Blocks that are read, and right.
    buffer: Vec<u8>,
    /// Where the next record is in the buffer.
    next: usize,
    /// Where the records of its block end.
    block_end: usize,
}

impl RunReader {
    pub(crate) fn new(
        spool: &Arc<Spool>,
        run: &Arc<Run>,
        shares: Shares,
        span: Span,
        at_once: usize,
    ) -> Self {
        let blocks = run.blocks(span);
        RunReader {
            spool: spool.clone(),
            run: run.clone(),
            shares,
            span,
            blocks,
            at_once,
            buffer: Vec::new(),
            next: 0,
            block_end: 0,
        }
    }

    /// The next key; none if there are no more in the span.
    pub(crate) fn next(&mut self) -> Result<Option<Key>, SortError> {
        loop {
            if self.next == self.block_end && !self.enter_block()? {
                return Ok(None);
            }
            let key = self.decode(self.next);
            self.next += self.shares.record_bytes;
            if key.head > self.span.last {
                self.blocks = 0..0;
                self.buffer.clear();
                (self.next, self.block_end) = (0, 0);
                return Ok(None);
            }
            if key.head >= self.span.first {
                return Ok(Some(key));
            }
        }
    }

    /// Leaves out records with a lower head. What was read ahead is used if they lie within it.
    pub(crate) fn skip_to(&mut self, head: u128) {
        self.span.first = self.span.first.max(head);
        // The last block that begins before `head`: it may end behind it. All records before that block are lower.
        let fences = &self.run.fences;
        let block = fences.partition_point(|fence| *fence < head).saturating_sub(1);
        if block >= self.blocks.start {
            self.blocks.start = block.min(self.blocks.end);
            self.buffer.clear();
            (self.next, self.block_end) = (0, 0);
            return;
        }
        let block_bytes = self.shares.block_bytes();
        let loaded = self.buffer.len().div_ceil(block_bytes);
        let first = self.blocks.start - loaded;
        let place = block.saturating_sub(first) * block_bytes;
        if block >= first && place > self.next {
            self.next = place;
            self.set_block_end();
        }
        self.skip_in_block(head);
    }

    /// Leaves out records of the present block, by halves.
    fn skip_in_block(&mut self, head: u128) {
        let bytes = self.shares.record_bytes;
        let (mut low, mut high) = (0, (self.block_end - self.next) / bytes);
        while low < high {
            let middle = low.midpoint(high);
            if self.decode(self.next + middle * bytes).head < head {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        self.next += low * bytes;
    }

    fn decode(&self, at: usize) -> Key {
        let record = &self.buffer[at..at + self.shares.record_bytes];
        let (head, tail) = record.split_first_chunk().expect("a record is longer than its head");
        let mut rest = [0; 16];
        rest[16 - tail.len()..].copy_from_slice(tail);
        Key { head: u128::from_be_bytes(*head), rest: u128::from_be_bytes(rest) }
    }

    /// Goes to the records of the next block. False if there is none.
    fn enter_block(&mut self) -> Result<bool, SortError> {
        self.next = if self.buffer.is_empty() { 0 } else { self.block_end + CHECKSUM_BYTES };
        if self.next >= self.buffer.len() && !self.load()? {
            return Ok(false);
        }
        self.set_block_end();
        Ok(true)
    }

    /// Finds the end of the block that begins at `next`.
    fn set_block_end(&mut self) {
        let full = self.shares.block_records * self.shares.record_bytes;
        self.block_end = (self.next + full).min(self.buffer.len() - CHECKSUM_BYTES);
    }

    /// Reads the next blocks and checks them. False if there are none.
    fn load(&mut self) -> Result<bool, SortError> {
        let first = self.blocks.start;
        let end = self.blocks.end.min(first + self.at_once);
        self.blocks.start = end;
        self.buffer.clear();
        (self.next, self.block_end) = (0, 0);
        if first == end {
            return Ok(false);
        }
        let whole = self.run.bytes(&self.shares);
        let block_bytes = self.shares.block_bytes() as u64;
        let at = whole.start + first as u64 * block_bytes;
        let bytes = at..(whole.start + end as u64 * block_bytes).min(whole.end);
        let length = usize::try_from(bytes.end - bytes.start).expect("it is in the budget");
        self.buffer.resize(length, 0);
        let read = self.spool.read(&mut self.buffer, at);
        let checked = read.and_then(|()| self.check(at));
        if checked.is_err() {
            self.buffer.clear();
            self.blocks = 0..0;
        }
        checked.map(|()| true)
    }

    fn check(&self, mut at: u64) -> Result<(), SortError> {
        for block in self.buffer.chunks(self.shares.block_bytes()) {
            let end = at + block.len() as u64;
            let right = block
                .split_last_chunk()
                .is_some_and(|(records, sum)| checksum(at, records) == u32::from_le_bytes(*sum));
            if !right {
                return Err(self.spool.damaged(at..end, "the checksum of a block is wrong"));
            }
            at = end;
        }
        Ok(())
    }
}
