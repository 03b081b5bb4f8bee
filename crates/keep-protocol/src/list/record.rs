//! The compact records that a list becomes.

use keep_rules::{BlockHash, Timestamp};

use super::fields::{Fields, Shape};
use super::locator;
use super::names::Gathered;
use crate::list::{BadLocatorText, MountName, Names, Problem, Servers, SizeHint};

/// What a list asks for: [`TrashRequest`] or [`PullRequest`]. No other type can be one.
pub trait Request: Record {}

/// How a request is made from the fields of an item. Out of reach from outside, which seals [`Request`].
pub trait Record: Copy + std::fmt::Debug {
    /// The keys of its items.
    const SHAPE: Shape;

    /// What is wrong with the whole list if this is its first item.
    fn refuse_first(fields: &Fields<'_>) -> Option<Problem>;

    /// The record, and the hash that it stands beside: all zeros if the locator is bad.
    fn record(fields: &Fields<'_>, names: &mut Gathered) -> Result<(BlockHash, Self), Problem>;
}

/// One item of a trash list, beside its hash: trash this replica, if its mtime is still this one (spec section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrashRequest {
    mtime: Timestamp,
    locator: PackedLocator,
    mount: PackedMount,
}

impl Request for TrashRequest {}

impl TrashRequest {
    /// A request to trash a replica. `None` for the mount means every mount.
    pub fn new(mtime: Timestamp, size: SizeHint, mount: Option<MountName>) -> Self {
        TrashRequest { mtime, locator: PackedLocator::of(Ok(size)), mount: PackedMount::of(mount) }
    }

    /// The mtime that the replica must have.
    pub fn mtime(&self) -> Timestamp {
        self.mtime
    }

    /// The size that the locator declares.
    ///
    /// # Errors
    /// The text of the locator if it could not be parsed. The hash beside this record is then all zeros, and the item is
    /// to be skipped.
    pub fn size(&self) -> Result<SizeHint, BadLocatorText> {
        self.locator.unpack()
    }

    /// The mount of the replica; `None` for every mount.
    pub fn mount(&self) -> Option<MountName> {
        self.mount.unpack()
    }

    /// The record as bytes, to be stored beside its hash and the names of its list.
    pub fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.mtime.as_nanos().to_le_bytes());
        bytes[8..12].copy_from_slice(&self.locator.0.to_le_bytes());
        bytes[12..].copy_from_slice(&self.mount.0.to_le_bytes());
        bytes
    }

    /// The record that [`TrashRequest::to_bytes`] wrote. `None` if it refers to something that is not in `names`.
    pub fn from_bytes(bytes: [u8; 16], names: &Names) -> Option<Self> {
        let [mtime @ .., l0, l1, l2, l3, m0, m1, m2, m3] = bytes;
        Some(TrashRequest {
            mtime: Timestamp::from_nanos(i64::from_le_bytes(mtime)),
            locator: PackedLocator(u32::from_le_bytes([l0, l1, l2, l3])),
            mount: PackedMount::known([m0, m1, m2, m3], names)?,
        })
    }
}

impl Record for TrashRequest {
    const SHAPE: Shape = Shape::Trash;

    fn refuse_first(_fields: &Fields<'_>) -> Option<Problem> {
        None
    }

    fn record(fields: &Fields<'_>, names: &mut Gathered) -> Result<(BlockHash, Self), Problem> {
        let (hash, locator) = locate(fields.locator, names);
        let mount = PackedMount::of(names.mount(fields.mount)?);
        Ok((hash, TrashRequest { mtime: Timestamp::from_nanos(fields.mtime), locator, mount }))
    }
}

/// One item of a pull list, beside its hash: fetch this block from one of these servers (spec section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullRequest {
    locator: PackedLocator,
    servers: Servers,
    mount: PackedMount,
}

impl Request for PullRequest {}

impl PullRequest {
    /// A request to pull a block. `None` for the mount leaves the choice to the node.
    pub fn new(size: SizeHint, servers: Servers, mount: Option<MountName>) -> Self {
        PullRequest { locator: PackedLocator::of(Ok(size)), servers, mount: PackedMount::of(mount) }
    }

    /// The size that the locator declares.
    ///
    /// # Errors
    /// The text of the locator if it could not be parsed. The hash beside this record is then all zeros, and the item is
    /// to be skipped.
    pub fn size(&self) -> Result<SizeHint, BadLocatorText> {
        self.locator.unpack()
    }

    /// The servers that have the block; [`Names::servers`] gives their texts.
    pub fn servers(&self) -> Servers {
        self.servers
    }

    /// The mount to store the block on; `None` for the first in the order of writing.
    pub fn mount(&self) -> Option<MountName> {
        self.mount.unpack()
    }

