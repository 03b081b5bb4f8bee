//! The guard against wrong mass deletion: how much of a volume may one list name?

use std::fmt;
use std::ops::Add;

/// Blocks and bytes: of a list, or of a volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Blocks.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Add for Share {
    type Output = Share;

    fn add(self, other: Share) -> Share {
        Share {
            blocks: self.blocks.saturating_add(other.blocks),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}

/// What the guard lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// The largest part of a volume that a list may name, in percent of its blocks and of its bytes. 100 or more switches
    /// the guard off.
    pub percent: u64,
    /// Lists that name no more blocks of a volume than this are never held: on a small volume every list is a large part.
    pub floor: u64,
}

impl Guard {
    /// Whether the volume must be counted before a list that names this much of it is let through.
    pub fn has_to_count(self, named: Share) -> bool {
        self.percent < 100 && named.blocks > self.floor
    }
}

/// What the guard says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The list may be worked off.
    Pass,
    /// It waits until an operator has looked.
    Hold(Excess),
}

/// How much too much. Shows as a part of a sentence: "30 of 100 blocks, more than 20 %".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excess {
    named: u64,
    held: u64,
    of: &'static str,
    allowed_percent: u64,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Excess { named, held, of, allowed_percent } = self;
        match held {
            0 => write!(f, "{named} {of}, more than the volume has"),
            _ => write!(f, "{named} of {held} {of}, more than {allowed_percent} %"),
        }
    }
}

/// Whether a list that names `named` of a volume that holds `held` may be worked off.
///
/// # Examples
/// ```
/// use keep_rules::guard::{Guard, Share, Verdict, judge};
///
/// let guard = Guard { percent: 20, floor: 100 };
/// let volume = Share { blocks: 1_000, bytes: 1_000_000 };
/// assert_eq!(judge(Share { blocks: 200, bytes: 200_000 }, volume, guard), Verdict::Pass);
/// let Verdict::Hold(why) = judge(Share { blocks: 201, bytes: 0 }, volume, guard) else { panic!() };
/// assert_eq!(why.to_string(), "201 of 1000 blocks, more than 20 %");
/// ```
pub fn judge(named: Share, held: Share, guard: Guard) -> Verdict {
    if !guard.has_to_count(named) {
        return Verdict::Pass;
    }
    let too_much = |named: u64, held: u64| {
        u128::from(named) * 100 > u128::from(held) * u128::from(guard.percent)
    };
    let hold =
        |named, held, of| Verdict::Hold(Excess { named, held, of, allowed_percent: guard.percent });
    if too_much(named.blocks, held.blocks) {
        hold(named.blocks, held.blocks, "blocks")
    } else if too_much(named.bytes, held.bytes) {
        hold(named.bytes, held.bytes, "bytes")
    } else {
        Verdict::Pass
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUARD: Guard = Guard { percent: 20, floor: 10 };

    #[track_caller]
    fn check(named: (u64, u64), held: (u64, u64), guard: Guard, passes: bool) {
        let share = |(blocks, bytes)| Share { blocks, bytes };
        assert_eq!(judge(share(named), share(held), guard) == Verdict::Pass, passes);
    }

    #[test]
    fn a_fifth_may_go_and_no_more() {
        check((200, 0), (1_000, 1_000), GUARD, true);
        check((201, 0), (1_000, 1_000), GUARD, false);
    }

    #[test]
    fn bytes_count_as_blocks_do() {
        check((20, 201), (1_000, 1_000), GUARD, false);
        check((20, 200), (1_000, 1_000), GUARD, true);
    }

    #[test]
    fn small_lists_always_pass() {
        check((10, 999), (10, 999), GUARD, true);
        check((11, 0), (11, 999), GUARD, false);
    }

    #[test]
    fn an_empty_volume_loses_nothing_to_be_asked_about_but_is_asked_about() {
        check((11, 0), (0, 0), GUARD, false);
    }

    #[test]
    fn a_hundred_percent_switches_it_off() {
        check((u64::MAX, u64::MAX), (1, 1), Guard { percent: 100, floor: 0 }, true);
    }

    #[test]
    fn large_numbers_do_not_overflow() {
        check((u64::MAX / 2, u64::MAX / 2), (u64::MAX, u64::MAX), GUARD, false);
        check((u64::MAX / 10, u64::MAX / 10), (u64::MAX, u64::MAX), GUARD, true);
    }
}
