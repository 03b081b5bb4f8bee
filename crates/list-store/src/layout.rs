//! The file of a list: a header, blocks of items, and a tail with the receipt.
//!
//! ```text
//! header   magic, version, list, bytes of an item, generation, items, tail bytes, tail checksum, checksum
//! blocks   BLOCK_ITEMS items each, the last one perhaps fewer; a checksum behind each
//! tail     digest, received at, epoch, source, names (JSON: their serde form keeps the numbers that items refer to)
//! ```
//!
//! The header is written last, over the zeros that held its place. Numbers are little-endian.

use std::path::Path;
use std::sync::Arc;

use keep_protocol::list::Names;
use keep_protocol::status::ListName;
use keep_rules::Timestamp;

use crate::bytes::{Fields, put_optional_u64, put_text};
use crate::checksum::{CHECKSUM_BYTES, checksum, seal, unseal};
use crate::error::StoreError;
use crate::receipt::{Digest, Receipt, Source};

const MAGIC: [u8; 8] = *b"DNJ-LIST";
const VERSION: u16 = 1;

/// Bytes of a header.
pub(crate) const HEADER_BYTES: usize = 44;

/// Items of a block: a mebibyte of trash items. A block is what is read, written and checked at a time.
pub(crate) const BLOCK_ITEMS: usize = 32_768;

/// Which list, in a file.
pub(crate) fn list_code(list: ListName) -> u8 {
    match list {
        ListName::Trash => 1,
        ListName::Pull => 2,
    }
}

/// The beginning of a list's file: all that is needed to find the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) list: ListName,
    pub(crate) item_bytes: usize,
    pub(crate) generation: u64,
    /// A list has no more items than 32 bits can number.
    pub(crate) items: u32,
    pub(crate) tail_bytes: u64,
    pub(crate) tail_checksum: u32,
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.push(list_code(self.list));
        bytes.push(u8::try_from(self.item_bytes).expect("items are small"));
        bytes.extend_from_slice(&self.generation.to_le_bytes());
        bytes.extend_from_slice(&u64::from(self.items).to_le_bytes());
        bytes.extend_from_slice(&self.tail_bytes.to_le_bytes());
        bytes.extend_from_slice(&self.tail_checksum.to_le_bytes());
        seal(&mut bytes);
        bytes.try_into().expect("the fields add up to a header")
    }

    /// Reads the header of `expected`'s list and generation, whose other fields are not looked at.
    pub(crate) fn decode(
        bytes: &[u8; HEADER_BYTES],
        path: &Path,
        expected: (ListName, usize, u64),
    ) -> Result<Header, StoreError> {
        let damaged = |what| StoreError::damaged(path, 0..HEADER_BYTES as u64, what);
        let mut fields = Fields(bytes);
        if fields.array() != Some(MAGIC) {
            return Err(damaged("it does not begin as a list does"));
        }
        match fields.u16() {
            Some(found) if found > VERSION => {
                return Err(StoreError::Version { path: path.to_owned(), found, known: VERSION });
            }
            _ => {}
        }
        let contents = unseal(bytes).ok_or_else(|| damaged("the header's checksum is wrong"))?;
        let (list, item_bytes, generation) = expected;
        Header::read(contents, list)
            .filter(|header| (header.item_bytes, header.generation) == (item_bytes, generation))
            .ok_or_else(|| damaged("it is the file of another list"))
    }

    fn read(contents: &[u8], list: ListName) -> Option<Header> {
        let mut fields = Fields(contents);
        let known = fields.array()? == MAGIC && fields.u16()? == VERSION;
        let ours = fields.u8()? == list_code(list);
        let header = Header {
            list,
            item_bytes: usize::from(fields.u8()?),
            generation: fields.u64()?,
            items: fields.u64()?.try_into().ok()?,
            tail_bytes: fields.u64()?,
            tail_checksum: fields.u32()?,
        };
        (known && ours).then_some(header)
    }

    /// The checksum that belongs to this list and no other; progress is bound to it.
    pub(crate) fn identity(&self) -> u32 {
        checksum(0, &[&self.encode()[..HEADER_BYTES - CHECKSUM_BYTES]])
    }

    /// Where the tail begins.
    pub(crate) fn tail_at(&self) -> u64 {
        let items = u64::from(self.items);
        let blocks = items.div_ceil(BLOCK_ITEMS as u64);
        HEADER_BYTES as u64 + items * self.item_bytes as u64 + blocks * CHECKSUM_BYTES as u64
    }

    /// Bytes of the whole file. `None` if no file is as long.
    pub(crate) fn file_bytes(&self) -> Option<u64> {
        self.tail_at().checked_add(self.tail_bytes)
    }
}

