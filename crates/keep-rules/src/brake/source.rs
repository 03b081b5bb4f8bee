//! When one source of references is in doubt, though the others are well (`spec/keep-balance.md` section 8.1).

use super::{Brake, BrakeLimits, exceeds};

/// A source that lost more than this is in doubt, even if `MaxDropPercent` is lower: a small source may well lose one
/// collection of three, and no floor lets it through.
const STRONGLY_PERCENT: u8 = 50;

/// How large a source of references was, and in which state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSize {
    /// Which one it is: its kind and its name.
    pub name: String,
    /// Collections in it.
    pub collections: u64,
    /// The number of its state, if it counts them. It only grows.
    pub generation: Option<u64>,
    /// A digest of its contents, if it has one.
    pub digest: Option<[u8; 32]>,
}

/// Every source that holds the run: `before` are those of the last run whose lists were sent.
///
/// A large source beside it is no excuse, and neither is `BrakeFloor`: a restored backup of a small directory makes garbage
/// of whatever came after it. But a source that counts its states, and went forward, was made smaller by whoever writes it,
/// collection by collection; and one that is exactly as it was became smaller because the time of what was removed before is
/// up. Then as few as `BrakeFloor` may be gone.
///
/// # Examples
/// ```
/// use keep_rules::brake::{BrakeLimits, SourceSize, source_brakes};
/// let limits = BrakeLimits { trash_percent: 20, drop_percent: 20, floor: 100 };
/// let at = |generation| SourceSize {
///     name: "manifest_store /srv/manifests".to_owned(),
///     collections: 9,
///     generation: Some(generation),
///     digest: None,
/// };
/// assert!(source_brakes(&[at(8)], &[at(7)], limits).is_empty());
/// let why = source_brakes(&[at(6)], &[at(7)], limits);
/// assert!(why[0].to_string().contains("generation 6, and had 7"));
/// ```
pub fn source_brakes(now: &[SourceSize], before: &[SourceSize], limits: BrakeLimits) -> Vec<Brake> {
    let found = before.iter().filter_map(|then| {
        let source = now.iter().find(|source| source.name == then.name);
        doubt(source, then, limits)
    });
    found.collect()
}

