//! The order of servers, and of the mounts of one server, for a block (spec section 3.1).
//!
//! Both go by the MD5 of the block's hash and of a name. The names do not change in a run, so they are laid out once, in words
//! and in lanes, and each block costs one compression for several servers at a time.

use std::array;

use crate::block::BlockHash;
use crate::mount::MountUuid;
use crate::rendezvous::regular_suffix;

use super::md5_lanes::{LANES, Lanes, START, Words, compress, digests};

/// What a server is ranked by: the last 15 characters of a UUID of 27, else all of it. Descending weight.
pub(super) fn server_name(uuid: &str) -> &[u8] {
    regular_suffix(uuid)
}

/// What a mount is ordered by: all of its UUID. Ascending weight.
pub(super) fn mount_name(uuid: &MountUuid) -> &[u8] {
    uuid.as_str().as_bytes()
}

/// An MD5 as a number: compares as its hex text does.
pub(super) type Weight = u128;

/// Length of a hash in hex, in bytes and in words. Every message begins with it.
const HASH_LEN: usize = 32;
const HASH_WORDS: usize = HASH_LEN / 4;
/// Length of what MD5 takes in at a time, in bytes.
const BLOCK_LEN: usize = 64;
/// What follows a message: a mark, and its length in bits.
const ENDING_LEN: usize = 9;

/// Names, ready to be weighed for one block after another.
#[derive(Clone, Debug)]
pub(super) struct WeightTable {
    groups: Vec<Group>,
    /// One more than the largest place of a name.
    len: usize,
}

/// Names whose messages are equally long, in blocks of MD5: one for each lane.
#[derive(Clone, Debug)]
struct Group {
    /// The words after the hash.
    first: [Lanes; 16 - HASH_WORDS],
    /// The blocks after the first, if the names are long.
    further: Vec<Words>,
    /// Where the weight of each lane belongs. Fewer than lanes in the last group of a length.
    places: Vec<usize>,
}

impl WeightTable {
    /// A table of names, each with the place of its weight.
    pub(super) fn new<'n>(names: impl IntoIterator<Item = (usize, &'n [u8])>) -> Self {
        let mut messages: Vec<(usize, Vec<Vec<u32>>)> =
            names.into_iter().map(|(place, name)| (place, message(name))).collect();
        messages.sort_by_key(|(_, blocks)| blocks.len());
        let len = messages.iter().map(|(place, _)| place + 1).max().unwrap_or(0);
        let groups = messages
            .chunk_by(|(_, one), (_, other)| one.len() == other.len())
            .flat_map(|equally_long| equally_long.chunks(LANES))
            .map(Group::new)
            .collect();
        WeightTable { groups, len }
    }

    /// The weight of each name for `hash`, in its place. Places without a name are zero.
    pub(super) fn weigh(&self, hash: BlockHash, weights: &mut Vec<Weight>) {
        weights.resize(self.len, 0);
        let mut words: Words = [[0; LANES]; 16];
        for (word, digits) in words.iter_mut().zip(hash.to_hex().chunks_exact(4)) {
            *word = [u32::from_le_bytes(array::from_fn(|at| digits[at])); LANES];
        }
        for group in &self.groups {
            words[HASH_WORDS..].copy_from_slice(&group.first);
            let mut state = compress(&START, &words);
            for block in &group.further {
                state = compress(&state, block);
            }
            for (place, weight) in group.places.iter().zip(digests(&state)) {
                weights[*place] = weight;
            }
        }
    }
}

impl Group {
    fn new(messages: &[(usize, Vec<Vec<u32>>)]) -> Self {
        // Lanes without a name repeat the first one.
        let lane = |at: usize| &messages.get(at).unwrap_or(&messages[0]).1;
        let word = |block: usize, word: usize| array::from_fn(|at| lane(at)[block][word]);
        Group {
            first: array::from_fn(|at| word(0, HASH_WORDS + at)),
            further: (1..lane(0).len()).map(|block| array::from_fn(|at| word(block, at))).collect(),
            places: messages.iter().map(|(place, _)| *place).collect(),
        }
    }
}

/// The message of `name` behind a hash of zeros, padded as MD5 wants it, in blocks of words.
fn message(name: &[u8]) -> Vec<Vec<u32>> {
    let mut bytes = vec![0; HASH_LEN];
    bytes.extend_from_slice(name);
    let bits = (bytes.len() as u64).wrapping_mul(8);
    let padded = (bytes.len() + ENDING_LEN).next_multiple_of(BLOCK_LEN);
    bytes.push(0x80);
    bytes.resize(padded - 8, 0);
    bytes.extend_from_slice(&bits.to_le_bytes());
    let words: Vec<u32> = bytes
        .chunks_exact(4)
        .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
        .collect();
    words.chunks_exact(16).map(<[u32]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use md5::{Digest, Md5};
    use proptest::prelude::*;

    use super::*;

    fn naive(hash: BlockHash, name: &[u8]) -> Weight {
        let digest = Md5::new().chain_update(hash.to_hex()).chain_update(name).finalize();
        Weight::from_be_bytes(digest.into())
    }

    proptest! {
        /// Names of all lengths around the borders of MD5's blocks, in tables of all sizes around the number of lanes.
        #[test]
        fn weights_are_those_of_the_md5_crate(
            hash: [u8; 16], names in proptest::collection::vec("[!-~é]{0,200}", 0..40),
        ) {
            let hash = BlockHash::from_bytes(hash);
            let table = WeightTable::new(names.iter().map(String::as_bytes).enumerate());
            let mut weights = vec![7; 3];
            table.weigh(hash, &mut weights);
            let expected: Vec<Weight> =
                names.iter().map(|name| naive(hash, name.as_bytes())).collect();
            prop_assert_eq!(weights, expected);
        }
    }

    #[test]
    fn every_length_of_a_name_is_padded_as_md5_wants_it() {
        let text = [b'x'; 200];
        let names = (0..text.len()).map(|len| &text[..len]);
        let mut weights = Vec::new();
        WeightTable::new(names.clone().enumerate()).weigh(BlockHash::EMPTY, &mut weights);
        let expected: Vec<Weight> = names.map(|name| naive(BlockHash::EMPTY, name)).collect();
        assert_eq!(weights, expected);
    }

    #[test]
    fn places_without_a_name_weigh_nothing() {
        let mut weights = Vec::new();
        WeightTable::new([(2, b"name".as_slice())]).weigh(BlockHash::EMPTY, &mut weights);
        assert_eq!(weights, [0, 0, naive(BlockHash::EMPTY, b"name")]);
    }
}
