//! Endings as they are stored: a table that every later version keeps.

use keep_rules::{pull, trash};
use list_store::{Code, OutcomeCode};

use super::books::OutcomeLabel;
use super::{Ending, Failed};

/// How an item ended, without what was said about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct End {
    pub(super) label: OutcomeLabel,
    pub(super) reason: &'static str,
}

impl From<&Ending> for End {
    fn from(ending: &Ending) -> End {
        End { label: ending.kind().into(), reason: ending.reason() }
    }
}

const DONE: u8 = 1;
const SKIPPED: u8 = 2;
const FAILED: u8 = 3;

/// Every ending and its code. A code never changes its meaning; one that is gone is not given to another.
const TABLE: &[(u8, u8, OutcomeLabel, &str)] = &[
    (DONE, 0, OutcomeLabel::Done, ""),
    (SKIPPED, 1, OutcomeLabel::Skipped, trash::SkipReason::TrashDisabled.as_str()),
    (SKIPPED, 2, OutcomeLabel::Skipped, trash::SkipReason::BadLocator.as_str()),
    (SKIPPED, 3, OutcomeLabel::Skipped, trash::SkipReason::ListedTooNew.as_str()),
    (SKIPPED, 4, OutcomeLabel::Skipped, trash::SkipReason::UnknownMount.as_str()),
    (SKIPPED, 5, OutcomeLabel::Skipped, trash::SkipReason::MountForbids.as_str()),
    (SKIPPED, 6, OutcomeLabel::Skipped, trash::SkipReason::Absent.as_str()),
    (SKIPPED, 7, OutcomeLabel::Skipped, trash::SkipReason::Rewritten.as_str()),
    (SKIPPED, 8, OutcomeLabel::Skipped, trash::SkipReason::TooNew.as_str()),
    (SKIPPED, 9, OutcomeLabel::Skipped, pull::SkipReason::NoServers.as_str()),
    (SKIPPED, 10, OutcomeLabel::Skipped, pull::SkipReason::NoWritableMount.as_str()),
    (FAILED, 1, OutcomeLabel::Failed, Failed::Volume.as_str()),
    (FAILED, 2, OutcomeLabel::Failed, Failed::Full.as_str()),
    (FAILED, 3, OutcomeLabel::Failed, Failed::AbsentAtSource.as_str()),
    (FAILED, 4, OutcomeLabel::Failed, Failed::SourceUnreachable.as_str()),
    (FAILED, 5, OutcomeLabel::Failed, Failed::SourceDamaged.as_str()),
    (FAILED, 6, OutcomeLabel::Failed, Failed::Interrupted.as_str()),
];

impl Code for End {
    fn code(self) -> OutcomeCode {
        let row = TABLE
            .iter()
            .find(|(_, _, label, reason)| *label == self.label && *reason == self.reason);
        let (outcome, reason, ..) =
            row.expect("a test sees to it that every ending is in the table");
        OutcomeCode { outcome: *outcome, reason: *reason }
    }

    fn from_code(code: OutcomeCode) -> Option<End> {
        let row = TABLE
            .iter()
            .find(|(outcome, reason, ..)| *outcome == code.outcome && *reason == code.reason);
        row.map(|(_, _, label, reason)| End { label: *label, reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_ending() -> Vec<Ending> {
        let trash = trash::SkipReason::ALL.map(Ending::TrashSkipped);
        let pull = pull::SkipReason::ALL.map(Ending::PullSkipped);
        let failed = Failed::ALL.map(|reason| Ending::Failed(reason, None));
        [Ending::Done].into_iter().chain(trash).chain(pull).chain(failed).collect()
    }

    #[test]
    fn every_ending_has_a_code_and_comes_back() {
        for ending in every_ending() {
            let end = End::from(&ending);
            assert_eq!(End::from_code(end.code()), Some(end));
        }
    }

    #[test]
    fn no_code_is_given_twice() {
        let mut codes: Vec<_> =
            TABLE.iter().map(|(outcome, reason, ..)| (outcome, reason)).collect();
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), TABLE.len());
        assert_eq!(End::from_code(OutcomeCode { outcome: 9, reason: 0 }), None);
    }
}
