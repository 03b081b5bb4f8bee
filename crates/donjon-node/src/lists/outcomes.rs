//! What became of the last items, for people who look: a bounded memory.

use std::collections::VecDeque;

use keep_protocol::status::{Outcome, Outcomes};
use keep_rules::{BlockHash, MountUuid, Timestamp};

use super::Ending;

/// Outcomes that are remembered.
const KEPT: usize = 10_000;

/// One outcome.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) generation: u64,
    pub(super) time: Timestamp,
    pub(super) locator: Box<str>,
    pub(super) mount: Option<MountUuid>,
    pub(super) ending: Ending,
}

/// The last outcomes. They are numbered from 1.
#[derive(Debug, Default)]
pub(super) struct OutcomeLog {
    records: VecDeque<Record>,
    forgotten: u64,
}

impl OutcomeLog {
    pub(super) fn push(&mut self, record: Record) {
        if self.records.len() == KEPT {
            self.records.pop_front();
            self.forgotten += 1;
        }
        self.records.push_back(record);
    }

    /// The last outcomes of a block that were not "done", newest first, at most `most`. What was done is in the ledger.
    pub(super) fn undone(&self, hash: BlockHash, most: usize) -> Vec<Outcome> {
        let hash = hash.to_string();
        let first = self.forgotten + 1;
        let of_block = self.records.iter().enumerate().rev().filter(|(_, record)| {
            record.locator.starts_with(&hash) && !matches!(record.ending, Ending::Done)
        });
        of_block.take(most).map(|(place, record)| outcome(first + place as u64, record)).collect()
    }

    /// Outcomes numbered above `after`, at most `limit`, oldest first.
    pub(super) fn after(&self, after: u64, limit: usize) -> Outcomes {
        let skip = usize::try_from(after.saturating_sub(self.forgotten)).unwrap_or(usize::MAX);
        let first = self.forgotten + 1;
        let rows = self.records.iter().enumerate().skip(skip).take(limit);
        let outcomes: Vec<Outcome> =
            rows.map(|(place, record)| outcome(first + place as u64, record)).collect();
        let next_after = outcomes.last().map_or(after.max(self.forgotten), |last| last.number);
        Outcomes { outcomes, first_kept: first, next_after }
    }
}

fn outcome(number: u64, record: &Record) -> Outcome {
    let reason = record.ending.reason();
    Outcome {
        number,
        generation: record.generation,
        time_ns: record.time.as_nanos(),
        locator: record.locator.to_string(),
        mount_uuid: record.mount.as_ref().map_or_else(String::new, ToString::to_string),
        outcome: record.ending.kind(),
        reason: (!reason.is_empty()).then(|| reason.to_owned()),
        detail: record.ending.detail(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u64) -> Record {
        Record {
            generation: 1,
            time: Timestamp::EPOCH,
            locator: number.to_string().into(),
            mount: None,
            ending: Ending::Done,
        }
    }

    #[test]
    fn the_oldest_are_forgotten_and_numbers_go_on() {
        let mut log = OutcomeLog::default();
        (1..=KEPT as u64 + 5).for_each(|number| log.push(record(number)));
        let page = log.after(0, 2);
        assert_eq!(page.first_kept, 6);
        assert_eq!(page.outcomes.iter().map(|row| row.number).collect::<Vec<_>>(), [6, 7]);
        assert_eq!(page.outcomes[0].locator, "6");
        let rest = log.after(page.next_after, usize::MAX);
        assert_eq!((rest.outcomes.len(), rest.next_after), (KEPT - 2, KEPT as u64 + 5));
        assert!(log.after(rest.next_after, 10).outcomes.is_empty());
    }
}
