//! How many copies are surely on devices of their own, where some holders may share a device. Decides; does nothing.

/// Up to so many holders the answer is exact: at most 4096 choices. A block has rarely more than three.
const EXACT_MAX: usize = 12;

/// A set of holders: a bit each.
type Set = u64;

/// The most copies that holders have no two of which may share a device. `copies` is by holder; `share` says of two whether
/// they may share one, in either order.
///
/// With more than [`EXACT_MAX`] holders that have copies it may be fewer than the most, and is never more.
pub(crate) fn most_apart(copies: &[u64], share: impl Fn(usize, usize) -> bool) -> u64 {
    let holders: Vec<usize> = (0..copies.len()).filter(|holder| copies[*holder] > 0).collect();
    if holders.len() > EXACT_MAX {
        return greedy(&holders, copies, share);
    }
    let weights: Vec<u64> = holders.iter().map(|holder| copies[*holder]).collect();
    let beside = |one: usize| {
        let others = (0..holders.len()).filter(|other| *other != one);
        let shared = others.filter(|other| share(holders[one], holders[*other]));
        shared.fold(0, |set: Set, other| set | 1 << other)
    };
    let beside: Vec<Set> = (0..holders.len()).map(beside).collect();
    exact(&weights, &beside, (1 << holders.len()) - 1)
}

/// The most of those that are left: with the first of them, and without.
fn exact(weights: &[u64], beside: &[Set], left: Set) -> u64 {
    if left == 0 {
        return 0;
    }
    let first = left.trailing_zeros() as usize;
    let others = left & !(1 << first);
    let with = weights[first] + exact(weights, beside, others & !beside[first]);
    if others & beside[first] == 0 {
        return with;
    }
    with.max(exact(weights, beside, others))
}

/// Those that may share with the fewest come first; of those, the ones that have most.
fn greedy(holders: &[usize], copies: &[u64], share: impl Fn(usize, usize) -> bool) -> u64 {
    let shared =
        |one: usize| holders.iter().filter(|other| **other != one && share(one, **other)).count();
    let mut ordered = holders.to_vec();
    ordered.sort_by_cached_key(|holder| (shared(*holder), std::cmp::Reverse(copies[*holder])));
    let mut apart: Vec<usize> = Vec::new();
    for holder in ordered {
        if !apart.iter().any(|other| share(holder, *other)) {
            apart.push(holder);
        }
    }
    apart.into_iter().map(|holder| copies[holder]).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Holders with copies, and the devices that each may have put them on.
    fn layouts(holders: usize) -> impl Strategy<Value = Vec<(u64, u8)>> {
        prop::collection::vec((0..4_u64, any::<u8>()), 0..=holders)
    }

    fn by_layout(layout: &[(u64, u8)]) -> u64 {
        let copies: Vec<u64> = layout.iter().map(|(copies, _)| *copies).collect();
        most_apart(&copies, |one, other| layout[one].1 & layout[other].1 != 0)
    }

    /// Every set of holders is tried.
    fn by_brute_force(layout: &[(u64, u8)]) -> u64 {
        let sums = (0..1_u32 << layout.len()).filter_map(|set| {
            let chosen = || (0..layout.len()).filter(move |holder| set >> holder & 1 == 1);
            let pairs = chosen().flat_map(|one| chosen().map(move |other| (one, other)));
            let is_apart =
                |(one, other): (usize, usize)| one == other || layout[one].1 & layout[other].1 == 0;
            pairs.into_iter().all(is_apart).then(|| chosen().map(|one| layout[one].0).sum())
        });
        sums.max().unwrap_or(0)
    }

    proptest! {
        #[test]
        fn few_holders_are_counted_exactly(layout in layouts(EXACT_MAX)) {
            prop_assert_eq!(by_layout(&layout), by_brute_force(&layout));
        }

        #[test]
        fn many_holders_are_never_counted_too_high(layout in layouts(16)) {
            let (counted, most) = (by_layout(&layout), by_brute_force(&layout));
            prop_assert!(counted <= most, "{} of {}", counted, most);
            prop_assert!((counted == 0) == (most == 0));
        }
    }

    #[test]
    fn one_that_shares_with_two_does_not_hide_that_those_are_apart() {
        assert_eq!(by_layout(&[(1, 0b11), (1, 0b01), (1, 0b10)]), 2);
        assert_eq!(by_layout(&[(3, 0b11), (1, 0b01), (1, 0b10)]), 3);
    }

    #[test]
    fn many_that_share_nothing_all_count() {
        let copies = [1; 100];
        assert_eq!(most_apart(&copies, |_, _| false), 100);
        assert_eq!(most_apart(&copies, |one, other| one == 0 || other == 0), 99);
    }
}
