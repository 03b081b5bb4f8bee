//! Why nodes say that items failed or were left alone: labels, and not too many of them. Each is a series of metrics, and a
//! part of every run that is remembered, so that a damaged node must not have a new one for each block.

use std::collections::{BTreeMap, BTreeSet};

/// Reasons that are told apart.
pub(crate) const REASONS_MAX: usize = 32;
/// The longest label of a reason.
const REASON_BYTES_MAX: usize = 40;
/// What a reason is called that is no label, or one too many.
const OTHER: &str = "other";

/// The reason, if it is a label.
pub(crate) fn label(reason: &str) -> String {
    let is_label = !reason.is_empty()
        && reason.len() <= REASON_BYTES_MAX
        && reason.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if is_label { reason.to_owned() } else { OTHER.to_owned() }
}

/// Counts so many more of a reason; as another one, if there are too many already.
pub(crate) fn count(counts: &mut BTreeMap<String, u64>, reason: &str, more: u64) {
    let is_known = counts.contains_key(reason) || counts.len() < REASONS_MAX;
    let sum = counts.entry(if is_known { reason } else { OTHER }.to_owned()).or_default();
    *sum = sum.saturating_add(more);
}

/// The sum of all reasons.
pub fn sum(counts: &BTreeMap<String, u64>) -> u64 {
    counts.values().fold(0, |sum, count| sum.saturating_add(*count))
}

/// The reasons that have been met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Met(BTreeSet<String>);

impl Met {
    /// The reason; another one, if it is no label or there are too many already.
    pub(crate) fn one(&mut self, reason: &str) -> String {
        let reason = label(reason);
        if self.0.contains(&reason) {
            return reason;
        }
        if self.0.len() >= REASONS_MAX {
            return OTHER.to_owned();
        }
        self.0.insert(reason.clone());
        reason
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_label_is_another_reason_and_there_are_not_too_many() {
        let mut counts = BTreeMap::new();
        let mut met = Met::default();
        let odd = ["a text\nwith \"quotes\"".to_owned(), "x".repeat(1000), String::new()];
        for reason in (0..100).map(|number| format!("reason_{number:03}")).chain(odd) {
            assert_eq!(met.one(&met.clone().one(&reason)), met.clone().one(&reason));
            count(&mut counts, &label(&reason), 2);
        }
        assert!(counts.len() <= REASONS_MAX + 1 && met.0.len() <= REASONS_MAX);
        assert_eq!(sum(&counts), 206);
        assert_eq!(met.one("reason_000"), "reason_000");
        assert_eq!(met.one("reason_099"), OTHER);
        assert!(counts.keys().all(|reason| label(reason) == *reason));
    }

    #[test]
    fn sums_do_not_overflow() {
        let mut counts = BTreeMap::new();
        for reason in ["a", "b", "a"] {
            count(&mut counts, reason, u64::MAX);
        }
        assert_eq!(sum(&counts), u64::MAX);
    }
}
