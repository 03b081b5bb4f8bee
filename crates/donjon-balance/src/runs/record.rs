//! What is sorted, and by what.

use keep_rules::{BlockHash, Timestamp};

/// What a record sorts by, which is all of it: first by `head`, then by `rest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The first 16 bytes. Of records about blocks it is the hash, read as a big-endian number.
    pub head: u128,
    /// What else the record holds, the most significant first. Less than 2^120.
    pub rest: u128,
}

/// What becomes of records that are the same in every field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeats {
    /// All of them stay.
    Keep,
    /// One of them stays.
    Drop,
}

/// A record of fixed size.
///
/// `from_key(record.key())` is the record again, and `key().rest` fits into `REST_BYTES` bytes.
pub trait Record: Copy + Send {
    /// How many bytes of [`Key::rest`] are used: 1 to 15. On the disk a record takes 16 more.
    const REST_BYTES: usize;
    /// What becomes of records that are the same.
    const REPEATS: Repeats;

    /// The record as its key.
    fn key(self) -> Key;

    /// The record whose key this is.
    fn from_key(key: Key) -> Self;
}

/// A replica: the index of a device lists this block. 30 bytes on the disk.
///
/// Sorts by hash, size, device and mtime. Never dropped, not even if an index names it twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplicaRecord {
    /// The block.
    pub hash: BlockHash,
    /// The size in bytes that the index states.
    pub size: u32,
    /// The number of the device, as the caller counts them.
    pub device: u16,
    /// The replica's mtime.
    pub mtime: Timestamp,
}

/// A reference: some collection names this block. 24 bytes on the disk.
///
/// Sorts by hash, size and wish. One of many that are the same stays: what is wanted is a maximum, not a sum
/// (spec/keep-balance.md section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReferenceRecord {
    /// The block.
    pub hash: BlockHash,
    /// The size in bytes that the manifest states.
    pub size: u32,
    /// The number of the wish, as the caller counts them: what is wanted in which storage class.
    pub wish: u32,
}

/// A replica on the trash list that its server accepted last, so that it may go at any moment
/// (spec/keep-balance.md section 2.5, D7). 26 bytes on the disk.
///
/// Sorts by hash, mtime and mount. One of many that are the same stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DoomedRecord {
    /// The block.
    pub hash: BlockHash,
    /// The mtime on the list.
    pub mtime: Timestamp,
    /// The number of the mount, as the caller counts them.
    pub mount: u16,
}

/// A block of a collection whose confirmed columns are to be written (spec/keep-balance.md section 2.7). 28 bytes on the disk.
///
/// Sorts by hash, size, classes and collection, so that what is counted for one serves the next. One of many that are the
/// same stays: a collection may name a block often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemberRecord {
    /// The block.
    pub hash: BlockHash,
    /// The size in bytes that the manifest states.
    pub size: u32,
    /// The number of the wish whose classes count.
    pub classes: u32,
    /// The number of the collection on the roll.
    pub collection: u32,
}

fn head(hash: BlockHash) -> u128 {
    u128::from_be_bytes(*hash.as_bytes())
}

fn hash(head: u128) -> BlockHash {
    BlockHash::from_bytes(head.to_be_bytes())
}

/// Orders as the instants do.
const SIGN: u64 = 1 << 63;

fn unsigned(mtime: Timestamp) -> u128 {
    (mtime.as_nanos().cast_unsigned() ^ SIGN).into()
}

fn signed(bytes: [u8; 8]) -> Timestamp {
    Timestamp::from_nanos((u64::from_be_bytes(bytes) ^ SIGN).cast_signed())
}

impl Record for ReplicaRecord {
    const REST_BYTES: usize = 14;
    const REPEATS: Repeats = Repeats::Keep;

    fn key(self) -> Key {
        let rest =
            u128::from(self.size) << 80 | u128::from(self.device) << 64 | unsigned(self.mtime);
        Key { head: head(self.hash), rest }
    }

    fn from_key(key: Key) -> Self {
        let [_, _, s0, s1, s2, s3, d0, d1, mtime @ ..] = key.rest.to_be_bytes();
        ReplicaRecord {
            hash: hash(key.head),
            size: u32::from_be_bytes([s0, s1, s2, s3]),
            device: u16::from_be_bytes([d0, d1]),
            mtime: signed(mtime),
        }
    }
}

impl Record for ReferenceRecord {
    const REST_BYTES: usize = 8;
    const REPEATS: Repeats = Repeats::Drop;

