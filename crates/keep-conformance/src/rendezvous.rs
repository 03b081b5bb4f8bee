//! Which mount comes first for a block (spec section 4.1), for mounts of equal priority.

use keep_rules::BlockHash;
use md5::{Digest, Md5};

/// The positions in `uuids`, best mount first: ascending MD5 of the hash and the UUID's last 15 characters.
pub(crate) fn order(hash: BlockHash, uuids: &[&str]) -> Vec<usize> {
    let weight = |position: &usize| -> [u8; 16] {
        let uuid = uuids[*position];
        let suffix = if uuid.len() == 27 { uuid.get(12..).unwrap_or(uuid) } else { uuid };
        Md5::digest(format!("{hash}{suffix}")).into()
    };
    let mut positions: Vec<usize> = (0..uuids.len()).collect();
    positions.sort_by_cached_key(weight);
    positions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::Block;

    #[test]
    fn orders_of_the_specification() {
        let uuids = [
            "zzzzz-nyw5e-222222222222222",
            "zzzzz-nyw5e-121212121212121",
            "zzzzz-nyw5e-111111111111111",
        ];
        assert_eq!(order(Block::new(*b"qux").hash, &uuids), [2, 1, 0]);
        let uuids = ["zzzzz-nyw5e-111111111111111", "zzzzz-nyw5e-000000000000000"];
        assert_eq!(order(Block::new(*b"bar").hash, &uuids), [1, 0]);
    }
}
