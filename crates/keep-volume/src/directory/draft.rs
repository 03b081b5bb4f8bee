//! A block on its way to its place: contents, times, sync, name, directory, in that order.

use std::collections::VecDeque;
use std::io;

use bytes::Bytes;
use keep_rules::{BlockHash, Timestamp};

use super::lock::{ATTEMPTS_MAX, too_often};
use super::temp::Temp;
use super::tree::Tree;
use crate::{Error, Operation};

/// What was written so far: first the temp file, then what is still in memory.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) hash: BlockHash,
    /// `None` until something has to leave memory.
    pub(super) temp: Option<Temp>,
    pub(super) chunks: VecDeque<Bytes>,
    /// A commit failed after its first sync. The kernel may have dropped data, so a second commit must not trust it.
    spoiled: bool,
}

impl Draft {
    pub(super) fn new(hash: BlockHash) -> Self {
        Draft { hash, temp: None, chunks: VecDeque::new(), spoiled: false }
    }
}

impl Tree {
    /// Writes what is in memory to the temp file. What could not be written stays in memory.
    pub(super) fn spill(&self, draft: &mut Draft) -> Result<(), Error> {
        self.spilled(draft).map(drop)
    }

    fn spilled<'a>(&self, draft: &'a mut Draft) -> Result<&'a mut Temp, Error> {
        let temp = match &mut draft.temp {
            Some(temp) => temp,
            empty @ None => empty.insert(self.create_temp(draft.hash)?),
        };
        while let Some(chunk) = draft.chunks.front() {
            self.append(temp, chunk)?;
            draft.chunks.pop_front();
        }
        Ok(temp)
    }

    /// Stores the draft under its name, durably. The sequence that every acknowledged write has behind it.
    pub(super) fn commit(&self, draft: &mut Draft, mtime: Timestamp) -> Result<(), Error> {
        if draft.spoiled {
            let source =
                io::Error::other("an earlier attempt failed, and what it wrote cannot be trusted");
            return Err(Error::Device { doing: "store a block", source });
        }
        let hash = draft.hash;
        self.spilled(draft)?;
        let Some(temp) = &mut draft.temp else { return Ok(()) };
        self.set_mtime(temp.file(), mtime)?;
        draft.spoiled = true;
        self.sync_file(temp.file())?;
        self.give_name(temp, hash)?;
        self.settle_names(hash)
    }

    /// Moves a temp file to its final name. A copy that is there is replaced under its lock, so that a touch or a trash
    /// of it has either happened before or finds the new copy.
    fn give_name(&self, temp: &mut Temp, hash: BlockHash) -> Result<(), Error> {
        let place = self.block(hash);
        let _exclusive = self.stripes.lock(hash);
        for _attempt in 0..ATTEMPTS_MAX {
            let renamed = match self.lock_file(&place)? {
                Some(_old) => self.call(Operation::Rename, || std::fs::rename(temp.path(), &place)),
                None => self.rename_to_free_name(temp.path(), &place),
            };
            match renamed {
                Ok(()) => {
                    temp.has_final_name();
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.root.verify()?;
                    return Err(Error::device("give a block its name", error));
                }
                Err(error) => return Err(Error::device("give a block its name", error)),
            }
        }
        Err(too_often("give a block its name"))
    }
}