    fn key(self) -> Key {
        Key { head: head(self.hash), rest: u128::from(self.size) << 32 | u128::from(self.wish) }
    }

    fn from_key(key: Key) -> Self {
        let [_, _, _, _, _, _, _, _, s0, s1, s2, s3, wish @ ..] = key.rest.to_be_bytes();
        ReferenceRecord {
            hash: hash(key.head),
            size: u32::from_be_bytes([s0, s1, s2, s3]),
            wish: u32::from_be_bytes(wish),
        }
    }
}

impl Record for DoomedRecord {
    const REST_BYTES: usize = 10;
    const REPEATS: Repeats = Repeats::Drop;

    fn key(self) -> Key {
        Key { head: head(self.hash), rest: unsigned(self.mtime) << 16 | u128::from(self.mount) }
    }

    fn from_key(key: Key) -> Self {
        let [_, _, _, _, _, _, mtime @ .., m0, m1] = key.rest.to_be_bytes();
        DoomedRecord {
            hash: hash(key.head),
            mtime: signed(mtime),
            mount: u16::from_be_bytes([m0, m1]),
        }
    }
}

impl Record for MemberRecord {
    const REST_BYTES: usize = 12;
    const REPEATS: Repeats = Repeats::Drop;

    fn key(self) -> Key {
        let rest = u128::from(self.size) << 64
            | u128::from(self.classes) << 32
            | u128::from(self.collection);
        Key { head: head(self.hash), rest }
    }

    fn from_key(key: Key) -> Self {
        let [_, _, _, _, s0, s1, s2, s3, w0, w1, w2, w3, collection @ ..] = key.rest.to_be_bytes();
        MemberRecord {
            hash: hash(key.head),
            size: u32::from_be_bytes([s0, s1, s2, s3]),
            classes: u32::from_be_bytes([w0, w1, w2, w3]),
            collection: u32::from_be_bytes(collection),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn replica() -> impl Strategy<Value = ReplicaRecord> {
        (any::<[u8; 16]>(), any::<u32>(), any::<u16>(), any::<i64>()).prop_map(
            |(hash, size, device, mtime)| ReplicaRecord {
                hash: BlockHash::from_bytes(hash),
                size,
                device,
                mtime: Timestamp::from_nanos(mtime),
            },
        )
    }

    fn reference() -> impl Strategy<Value = ReferenceRecord> {
        (any::<[u8; 16]>(), any::<u32>(), any::<u32>()).prop_map(|(hash, size, wish)| {
            ReferenceRecord { hash: BlockHash::from_bytes(hash), size, wish }
        })
    }

    fn doomed() -> impl Strategy<Value = DoomedRecord> {
        (any::<[u8; 16]>(), any::<i64>(), any::<u16>()).prop_map(|(hash, mtime, mount)| {
            DoomedRecord {
                hash: BlockHash::from_bytes(hash),
                mtime: Timestamp::from_nanos(mtime),
                mount,
            }
        })
    }

    fn member() -> impl Strategy<Value = MemberRecord> {
        (any::<[u8; 16]>(), any::<u32>(), any::<u32>(), any::<u32>()).prop_map(
            |(hash, size, classes, collection)| MemberRecord {
                hash: BlockHash::from_bytes(hash),
                size,
                classes,
                collection,
            },
        )
    }

    fn check<R: Record + Ord + std::fmt::Debug>(a: R, b: R) {
        assert_eq!(R::from_key(a.key()), a);
        assert_eq!(a.key().rest >> (8 * R::REST_BYTES), 0, "{a:?}");
        assert_eq!(a.cmp(&b), a.key().cmp(&b.key()), "{a:?} {b:?}");
    }

    proptest! {
        #[test]
        fn records_are_their_keys_and_order_as_they_do(
            replicas in (replica(), replica()),
            references in (reference(), reference()),
            dooms in (doomed(), doomed()),
            members in (member(), member()),
        ) {
            check(replicas.0, replicas.1);
            check(replicas.0, ReplicaRecord { hash: replicas.0.hash, ..replicas.1 });
            check(references.0, references.1);
            check(references.0, ReferenceRecord { hash: references.0.hash, ..references.1 });
            check(dooms.0, dooms.1);
            check(members.0, members.1);
            check(members.0, MemberRecord { hash: members.0.hash, ..members.1 });
            check(dooms.0, DoomedRecord { hash: dooms.0.hash, ..dooms.1 });
        }
    }
}
