//! Which records are wanted.

use keep_rules::{BlockHash, MountUuid, Timestamp};

use crate::{ListId, Operation, Outcome, Record};

/// Which records are wanted: those that are as every field says. The default wants all.
///
/// # Examples
/// ```
/// use ledger::{Filter, ListId, Operation};
/// let trashed = Filter {
///     operation: Some(Operation::Trash),
///     list: Some(ListId(7)),
///     ..Filter::default()
/// };
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this block.
    pub block: Option<BlockHash>,
    /// That this list asked for. Trash and pull lists count for themselves: name the operation, too.
    pub list: Option<ListId>,
    /// Of this operation.
    pub operation: Option<Operation>,
    /// That ended so.
    pub outcome: Option<Outcome>,
    /// At this instant or later.
    pub since: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
    /// On this mount.
    pub mount: Option<MountUuid>,
}

impl Filter {
    /// Whether the record is wanted.
    pub fn wants(&self, record: &Record) -> bool {
        self.block.is_none_or(|block| record.block == block)
            && self.list.is_none_or(|list| record.list == Some(list))
            && self.operation.is_none_or(|operation| record.operation == operation)
            && self.outcome.is_none_or(|outcome| record.outcome == outcome)
            && self.since.is_none_or(|since| record.time >= since)
            && self.until.is_none_or(|until| record.time < until)
            && self.mount.as_ref().is_none_or(|mount| record.mount.as_ref() == Some(mount))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1000);

    fn record() -> Record {
        let mount = Some("zzzzz-nyw5e-000000000000000".parse().unwrap());
        let record = Record::new(NOW, Operation::Trash, BlockHash::EMPTY, Outcome::Done);
        Record { mount, list: Some(ListId(7)), ..record }
    }

    #[track_caller]
    fn check(filter: Filter, wanted: &str) {
        assert_eq!(filter.wants(&record()), wanted == "wanted", "{filter:?}");
    }

    #[test]
    fn every_field_has_its_say() {
        let any = Filter::default();
        check(any.clone(), "wanted");
        check(Filter { block: Some(BlockHash::EMPTY), ..any.clone() }, "wanted");
        check(Filter { block: Some(BlockHash::from_bytes([0; 16])), ..any.clone() }, "-");
        check(Filter { list: Some(ListId(7)), ..any.clone() }, "wanted");
        check(Filter { list: Some(ListId(8)), ..any.clone() }, "-");
        check(Filter { operation: Some(Operation::Trash), ..any.clone() }, "wanted");
        check(Filter { operation: Some(Operation::Pull), ..any.clone() }, "-");
        check(Filter { outcome: Some(Outcome::Done), ..any.clone() }, "wanted");
        check(Filter { outcome: Some(Outcome::Failed), ..any.clone() }, "-");
        check(Filter { mount: record().mount, ..any.clone() }, "wanted");
        check(Filter { mount: Some("another".parse().unwrap()), ..any }, "-");
    }

    #[test]
    fn a_span_holds_its_start_and_not_its_end() {
        let later = Timestamp::from_seconds(1001);
        check(Filter { since: Some(NOW), until: Some(later), ..Filter::default() }, "wanted");
        check(Filter { since: Some(later), ..Filter::default() }, "-");
        check(Filter { until: Some(NOW), ..Filter::default() }, "-");
    }
}
