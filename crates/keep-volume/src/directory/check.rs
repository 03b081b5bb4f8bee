//! Trying a volume out.

use std::io;

use keep_rules::BlockHash;

use super::tree::Tree;
use crate::{Error, TryWrite};

/// What is written: a little more than a file system may keep in an inode.
const TRIAL_BYTES: usize = 4096;

impl Tree {
    /// Looks at the root, reads it, and writes, syncs and removes a temp file in it.
    pub(super) fn check(&self, write: TryWrite) -> Result<(), Error> {
        self.root.verify()?;
        self.hex_entries()?;
        if self.syncs.has_failed() {
            let source =
                io::Error::other("a sync failed before; check the disk, then restart the node");
            return Err(Error::Device { doing: "trust the disk", source });
        }
        match write {
            TryWrite::Yes => match self.try_write() {
                Err(Error::Full) => Ok(()),
                tried => tried,
            },
            TryWrite::No => Ok(()),
        }
    }

    fn try_write(&self) -> Result<(), Error> {
        let mut temp = self.create_temp_in(self.root.path(), BlockHash::EMPTY)?;
        self.append(&mut temp, &[0; TRIAL_BYTES])?;
        self.sync_file(temp.file())?;
        self.remove(temp.path()).map_err(|error| Error::device("remove a temp file", error))
    }
}
