//! Entries for the items that ended, appended to a file.
//!
//! Not synced: an entry that a power loss takes means that its item runs again, which does no harm. What was written
//! survives the end of the process, however it ends.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::bytes::Fields;
use crate::checksum::{CHECKSUM_BYTES, checksum};
use crate::code::OutcomeCode;
use crate::error::StoreError;

/// Bytes of an entry: index, outcome, reason, checksum.
pub(crate) const ENTRY_BYTES: usize = 10;

/// Mixed into the checksum of every entry. Another layout gets another number.
const VERSION: u32 = 1;

/// An item ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) index: u32,
    pub(crate) code: OutcomeCode,
}

/// Tells the entries of one list from those of all others, and from zeros.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Salt(u32);

impl Salt {
    /// The salt of the list whose header has this identity.
    pub(crate) fn of(identity: u32) -> Salt {
        Salt(checksum(identity, &[&VERSION.to_le_bytes()]))
    }
}

impl Entry {
    fn put(self, bytes: &mut Vec<u8>, salt: Salt) {
        let start = bytes.len();
        bytes.extend_from_slice(&self.index.to_le_bytes());
        bytes.extend_from_slice(&[self.code.outcome, self.code.reason]);
        let sum = checksum(salt.0, &[&bytes[start..]]);
        bytes.extend_from_slice(&sum.to_le_bytes());
    }

    /// `None` if these bytes were not written as an entry of this list. Zeros never are: a power loss leaves them.
    pub(crate) fn get(bytes: &[u8; ENTRY_BYTES], salt: Salt) -> Option<Entry> {
        let (contents, sum) = bytes.split_last_chunk::<CHECKSUM_BYTES>()?;
        let written = checksum(salt.0, &[contents]) == u32::from_le_bytes(*sum);
        let mut fields = Fields(contents);
        let index = fields.u32()?;
        let code = OutcomeCode { outcome: fields.u8()?, reason: fields.u8()? };
        (written && *bytes != [0; ENTRY_BYTES]).then_some(Entry { index, code })
    }
}

/// The progress of one list.
#[derive(Debug)]
pub(crate) struct Progress {
    path: PathBuf,
    salt: Salt,
    /// Items of the list.
    items: u32,
    log: Mutex<Log>,
}

/// The file, and where the next entry goes.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) file: File,
    /// Bytes of whole entries. What is behind them, after a write that failed, is written over.
    pub(crate) length: u64,
}

impl Progress {
    /// Progress in an empty file, or in one that is to be read before anything is appended.
    pub(crate) fn new(file: File, path: PathBuf, salt: Salt, items: u32) -> Progress {
        Progress { path, salt, items, log: Mutex::new(Log { file, length: 0 }) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn salt(&self) -> Salt {
        self.salt
    }

    pub(crate) fn items(&self) -> u32 {
        self.items
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends entries with one write. If it fails none of them counts, and the next call writes over them.
    pub(crate) fn append(
        &self,
        entries: impl ExactSizeIterator<Item = Entry>,
    ) -> Result<(), StoreError> {
        let mut bytes = Vec::with_capacity(entries.len() * ENTRY_BYTES);
        for entry in entries {
            assert!(entry.index < self.items, "item {} is not on the list", entry.index);
            entry.put(&mut bytes, self.salt);
        }
        let mut log = self.log();
        log.file
            .write_all_at(&bytes, log.length)
            .map_err(|error| StoreError::failed("write", &self.path, error))?;
        log.length += bytes.len() as u64;
        Ok(())
    }

    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        let synced = self.log().file.sync_data();
        synced.map_err(|error| StoreError::failed("sync", &self.path, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: Entry = Entry { index: 70_000, code: OutcomeCode { outcome: 2, reason: 255 } };

    fn bytes(salt: Salt) -> [u8; ENTRY_BYTES] {
        let mut bytes = Vec::new();
        ENTRY.put(&mut bytes, salt);
        bytes.try_into().unwrap()
    }

    #[test]
    fn an_entry_comes_back_for_its_own_list_only() {
        let [salt, other] = [1, 2].map(Salt::of);
        assert_eq!(Entry::get(&bytes(salt), salt), Some(ENTRY));
        assert_eq!(Entry::get(&bytes(salt), other), None);
    }

    #[test]
    fn zeros_are_no_entry_whatever_the_salt() {
        // The salt under which the checksum of zeros is zero: CRC-32 can be computed backwards.
        let zero_sum = (0..6 * 8).fold(u32::MAX, |sum, _bit| {
            if sum & 1 << 31 == 0 { sum << 1 } else { (sum ^ 0xedb8_8320) << 1 | 1 }
        });
        let salt = Salt(!zero_sum);
        assert_eq!(checksum(salt.0, &[&[0; 6]]), 0);
        assert_eq!(Entry::get(&[0; ENTRY_BYTES], salt), None);
    }
}
