//! Progress, read back: which items ended, and how.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Seek};

use crate::code::Code;
use crate::error::StoreError;
use crate::progress::{ENTRY_BYTES, Entry, Log, Progress};

/// What of the progress could not be read. The items concerned run again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repair {
    /// The file was gone, and was made anew.
    pub file_was_missing: bool,
    /// Entries that are damaged, with whole ones behind them.
    pub unreadable_entries: u64,
    /// Bytes that were cut off the end of the file: torn by a power loss.
    pub cut_bytes: u64,
}

impl Repair {
    /// Whether all was in order.
    pub fn is_none(&self) -> bool {
        *self == Repair::default()
    }
}

/// What became of the items of a list.
#[derive(Debug)]
pub(crate) struct Replay<E> {
    pub(crate) ended: Bits,
    pub(crate) counts: BTreeMap<E, u64>,
    pub(crate) repair: Repair,
}

/// Bytes read at a time.
const BUFFER_BYTES: usize = 1 << 20;

impl<E: Code> Replay<E> {
    /// Reads the progress, and cuts off what a crash left behind its last whole entry.
    pub(crate) fn read(progress: &Progress) -> Result<Replay<E>, StoreError> {
        let mut replay = Replay {
            ended: Bits::new(progress.items()),
            counts: BTreeMap::new(),
            repair: Repair::default(),
        };
        let mut log = progress.log();
        let failed = |error| StoreError::failed("read", progress.path(), error);
        (&log.file).rewind().map_err(failed)?;
        let mut reader = BufReader::with_capacity(BUFFER_BYTES, &log.file);
        let (mut at, mut whole, mut readable) = (0, 0, 0);
        while let Some(bytes) = next_entry(&mut reader).map_err(failed)? {
            at += ENTRY_BYTES as u64;
            if let Some(entry) = known(&bytes, progress) {
                replay.take(entry, progress, whole)?;
                readable += 1;
                whole = at;
            }
        }
        replay.repair.unreadable_entries = whole / ENTRY_BYTES as u64 - readable;
        replay.repair.cut_bytes = cut(&mut log, whole).map_err(failed)?;
        Ok(replay)
    }

    /// The first entry for an item counts; a second one is no second ending.
    fn take(&mut self, entry: Entry, progress: &Progress, at: u64) -> Result<(), StoreError> {
        let outcome = E::from_code(entry.code).ok_or_else(|| StoreError::UnknownCode {
            path: progress.path().to_owned(),
            at,
            code: entry.code,
        })?;
        if self.ended.set(entry.index) == Bit::WasClear {
            *self.counts.entry(outcome).or_default() += 1;
        }
        Ok(())
    }

    /// How many items ended.
    pub(crate) fn total(&self) -> u64 {
        self.counts.values().sum()
    }
}

/// The next bytes that can be an entry; `None` at the end, also if it is torn.
fn next_entry(reader: &mut impl Read) -> io::Result<Option<[u8; ENTRY_BYTES]>> {
    let mut bytes = [0; ENTRY_BYTES];
    match reader.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

fn known(bytes: &[u8; ENTRY_BYTES], progress: &Progress) -> Option<Entry> {
    Entry::get(bytes, progress.salt()).filter(|entry| entry.index < progress.items())
}

/// Makes `length` the end of the log. Gives the bytes that were cut off.
fn cut(log: &mut Log, length: u64) -> io::Result<u64> {
    let before = log.file.metadata()?.len();
    if before > length {
        log.file.set_len(length)?;
    }
    log.length = length;
    Ok(before - length)
}

/// A bit for each item.
#[derive(Debug)]
pub(crate) struct Bits(Vec<u64>);

/// What a bit was before it was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bit {
    WasClear,
    WasSet,
}

impl Bits {
    fn new(bits: u32) -> Bits {
        Bits(vec![0; bits.div_ceil(u64::BITS) as usize])
    }

    fn set(&mut self, bit: u32) -> Bit {
        let (word, mask) = place(bit);
        let before = self.0[word] & mask;
        self.0[word] |= mask;
        if before == 0 { Bit::WasClear } else { Bit::WasSet }
    }

    pub(crate) fn get(&self, bit: u32) -> bool {
        let (word, mask) = place(bit);
        self.0[word] & mask != 0
    }
}

fn place(bit: u32) -> (usize, u64) {
    ((bit / u64::BITS) as usize, 1 << (bit % u64::BITS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_apart() {
        let mut bits = Bits::new(130);
        for bit in [0, 63, 64, 129] {
            assert_eq!(bits.set(bit), Bit::WasClear);
            assert_eq!(bits.set(bit), Bit::WasSet);
        }
        let set: Vec<_> = (0..130).filter(|bit| bits.get(*bit)).collect();
        assert_eq!(set, [0, 63, 64, 129]);
    }
}
