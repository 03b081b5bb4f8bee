//! Which entries come first when a list may not hold all of them (spec section 2.6).

use crate::block::BlockHash;

use super::decision::{Decision, Pull};
use super::index::MountIndex;
use super::reason::{PullReason, TrashReason};

/// How urgent an entry is. The smallest is the most urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// A pull of a block that has too few copies: the fewer, the more urgent.
    TooFewCopies {
        /// How many there are that count.
        copies: u64,
    },
    /// A pull of a block that has enough copies, but not in the right class.
    TooFewInClass,
    /// A pull to a better place.
    Rebalance,
    /// Trash of a block that nobody wants.
    Garbage,
    /// Trash of a copy too many.
    Excess,
}

/// The turn of an entry: by urgency, and within the same by lot. Keep the smallest.
///
/// The lot depends on the run's salt, so that entries that fail again and again do not stand in the way of others for ever; it
/// depends on nothing else but the block and the mount, so that a run can be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Turn {
    urgency: Urgency,
    lot: u64,
}

impl Urgency {
    /// How urgent a pull of this decision is.
    pub const fn of_pull(decision: &Decision, pull: &Pull) -> Self {
        match pull.reason {
            PullReason::TooFewCopies => Urgency::TooFewCopies { copies: decision.sound_copies() },
            PullReason::TooFewInClass => Urgency::TooFewInClass,
            PullReason::BetterPlace => Urgency::Rebalance,
        }
    }

    /// How urgent an entry of a trash list is.
    pub const fn of_trash(reason: TrashReason) -> Self {
        match reason {
            TrashReason::Unreferenced | TrashReason::NoCopiesWanted => Urgency::Garbage,
            TrashReason::Excess => Urgency::Excess,
        }
    }

    /// The turn of an entry for `hash` on `mount` in a run with this salt.
    pub fn turn(self, salt: u64, hash: BlockHash, mount: MountIndex) -> Turn {
        let [head, tail] = [0, 8].map(|start| {
            let bytes = &hash.as_bytes()[start..start + 8];
            u64::from_le_bytes(bytes.try_into().expect("eight bytes"))
        });
        let lot = mix(mix(mix(salt ^ head) ^ tail) ^ u64::from(mount.get()));
        Turn { urgency: self, lot }
    }
}

impl Turn {
    /// How urgent the entry is.
    pub const fn urgency(self) -> Urgency {
        self.urgency
    }
}

/// Spreads numbers: each bit of the input changes about half of the bits of the output (the last steps of SplitMix64).
const fn mix(mut number: u64) -> u64 {
    number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewest_copies_come_first_then_classes_then_places() {
        let order = [
            Urgency::TooFewCopies { copies: 0 },
            Urgency::TooFewCopies { copies: 1 },
            Urgency::TooFewInClass,
            Urgency::Rebalance,
        ];
        assert!(order.is_sorted());
        let turns = order.map(|urgency| urgency.turn(7, BlockHash::EMPTY, MountIndex::new(3)));
        assert!(turns.is_sorted());
        assert!(Urgency::Garbage < Urgency::Excess);
    }

    #[test]
    fn another_salt_gives_another_order_and_the_same_salt_the_same() {
        let hashes: Vec<BlockHash> =
            (0..32).map(|byte| BlockHash::from_bytes([byte; 16])).collect();
        let order = |salt| {
            let mut sorted = hashes.clone();
            sorted.sort_by_key(|hash| Urgency::Rebalance.turn(salt, *hash, MountIndex::new(0)));
            sorted
        };
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
    }
}
