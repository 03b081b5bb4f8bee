//! A list's file, read and checked.

use std::fs::File;
use std::io::ErrorKind;
use std::marker::PhantomData;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use crate::checksum::{CHECKSUM_BYTES, checksum};
use crate::error::StoreError;
use crate::layout::{BLOCK_ITEMS, HEADER_BYTES, Header, block_checksum, decode_tail};
use crate::load::Item;
use crate::place::Place;
use crate::receipt::Receipt;
use crate::record::{Record, get_item, item_bytes};

/// A list's file: its header and its tail are read and right, and it is as long as they say.
#[derive(Debug)]
pub(crate) struct Contents<R> {
    path: PathBuf,
    file: File,
    pub(crate) header: Header,
    pub(crate) receipt: Receipt,
    of: PhantomData<fn() -> R>,
}

impl<R: Record> Contents<R> {
    pub(crate) fn open(place: &Place, generation: u64) -> Result<Self, StoreError> {
        let path = place.list(generation);
        let failed = |error| StoreError::failed("read", &path, error);
        let damaged = |bytes: Range<u64>, what| StoreError::damaged(&path, bytes, what);
        let file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(damaged(0..0, "it is gone"));
            }
            other => other.map_err(failed)?,
        };
        let length = file.metadata().map_err(failed)?.len();
        let mut header = [0; HEADER_BYTES];
        if length < header.len() as u64 {
            return Err(damaged(0..length, "it ends within its header"));
        }
        file.read_exact_at(&mut header, 0).map_err(failed)?;
        let header = Header::decode(&header, &path, (R::LIST, item_bytes::<R>(), generation))?;
        if header.file_bytes() != Some(length) {
            return Err(damaged(0..length, "it is not as long as its header says"));
        }
        let tail_at = header.tail_at();
        let mut tail = vec![0; usize::try_from(header.tail_bytes).expect("as long as a file")];
        file.read_exact_at(&mut tail, tail_at).map_err(failed)?;
        if checksum(0, &[&tail]) != header.tail_checksum {
            return Err(damaged(tail_at..length, "the receipt's checksum is wrong"));
        }
        let receipt = decode_tail(&tail, &header)
            .ok_or_else(|| damaged(tail_at..length, "it holds no receipt"))?;
        Ok(Contents { path, file, header, receipt, of: PhantomData })
    }

    /// Visits the items in order, a block at a time. After an error nothing that was visited is to be believed.
    pub(crate) fn each(&self, mut visit: impl FnMut(Item<R>)) -> Result<(), StoreError> {
        let mut buffer = vec![0; BLOCK_ITEMS * item_bytes::<R>() + CHECKSUM_BYTES];
        let mut at = HEADER_BYTES as u64;
        let mut index = 0..self.header.items;
        let mut number = 0;
        while !index.is_empty() {
            let items = BLOCK_ITEMS.min(index.len());
            let block = &mut buffer[..items * item_bytes::<R>() + CHECKSUM_BYTES];
            let bytes = at..at + block.len() as u64;
            self.file
                .read_exact_at(block, at)
                .map_err(|error| StoreError::failed("read", &self.path, error))?;
            self.visit_block(block, number, index.by_ref(), &mut visit)
                .map_err(|what| StoreError::damaged(&self.path, bytes.clone(), what))?;
            at = bytes.end;
            number += 1;
        }
        Ok(())
    }

    /// What is wrong with the block, if anything is.
    fn visit_block(
        &self,
        block: &[u8],
        number: u64,
        indexes: &mut Range<u32>,
        visit: &mut impl FnMut(Item<R>),
    ) -> Result<(), &'static str> {
        let (items, sum) = block.split_last_chunk::<CHECKSUM_BYTES>().ok_or("it is too short")?;
        if block_checksum(number, items) != u32::from_le_bytes(*sum) {
            return Err("the checksum of a block of items is wrong");
        }
        for (bytes, index) in items.chunks_exact(item_bytes::<R>()).zip(indexes) {
            let item = get_item(bytes, &self.receipt.names);
            let (hash, record) = item.ok_or("an item refers to names that the list lacks")?;
            visit(Item { index, hash, record });
        }
        Ok(())
    }
}