/// The checksum of a block. Its number is in it, so that blocks cannot change places.
pub(crate) fn block_checksum(number: u64, items: &[u8]) -> u32 {
    checksum(0, &[&number.to_le_bytes(), items])
}

pub(crate) fn encode_tail(receipt: &Receipt) -> Vec<u8> {
    let mut bytes = receipt.digest.0.to_vec();
    bytes.extend_from_slice(&receipt.received_at.as_nanos().to_le_bytes());
    put_optional_u64(&mut bytes, receipt.epoch);
    put_text(&mut bytes, &receipt.source.remote_addr);
    put_text(&mut bytes, &receipt.source.request_id);
    put_text(&mut bytes, &receipt.source.user_agent);
    serde_json::to_writer(&mut bytes, &*receipt.names).expect("texts are always JSON");
    bytes
}

/// The receipt in a tail whose checksum was right.
pub(crate) fn decode_tail(bytes: &[u8], header: &Header) -> Option<Receipt> {
    let mut fields = Fields(bytes);
    let digest = Digest(fields.array()?);
    let received_at = Timestamp::from_nanos(fields.i64()?);
    let epoch = fields.optional_u64()?;
    let source = Source {
        remote_addr: fields.text()?,
        request_id: fields.text()?,
        user_agent: fields.text()?,
    };
    let names: Arc<Names> = serde_json::from_slice(fields.rest()).ok().map(Arc::new)?;
    let (generation, count) = (header.generation, u64::from(header.items));
    Some(Receipt { generation, digest, count, received_at, source, epoch, names })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receipt::Text;

    const HEADER: Header = Header {
        list: ListName::Trash,
        item_bytes: 32,
        generation: 7,
        items: 32_769,
        tail_bytes: 100,
        tail_checksum: 3,
    };

    #[test]
    fn headers_come_back() {
        let bytes = HEADER.encode();
        let decode = |expected| Header::decode(&bytes, Path::new("f"), expected);
        assert_eq!(decode((ListName::Trash, 32, 7)).unwrap(), HEADER);
        for other in [(ListName::Pull, 32, 7), (ListName::Trash, 28, 7), (ListName::Trash, 32, 8)] {
            assert!(matches!(decode(other), Err(StoreError::Damaged { .. })), "{other:?}");
        }
    }

    #[test]
    fn a_newer_version_is_said_to_be_one() {
        let mut bytes = HEADER.encode();
        bytes[8] = 2;
        let error = Header::decode(&bytes, Path::new("f"), (ListName::Trash, 32, 7)).unwrap_err();
        assert!(matches!(error, StoreError::Version { found: 2, known: 1, .. }), "{error}");
    }

    #[test]
    fn each_block_has_a_checksum() {
        assert_eq!(HEADER.tail_at(), 44 + 32_769 * 32 + 2 * 4);
        assert_eq!(Header { items: 0, ..HEADER }.tail_at(), 44);
    }

    #[test]
    fn receipts_come_back() {
        let source = Source {
            remote_addr: Text::from("[::1]:9"),
            request_id: Text::from("req-1"),
            user_agent: Text::default(),
        };
        let receipt = Receipt {
            generation: 7,
            digest: Digest([9; 32]),
            count: 32_769,
            received_at: Timestamp::from_nanos(-5),
            source,
            epoch: Some(0),
            names: Arc::default(),
        };
        assert_eq!(decode_tail(&encode_tail(&receipt), &HEADER), Some(receipt));
        assert_eq!(decode_tail(&[1; 60], &HEADER), None);
    }
}
