//! Rendezvous order: everybody who knows the names knows where to look for a block first (spec sections 4.1, 10).

use std::cmp::Reverse;
use std::fmt;

use md5::{Digest, Md5};

use crate::block::BlockHash;
use crate::cluster::ClusterId;
use crate::mount::MountUuid;

/// What decides between equals: the MD5 of a block's hash and of a name. Orders as its hex text does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weight([u8; 16]);

impl Weight {
    fn of(hash: BlockHash, name: &[u8]) -> Self {
        Weight(Md5::new().chain_update(hash.to_hex()).chain_update(name).finalize().into())
    }

    /// The weight of a mount for a block: only the last 15 characters of a regular UUID count (spec section 4.1).
    pub fn of_mount(hash: BlockHash, mount: &MountUuid) -> Self {
        Weight::of(hash, regular_suffix(mount.as_str()))
    }

    /// The weight of a service for a block, as `client` sees it (spec section 10).
    pub fn of_service(hash: BlockHash, uuid: &str, client: Client) -> Self {
        let name = match client {
            Client::Go => regular_suffix(uuid),
            Client::Python => last_characters(uuid, UUID_SUFFIX),
        };
        Weight::of(hash, name)
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Length of a regular UUID, `ccccc-ttttt-xxxxxxxxxxxxxxx`, in bytes.
const UUID_LEN: usize = 27;

/// Length of the part of a regular UUID that names the object, in characters.
const UUID_SUFFIX: usize = 15;

/// The last 15 bytes of a UUID of 27, else all of it.
pub(crate) fn regular_suffix(uuid: &str) -> &[u8] {
    let bytes = uuid.as_bytes();
    if bytes.len() == UUID_LEN { &bytes[UUID_LEN - UUID_SUFFIX..] } else { bytes }
}

fn last_characters(text: &str, count: usize) -> &[u8] {
    let start = text.char_indices().rev().take(count).last().map_or(0, |(start, _)| start);
    &text.as_bytes()[start..]
}

/// How eagerly a mount is used: the largest `StorageClasses.<c>.Priority` among its classes, at least 0 (spec section 4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(i64);

impl Priority {
    /// The priority of a mount whose classes have these priorities.
    pub fn highest(classes: impl IntoIterator<Item = i64>) -> Self {
        Priority(classes.into_iter().fold(0, i64::max))
    }
}

/// Puts `mounts` in the order in which a node reads and writes `hash`: descending priority, then **ascending** weight.
///
/// Mounts that agree in both keep their order.
pub fn sort_mounts<M>(
    hash: BlockHash,
    mounts: &mut [M],
    rank: impl Fn(&M) -> (Priority, &MountUuid),
) {
    mounts.sort_by_cached_key(|mount| {
        let (priority, uuid) = rank(mount);
        (Reverse(priority), Weight::of_mount(hash, uuid))
    });
}

/// Whose order of services: they differ where UUIDs have not 27 characters (spec section 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// The Go client, and the pull worker.
    Go,
    /// The Python client.
    Python,
}

/// Puts `services` in the order in which `client` asks them for `hash`: **descending** weight.
///
/// Services that agree in it keep their order.
pub fn sort_services<S>(
    hash: BlockHash,
    services: &mut [S],
    client: Client,
    uuid: impl Fn(&S) -> &str,
) {
    services.sort_by_cached_key(|service| Reverse(Weight::of_service(hash, uuid(service), client)));
}

/// Who makes a service's UUID from the cluster's config: they disagree on its length (spec section 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UuidMaker {
    /// Go programs that read the config: 27 characters.
    GoConfig,
    /// The Rails API server's listing: 28 characters, unless `Rendezvous` has 15.
    RailsApi,
}

/// The UUID of the service at `internal_url` (with its trailing `/`), whose config says `rendezvous` (perhaps empty).
pub fn service_uuid(
    cluster: ClusterId,
    internal_url: &str,
    rendezvous: &str,
    maker: UuidMaker,
) -> String {
    let is_suffix = rendezvous.len() == UUID_SUFFIX
        && rendezvous.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_suffix {
        return format!("{cluster}-bi6l4-{rendezvous}");
    }
    let source = if rendezvous.is_empty() { internal_url } else { rendezvous };
    let digest = BlockHash::from_bytes(Md5::digest(source).into()).to_string();
    let digits = match maker {
        UuidMaker::GoConfig => UUID_SUFFIX,
        UuidMaker::RailsApi => UUID_SUFFIX + 1,
    };
    format!("{cluster}-bi6l4-{}", &digest[..digits])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_priority_counts_and_is_at_least_zero() {
        assert_eq!(Priority::highest([]), Priority::default());
        assert_eq!(Priority::highest([-5]), Priority::default());
        assert!(Priority::highest([-5, 3, 1]) > Priority::highest([2]));
    }

    #[test]
    fn odd_uuids_are_hashed_whole_by_go_and_cut_by_python() {
        for (uuid, go, python) in [
            ("zzzzz-bi6l4-0123456789abcde", "0123456789abcde", "0123456789abcde"),
            ("zzzzz-bi6l4-0123456789abcdef", "zzzzz-bi6l4-0123456789abcdef", "123456789abcdef"),
            ("short", "short", "short"),
            ("", "", ""),
            (
                "⛵⛵⛵⛵⛵⛵⛵⛵⛵⛵⛵⛵⛵⛵⛵⛵",
                "⛵⛵⛵⛵⛵⛵⛵⛵⛵⛵⛵⛵⛵⛵⛵⛵",
                "⛵⛵⛵⛵⛵⛵⛵⛵⛵⛵⛵⛵⛵⛵⛵",
            ),
        ] {
            assert_eq!(regular_suffix(uuid), go.as_bytes(), "{uuid}");
            assert_eq!(last_characters(uuid, UUID_SUFFIX), python.as_bytes(), "{uuid}");
        }
    }

    #[test]
    fn a_rendezvous_text_that_is_no_suffix_is_hashed() {
        let uuid =
            |text| service_uuid("zzzzz".parse().unwrap(), "http://a/", text, UuidMaker::GoConfig);
        assert_eq!(uuid("abcdefghijklmno"), "zzzzz-bi6l4-abcdefghijklmno");
        assert_ne!(uuid("abcdefghijklm-o"), "zzzzz-bi6l4-abcdefghijklm-o");
        assert_eq!(uuid("xyz"), "zzzzz-bi6l4-d16fb36f0911f87");
    }
}
