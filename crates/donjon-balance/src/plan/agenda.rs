//! What is to be sent, by server and urgency.

use keep_rules::BlockHash;

use crate::plan::entry::{Entry, Fate};
use crate::plan::header::{Header, Salt};
use crate::runs::{Key, Record, Repeats, Span};

/// Which of a server's two lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum List {
    Pull,
    Trash,
}

/// Something to be sent: where it is in the plan, and when its turn comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Agendum {
    pub(crate) list: List,
    pub(crate) server: u16,
    /// The lowest comes first.
    pub(crate) order: u64,
    /// Which of the same order comes first: 40 bits that look random.
    pub(crate) lot: u64,
    /// The first byte of its entry's line.
    pub(crate) byte: u64,
    /// Its place among the entry's replicas or pulls.
    pub(crate) item: u16,
}

const LOT_BITS: u32 = 40;
const LOT_MASK: u64 = (1 << LOT_BITS) - 1;

/// The head of the first item of a list.
fn first_head(list: List, server: u16) -> u128 {
    let list = match list {
        List::Pull => 0,
        List::Trash => 1_u128,
    };
    list << 120 | u128::from(server) << 104
}

/// All items of a list.
pub(crate) fn span(list: List, server: u16) -> Span {
    let first = first_head(list, server);
    Span { first, last: first | ((1 << 104) - 1) }
}

impl Record for Agendum {
    const REST_BYTES: usize = 10;
    const REPEATS: Repeats = Repeats::Keep;

    fn key(self) -> Key {
        let turn = u128::from(self.order) << LOT_BITS | u128::from(self.lot & LOT_MASK);
        Key {
            head: first_head(self.list, self.server) | turn,
            rest: u128::from(self.byte) << 16 | u128::from(self.item),
        }
    }

    fn from_key(key: Key) -> Self {
        let [list, v0, v1, o0, o1, o2, o3, o4, o5, o6, o7, l0, l1, l2, l3, l4] =
            key.head.to_be_bytes();
        let [_, _, _, _, _, _, byte @ .., i0, i1] = key.rest.to_be_bytes();
        Agendum {
            list: if list == 0 { List::Pull } else { List::Trash },
            server: u16::from_be_bytes([v0, v1]),
            order: u64::from_be_bytes([o0, o1, o2, o3, o4, o5, o6, o7]),
            lot: u64::from_be_bytes([0, 0, 0, l0, l1, l2, l3, l4]),
            byte: u64::from_be_bytes(byte),
            item: u16::from_be_bytes([i0, i1]),
        }
    }
}

/// Everything to be sent about a block whose line begins at this byte.
pub(crate) fn of_entry(entry: &Entry, byte: u64, header: &Header) -> impl Iterator<Item = Agendum> {
    let lot = draw_lot(header.salt, entry.block.hash);
    let server = |mount: u16| header.mounts[usize::from(mount)].server;
    let agendum = move |list, mount, order, item| Agendum {
        list,
        server: server(mount),
        order,
        lot,
        byte,
        item,
    };
    let trashes = (0_u16..=u16::MAX).zip(&entry.replicas).filter_map(move |(item, replica)| {
        match &replica.fate {
            Fate::Trash { order, .. } => Some(agendum(List::Trash, replica.mount, *order, item)),
            Fate::Keep { .. } => None,
        }
    });
    let pulls = (0_u16..=u16::MAX)
        .zip(&entry.pulls)
        .map(move |(item, pull)| agendum(List::Pull, pull.to, pull.order, item));
    pulls.chain(trashes)
}

/// Looks random, and is another with another salt.
fn draw_lot(salt: Salt, hash: BlockHash) -> u64 {
    let bits = u128::from_be_bytes(*hash.as_bytes());
    let [high, low] = [bits >> 64, bits & u128::from(u64::MAX)]
        .map(|half| u64::try_from(half).expect("half of its bits"));
    mix(mix(salt.0 ^ high) ^ low) & LOT_MASK
}

/// Every bit of the result depends on every bit of the number (the finalizer of SplitMix64).
fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn agendum()(
            list in prop_oneof![Just(List::Pull), Just(List::Trash)],
            server: u16,
            order: u64,
            lot in 0..=LOT_MASK,
            byte: u64,
            item: u16,
        ) -> Agendum {
            Agendum { list, server, order, lot, byte, item }
        }
    }

    proptest! {
        #[test]
        fn agenda_are_their_keys_and_order_as_they_do(a in agendum(), b in agendum()) {
            for b in [b, Agendum { list: a.list, server: a.server, ..b }] {
                prop_assert_eq!(Agendum::from_key(a.key()), a);
                prop_assert_eq!(a.key().rest >> (8 * Agendum::REST_BYTES), 0);
                prop_assert_eq!(a.cmp(&b), a.key().cmp(&b.key()));
                let span = span(b.list, b.server);
                let within = (span.first..=span.last).contains(&a.key().head);
                prop_assert_eq!(within, (a.list, a.server) == (b.list, b.server));
            }
        }
    }

    #[test]
    fn another_salt_draws_other_lots() {
        let hashes = [[1; 16], [2; 16], [3; 16]].map(BlockHash::from_bytes);
        let lots = |salt| hashes.map(|hash| draw_lot(Salt(salt), hash));
        assert_eq!(lots(1), lots(1));
        assert!(lots(1).iter().zip(lots(2)).all(|(one, other)| *one != other));
    }
}