/// The gravest doubt about one source.
fn doubt(now: Option<&SourceSize>, then: &SourceSize, limits: BrakeLimits) -> Option<Brake> {
    let of = then.name.clone();
    let Some(now) = now else {
        let before = then.collections;
        return (before > 0).then_some(Brake::SourceGone { of, before });
    };
    if let (Some(generation), Some(before)) = (now.generation, then.generation) {
        if generation < before {
            return Some(Brake::SourceWentBack { of, now: generation, before });
        }
        let other = now.digest.is_some() && then.digest.is_some() && now.digest != then.digest;
        if generation == before && other {
            return Some(Brake::SourceIsAnother { of, generation });
        }
    }
    let before = then.collections;
    let gone = before.saturating_sub(now.collections);
    let went_forward = now.generation.zip(then.generation).is_some_and(|(now, then)| now > then);
    let as_it_was =
        now.generation == then.generation && now.digest.is_some() && now.digest == then.digest;
    if (went_forward || as_it_was) && gone <= limits.floor {
        return None;
    }
    if gone > 0 && now.collections == 0 {
        return Some(Brake::SourceEmpty { of, before });
    }
    let percent = limits.drop_percent.max(STRONGLY_PERCENT);
    exceeds(gone, before, percent).then_some(Brake::SourceShrank {
        of,
        now: now.collections,
        before,
        percent,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: BrakeLimits = BrakeLimits { trash_percent: 20, drop_percent: 20, floor: 1000 };

    fn source(name: &str, collections: u64, generation: Option<u64>) -> SourceSize {
        SourceSize { name: name.to_owned(), collections, generation, digest: None }
    }

    #[track_caller]
    fn check(now: &[SourceSize], before: &[SourceSize], expected: &[&str]) {
        let found: Vec<String> =
            source_brakes(now, before, LIMITS).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found}");
        }
    }

    #[test]
    fn a_source_that_grows_or_is_new_holds_nothing() {
        let before = [source("a", 3, Some(7)), source("b", 9, None)];
        check(&before, &before, &[]);
        check(&[source("a", 2, Some(8)), source("b", 8, None)], &before, &[]);
        check(&before, &[], &[]);
        check(&[source("c", 1, None)], &[source("d", 0, None)], &[]);
    }

    #[test]
    fn a_source_in_doubt_holds_beside_a_large_one_whatever_the_floor() {
        let large = source("large", 1_000_000, None);
        let before = [large.clone(), source("small", 3, Some(7))];
        for (small, expected) in [
            (Some(source("small", 3, Some(6))), "small is at generation 6, and had 7"),
            (Some(source("small", 0, Some(7))), "small has no collection any more, and had 3"),
            (Some(source("small", 1, None)), "small has 1 collections, and had 3"),
            (None, "small, which had 3 collections, was not read"),
        ] {
            let now: Vec<SourceSize> = [large.clone()].into_iter().chain(small).collect();
            check(&now, &before, &[expected]);
        }
    }

    #[test]
    fn a_source_that_its_writer_made_smaller_may_lose_as_many_as_the_floor() {
        let before = [source("a", 1500, Some(7))];
        check(&[source("a", 500, Some(8))], &before, &[]);
        check(&[source("a", 499, Some(8))], &before, &["a has 499 collections, and had 1500"]);
        check(&[source("a", 0, Some(8))], &before, &["a has no collection any more"]);
    }

    /// Removed collections stop counting when their time is up, and nobody writes anything then.
    #[test]
    fn a_source_that_is_as_it_was_may_have_outlived_as_many_as_the_floor() {
        let with = |collections, byte| SourceSize {
            digest: Some([byte; 32]),
            ..source("a", collections, Some(7))
        };
        check(&[with(500, 1)], &[with(1500, 1)], &[]);
        check(&[with(0, 1)], &[with(3, 1)], &[]);
        check(&[with(499, 1)], &[with(1500, 1)], &["a has 499 collections, and had 1500"]);
        check(&[source("a", 0, Some(7))], &[source("a", 3, Some(7))], &["a has no collection"]);
    }

    #[test]
    fn another_content_of_the_same_generation_is_another_source() {
        let with = |byte| SourceSize { digest: Some([byte; 32]), ..source("a", 3, Some(7)) };
        check(&[with(1)], &[with(1)], &[]);
        check(&[with(2)], &[with(1)], &["another content of generation 7"]);
        check(&[source("a", 3, Some(7))], &[with(1)], &[]);
    }

    #[test]
    fn a_shrinking_source_can_be_allowed_and_an_empty_one_not() {
        let all = BrakeLimits { drop_percent: 100, ..LIMITS };
        let before = [source("a", 10, None)];
        assert!(source_brakes(&[source("a", 1, None)], &before, all).is_empty());
        let why = source_brakes(&[source("a", 0, None)], &before, all);
        assert!(why[0].can_be_released());
    }

    proptest! {
        #[test]
        fn every_source_that_went_back_or_is_empty_is_found(
            sizes in proptest::collection::vec((any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>()), 0..8),
            floor: u64,
            drop_percent in 0_u8..=100,
        ) {
            let limits = BrakeLimits { trash_percent: 100, drop_percent, floor };
            let make = |at: usize, size, generation| source(&format!("s{at}"), size, Some(generation));
            let now: Vec<_> = sizes.iter().enumerate().map(|(at, size)| make(at, size.0, size.1)).collect();
            let before: Vec<_> = sizes.iter().enumerate().map(|(at, size)| make(at, size.2, size.3)).collect();
            let held = source_brakes(&now, &before, limits).len();
            let removed = |now: &u64, at: &u64, then: &u64, was: &u64| at > was && then.saturating_sub(*now) <= floor;
            let sure = sizes.iter().filter(|(now, at, then, was)| {
                at < was || *now == 0 && *then > 0 && !removed(now, at, then, was)
            }).count();
            let grown = sizes.iter().filter(|(now, at, then, was)| at >= was && now >= then).count();
            prop_assert!(held >= sure);
            prop_assert!(held <= sizes.len() - grown);
        }
    }
}
