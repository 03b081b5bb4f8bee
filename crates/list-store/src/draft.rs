//! A list on its way in.

use std::marker::PhantomData;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use keep_protocol::list::Sink;
use keep_rules::BlockHash;

use crate::checksum::{CHECKSUM_BYTES, checksum};
use crate::code::Code;
use crate::disk::{NewFile, Unreplaced, sync_directory};
use crate::error::StoreError;
use crate::layout::{BLOCK_ITEMS, HEADER_BYTES, Header, block_checksum, encode_tail};
use crate::progress::{Progress, Salt};
use crate::receipt::Receipt;
use crate::record::{Record, item_bytes, put_item};
use crate::standing::Standing;
use crate::state::{Current, State};
use crate::store::{Now, Shared};
use crate::stored::StoredList;

/// A list that arrives, in a file of its own: takes items in constant memory, one block of a mebibyte.
///
/// Nothing of it counts until [`Draft::commit`]. Dropping it leaves nothing behind.
///
/// As a [`Sink`] it keeps the first error for [`Draft::commit`], and takes nothing after it; [`Draft::failure`] shows it,
/// so that the rest of a long list need not be read.
#[derive(Debug)]
pub struct Draft<R, E> {
    shared: Arc<Shared>,
    file: NewFile,
    /// The items that are not written yet; never more than a block.
    block: Vec<u8>,
    /// Blocks that are written.
    blocks: u64,
    /// Where the next block goes.
    at: u64,
    /// Items taken.
    items: u32,
    failure: Option<StoreError>,
    of: PhantomData<fn(R) -> E>,
}

impl<R: Record, E: Code> Draft<R, E> {
    pub(crate) fn create(shared: Arc<Shared>, number: u64) -> Result<Self, StoreError> {
        let file = NewFile::create(shared.place.draft(number))?;
        Ok(Draft {
            shared,
            file,
            block: Vec::with_capacity(BLOCK_ITEMS * item_bytes::<R>() + CHECKSUM_BYTES),
            blocks: 0,
            at: HEADER_BYTES as u64,
            items: 0,
            failure: None,
            of: PhantomData,
        })
    }

    /// Takes the next item.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::Io`], [`StoreError::TooManyItems`]. The item was not taken then; it can be
    /// tried again.
    pub fn push(&mut self, hash: BlockHash, record: R) -> Result<(), StoreError> {
        let items = self.items.checked_add(1);
        let items = items.ok_or(StoreError::TooManyItems { max: u32::MAX.into() })?;
        if self.block.len() == BLOCK_ITEMS * item_bytes::<R>() {
            self.write_block()?;
        }
        put_item(&mut self.block, hash, record);
        self.items = items;
        Ok(())
    }

    /// How many items were taken.
    pub fn count(&self) -> u64 {
        self.items.into()
    }

    /// Why items given to it as a [`Sink`] are not taken any more.
    pub fn failure(&self) -> Option<&StoreError> {
        self.failure.as_ref()
    }

    /// Makes this the stored list, and the one before it none. When this returns, it is there after a power loss too.
    ///
    /// `standing` is stored in the same step: a list that is to be held is never stored otherwise.
    ///
    /// # Errors
    /// The error that [`Draft::failure`] shows; [`StoreError::Full`] and [`StoreError::Io`];
    /// [`StoreError::StaleGeneration`] and [`StoreError::StaleEpoch`] if a newer list was stored;
    /// [`StoreError::Miscounted`] if the receipt counts other items than were pushed. The list that was stored before
    /// stays, and this one is removed.
    pub fn commit(
        mut self,
        receipt: Receipt,
        standing: Standing,
    ) -> Result<StoredList<E>, StoreError> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let header = self.finish(&receipt)?;
        let shared = self.shared.clone();
        let mut now = shared.now();
        check_newer(now.state(), &receipt)?;
        let progress = self.make_current(&mut now, &header, &receipt, standing)?;
        shared.sweep(&now);
        drop(now);
        Ok(StoredList::new(shared, Arc::new(receipt), progress))
    }

    /// Writes what is missing of the file, and syncs it.
    fn finish(&mut self, receipt: &Receipt) -> Result<Header, StoreError> {
        if receipt.count != self.count() {
            return Err(StoreError::Miscounted { pushed: self.count(), receipt: receipt.count });
        }
        if !self.block.is_empty() {
            self.write_block()?;
        }
        let tail = encode_tail(receipt);
        let header = Header {
            list: R::LIST,
            item_bytes: item_bytes::<R>(),
            generation: receipt.generation,
            items: self.items,
            tail_bytes: tail.len() as u64,
            tail_checksum: checksum(0, &[&tail]),
        };
        self.write(&tail, self.at)?;
        self.write(&header.encode(), 0)?;
        self.file.sync()?;
        Ok(header)
    }

    /// Gives the list its name and its progress, and then replaces the state, which is the step that counts.
    fn make_current(
        self,
        now: &mut Now,
        header: &Header,
        receipt: &Receipt,
        standing: Standing,
    ) -> Result<Arc<Progress>, StoreError> {
        let Draft { shared, mut file, .. } = self;
        let (place, generation) = (&shared.place, receipt.generation);
        let progress = NewFile::create(place.progress(generation))?;
        file.rename(place.list(generation))?;
        // Before the state names the list: no power loss may leave the state without it.
        sync_directory(place.directory())?;
        let current = Current { generation, standing, removed: [].into() };
        let epoch = now.state().epoch.max(receipt.epoch);
        match shared.set(now, State { generation, epoch, current: Some(current) }) {
            Ok(()) => {}
            Err(Unreplaced::OldStays(error)) => return Err(error),
            Err(Unreplaced::Unsure(error)) => {
                // The state on the disk may name this list, so its files must be there.
                file.keep();
                progress.keep();
                return Err(error);
            }
        }
        file.keep();
        let (file, path) = progress.keep();
        let progress = Progress::new(file, path, Salt::of(header.identity()), header.items);
        let progress = Arc::new(progress);
        now.progress = Some(progress.clone());
        Ok(progress)
    }

    fn write_block(&mut self) -> Result<(), StoreError> {
        let items = self.block.len();
        let sum = block_checksum(self.blocks, &self.block);
        self.block.extend_from_slice(&sum.to_le_bytes());
        let written = self.write(&self.block, self.at);
        self.block.truncate(items);
        written?;
        self.at += (items + CHECKSUM_BYTES) as u64;
        self.blocks += 1;
        self.block.clear();
        Ok(())
    }

    fn write(&self, bytes: &[u8], at: u64) -> Result<(), StoreError> {
        let written = self.file.file().write_all_at(bytes, at);
        written.map_err(|error| StoreError::failed("write", self.file.path(), error))
    }
}

impl<R: Record, E: Code> Sink<R> for Draft<R, E> {
    fn accept(&mut self, hash: BlockHash, request: R) {
        if self.failure.is_none() {
            self.failure = self.push(hash, request).err();
        }
    }
}

fn check_newer(state: &State, receipt: &Receipt) -> Result<(), StoreError> {
    if receipt.generation <= state.generation {
        return Err(StoreError::StaleGeneration {
            given: receipt.generation,
            last: state.generation,
        });
    }
    match (receipt.epoch, state.epoch) {
        (Some(given), Some(last)) if given < last => Err(StoreError::StaleEpoch { given, last }),
        _ => Ok(()),
    }
}
