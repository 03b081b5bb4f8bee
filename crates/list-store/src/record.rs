//! Items as bytes.

use keep_protocol::list::{Names, PullRequest, TrashRequest};
use keep_protocol::status::ListName;
use keep_rules::BlockHash;

/// What stands beside the hash of an item: [`TrashRequest`] or [`PullRequest`].
pub trait Record: Copy {
    /// The list that such items are on.
    const LIST: ListName;

    /// A record as it is stored: an array of bytes.
    type Bytes: AsRef<[u8]> + for<'a> TryFrom<&'a [u8]>;

    /// The record as it is stored.
    fn stored(self) -> Self::Bytes;

    /// The record that was stored as `bytes` beside `names`. `None` if it refers to something that is not in `names`.
    fn restored(bytes: Self::Bytes, names: &Names) -> Option<Self>;
}

impl Record for TrashRequest {
    const LIST: ListName = ListName::Trash;
    type Bytes = [u8; 16];

    fn stored(self) -> [u8; 16] {
        self.to_bytes()
    }

    fn restored(bytes: [u8; 16], names: &Names) -> Option<Self> {
        TrashRequest::from_bytes(bytes, names)
    }
}

impl Record for PullRequest {
    const LIST: ListName = ListName::Pull;
    type Bytes = [u8; 12];

    fn stored(self) -> [u8; 12] {
        self.to_bytes()
    }

    fn restored(bytes: [u8; 12], names: &Names) -> Option<Self> {
        PullRequest::from_bytes(bytes, names)
    }
}

const HASH_BYTES: usize = 16;

/// Bytes of a stored item: its hash, then its record.
pub(crate) const fn item_bytes<R: Record>() -> usize {
    HASH_BYTES + size_of::<R::Bytes>()
}

pub(crate) fn put_item<R: Record>(bytes: &mut Vec<u8>, hash: BlockHash, record: R) {
    bytes.extend_from_slice(hash.as_bytes());
    bytes.extend_from_slice(record.stored().as_ref());
}

/// The item that is stored as these [`item_bytes`].
pub(crate) fn get_item<R: Record>(bytes: &[u8], names: &Names) -> Option<(BlockHash, R)> {
    let (hash, record) = bytes.split_first_chunk::<HASH_BYTES>()?;
    let record = R::restored(R::Bytes::try_from(record).ok()?, names)?;
    Some((BlockHash::from_bytes(*hash), record))
}