    /// The record as bytes, to be stored beside its hash and the names of its list.
    pub fn to_bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&self.locator.0.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.servers.0.to_le_bytes());
        bytes[8..].copy_from_slice(&self.mount.0.to_le_bytes());
        bytes
    }

    /// The record that [`PullRequest::to_bytes`] wrote. `None` if it refers to something that is not in `names`.
    pub fn from_bytes(bytes: [u8; 12], names: &Names) -> Option<Self> {
        let [l0, l1, l2, l3, s0, s1, s2, s3, mount @ ..] = bytes;
        let servers = Servers(u32::from_le_bytes([s0, s1, s2, s3]));
        Some(PullRequest {
            locator: PackedLocator(u32::from_le_bytes([l0, l1, l2, l3])),
            servers: names.has_servers(servers).then_some(servers)?,
            mount: PackedMount::known(mount, names)?,
        })
    }
}

impl Record for PullRequest {
    const SHAPE: Shape = Shape::Pull;

    fn refuse_first(fields: &Fields<'_>) -> Option<Problem> {
        BlockHash::from_hex(fields.locator).is_ok().then_some(Problem::BareHash)
    }

    fn record(fields: &Fields<'_>, names: &mut Gathered) -> Result<(BlockHash, Self), Problem> {
        let (hash, locator) = locate(fields.locator, names);
        let servers = names.servers(&fields.servers)?;
        let mount = PackedMount::of(names.mount(fields.mount)?);
        Ok((hash, PullRequest { locator, servers, mount }))
    }
}

fn locate(text: &[u8], names: &mut Gathered) -> (BlockHash, PackedLocator) {
    match locator::read(text) {
        Some((hash, size)) => (hash, PackedLocator::of(Ok(size))),
        None => (BlockHash::from_bytes([0; 16]), PackedLocator::of(Err(names.bad_locator(text)))),
    }
}

/// A size, or the number of a bad locator above [`BAD`].
#[derive(Clone, Copy, PartialEq, Eq)]
struct PackedLocator(u32);

const MISSING: u32 = BAD - 1;
const IMPOSSIBLE: u32 = BAD - 2;
const BAD: u32 = 1 << 31;

impl PackedLocator {
    fn of(locator: Result<SizeHint, BadLocatorText>) -> Self {
        PackedLocator(match locator {
            Ok(SizeHint::Bytes(bytes)) => bytes.min(IMPOSSIBLE),
            Ok(SizeHint::Missing) => MISSING,
            Ok(SizeHint::Impossible) => IMPOSSIBLE,
            Err(BadLocatorText(number)) => BAD | number,
        })
    }

    fn unpack(self) -> Result<SizeHint, BadLocatorText> {
        match self.0 {
            MISSING => Ok(SizeHint::Missing),
            IMPOSSIBLE => Ok(SizeHint::Impossible),
            bytes if bytes < BAD => Ok(SizeHint::Bytes(bytes)),
            bad => Err(BadLocatorText(bad & !BAD)),
        }
    }
}

impl std::fmt::Debug for PackedLocator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.unpack().fmt(f)
    }
}

/// 0 for every mount, else one more than the mount's number.
#[derive(Clone, Copy, PartialEq, Eq)]
struct PackedMount(u32);

impl PackedMount {
    fn of(mount: Option<MountName>) -> Self {
        PackedMount(mount.map_or(0, |name| name.0 + 1))
    }

    fn unpack(self) -> Option<MountName> {
        self.0.checked_sub(1).map(MountName)
    }

    fn known(bytes: [u8; 4], names: &Names) -> Option<Self> {
        let mount = PackedMount(u32::from_le_bytes(bytes));
        mount.unpack().is_none_or(|name| names.has_mount(name)).then_some(mount)
    }
}

impl std::fmt::Debug for PackedMount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.unpack().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::list::Limits;
    use crate::list::fields::ServerTexts;

    #[test]
    fn records_are_small() {
        assert_eq!(size_of::<(BlockHash, TrashRequest)>(), 32);
        assert_eq!(size_of::<(BlockHash, PullRequest)>(), 28);
    }

    #[test]
    fn what_is_packed_comes_back() {
        let sizes = [
            SizeHint::Bytes(0),
            SizeHint::Bytes(64 << 20),
            SizeHint::Missing,
            SizeHint::Impossible,
        ]
        .map(Ok);
        for locator in
            sizes.into_iter().chain([0, u32::MAX >> 1].map(|number| Err(BadLocatorText(number))))
        {
            assert_eq!(PackedLocator::of(locator).unpack(), locator);
        }
    }

    #[test]
    fn records_survive_storage_beside_their_names() {
        let mut names = Gathered::new(Limits::default());
        let mount = names.mount(b"m").unwrap();
        let servers = names.servers(&ServerTexts::Plain(br#"["s"]"#)).unwrap();
        let names = names.finish();
        let trash = TrashRequest::new(Timestamp::from_nanos(-7), SizeHint::Bytes(3), mount);
        assert_eq!(TrashRequest::from_bytes(trash.to_bytes(), &names), Some(trash));
        let pull = PullRequest::new(SizeHint::Missing, servers, mount);
        assert_eq!(PullRequest::from_bytes(pull.to_bytes(), &names), Some(pull));
        assert_eq!(TrashRequest::from_bytes(trash.to_bytes(), &Names::default()), None);
        assert_eq!(PullRequest::from_bytes(pull.to_bytes(), &Names::default()), None);
    }
}
