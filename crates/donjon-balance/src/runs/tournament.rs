//! Which of many is the smallest.

use crate::runs::record::Key;

/// Stands for a contestant that has no more keys. No record's, because [`Key::rest`] is less than 2^120.
pub(crate) const NONE: Key = Key { head: u128::MAX, rest: u128::MAX };

/// The smallest of the current keys of several contestants, found with one comparison for each doubling of their number.
///
/// A tree of losers: each inner node keeps whoever lost there, so that after the winner's next key only the nodes between
/// its leaf and the root are looked at.
#[derive(Debug)]
pub(crate) struct Tournament {
    keys: Vec<Key>,
    /// From 1: the children of node n are 2n and 2n + 1, and leaf i is node i + the number of contestants.
    losers: Vec<usize>,
    winner: usize,
}

impl Tournament {
    /// With the first key of each contestant.
    pub(crate) fn new(keys: Vec<Key>) -> Self {
        let count = keys.len();
        let mut winners = vec![0; count];
        winners.extend(0..count);
        let mut losers = vec![0; count];
        for node in (1..count).rev() {
            let (one, other) = (winners[2 * node], winners[2 * node + 1]);
            let ahead = keys[one] <= keys[other];
            winners[node] = if ahead { one } else { other };
            losers[node] = if ahead { other } else { one };
        }
        Tournament { keys, losers, winner: winners.get(1).copied().unwrap_or(0) }
    }

    /// The key of each contestant.
    pub(crate) fn into_keys(self) -> Vec<Key> {
        self.keys
    }

    /// The smallest key and whose it is; none if no contestant has one.
    pub(crate) fn smallest(&self) -> Option<(usize, Key)> {
        let key = *self.keys.get(self.winner)?;
        (key != NONE).then_some((self.winner, key))
    }

    /// The next key of the contestant whose key was the smallest.
    pub(crate) fn advance(&mut self, key: Key) {
        let mut winner = self.winner;
        self.keys[winner] = key;
        let mut node = (winner + self.keys.len()) / 2;
        let mut smallest = key;
        while node > 0 {
            let loser = self.losers[node];
            let challenger = self.keys[loser];
            if challenger < smallest {
                self.losers[node] = winner;
                (winner, smallest) = (loser, challenger);
            }
            node /= 2;
        }
        self.winner = winner;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_smallest_comes_first(
            lists in prop::collection::vec(prop::collection::vec(0_u128..40, 0..20), 0..20),
        ) {
            let mut lists: Vec<Vec<Key>> = lists
                .into_iter()
                .map(|list| list.into_iter().map(|head| Key { head, rest: head % 3 }).collect())
                .collect();
            let mut expected: Vec<Key> = lists.iter().flatten().copied().collect();
            expected.sort_unstable();
            for list in &mut lists {
                list.sort_unstable_by(|a, b| b.cmp(a));
            }
            let firsts = lists.iter_mut().map(|list| list.pop().unwrap_or(NONE)).collect();
            let mut found = Vec::new();
            let mut tournament = Tournament::new(firsts);
            while let Some((winner, key)) = tournament.smallest() {
                found.push(key);
                tournament.advance(lists[winner].pop().unwrap_or(NONE));
            }
            prop_assert_eq!(found, expected);
        }
    }
}
