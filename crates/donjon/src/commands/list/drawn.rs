//! Books and items as people read them.

use std::collections::BTreeMap;

use comfy_table::Table;
use keep_protocol::status::{ListStatus, Outcome, WaitingItems};
use keep_rules::Timestamp;

use super::books::Gauges;
use crate::counted::counted;
use crate::{table, utc};

/// The books of one or more lists, one row each, and what needs a word below.
pub(crate) fn books_table(lists: &[ListStatus]) -> String {
    let mut table = table::table([
        "LIST",
        "GENERATION",
        "RECEIVED",
        "WAITING",
        "RUNNING",
        "DONE",
        "SKIPPED",
        "FAILED",
        "SUPERSEDED",
        "REMOVED",
    ]);
    for list in lists {
        table.add_row(vec![
            list.list.as_str().into(),
            table::number(list.generation),
            table::number(list.received),
            table::number(list.waiting),
            table::number(list.running),
            table::number(list.done),
            table::number(list.skipped.values().sum()),
            table::number(list.failed.values().sum()),
            table::number(list.superseded),
            table::number(list.removed),
        ]);
    }
    let mut text = table::text(&table);
    for list in lists {
        text.push_str(&notes(list));
    }
    text
}

/// When the list came, the reasons behind its figures, and why nothing happens.
fn notes(list: &ListStatus) -> String {
    let mut notes = String::new();
    let name = list.list;
    if let Some(received_at) = list.received_at_ns {
        let workers = list.workers;
        notes.push_str(&format!(
            "\n{name}: received {}, {}",
            utc::text(Timestamp::from_nanos(received_at)),
            counted(workers, "worker")
        ));
    }
    if !list.skipped.is_empty() {
        notes.push_str(&format!("\n{name}: skipped: {}", reasons(&list.skipped)));
    }
    if !list.failed.is_empty() {
        notes.push_str(&format!("\n{name}: failed: {}", reasons(&list.failed)));
    }
    if list.running_before > 0 {
        notes.push_str(&format!("\n{name}: running from lists before: {}", list.running_before));
    }
    if let Some(why) = &list.idle_because {
        notes.push_str(&format!("\n{name}: not worked off: {why}"));
    }
    notes
}

/// `too_young 3, rewritten 1`, the most frequent first.
fn reasons(counts: &BTreeMap<String, u64>) -> String {
    let mut counts: Vec<(&String, &u64)> = counts.iter().collect();
    counts.sort_by_key(|(reason, count)| (std::cmp::Reverse(**count), *reason));
    counts.iter().map(|(reason, count)| format!("{reason} {count}")).collect::<Vec<_>>().join(", ")
}

pub(super) fn gauges_table(gauges: Gauges) -> String {
    let mut table = table::table(["LIST", "WAITING", "RUNNING"]);
    table.add_row(vec![
        gauges.list.as_str().into(),
        table::number(gauges.waiting),
        table::number(gauges.running),
    ]);
    format!(
        "{}\nThis server is a plain keepstore: what became of items stands only in its log.",
        table::text(&table)
    )
}

pub(super) fn waiting_table(waiting: &WaitingItems) -> String {
    let mut table = table::table(["LOCATOR", "MOUNT", "MTIME OR SERVERS"]);
    for item in &waiting.items {
        let last = match item.block_mtime {
            Some(mtime) => mtime.to_string(),
            None => item.servers.join(", "),
        };
        table.add_row(vec![item.locator.as_str(), or_any(&item.mount_uuid), &last]);
    }
    table::text(&table)
}

/// What became of items, one row each.
pub(crate) fn outcomes_table(outcomes: &[Outcome]) -> String {
    let mut table: Table =
        table::table(["NUMBER", "TIME", "LOCATOR", "MOUNT", "OUTCOME", "REASON", "DETAIL"]);
    for outcome in outcomes {
        table.add_row(vec![
            table::number(outcome.number),
            utc::text(Timestamp::from_nanos(outcome.time_ns)).into(),
            outcome.locator.as_str().into(),
            outcome.mount_uuid.as_str().into(),
            outcome.outcome.as_str().into(),
            outcome.reason.as_deref().unwrap_or_default().into(),
            outcome.detail.as_deref().unwrap_or_default().into(),
        ]);
    }
    table::text(&table)
}

fn or_any(mount_uuid: &str) -> &str {
    if mount_uuid.is_empty() { "(any)" } else { mount_uuid }
}

#[cfg(test)]
mod tests {
    use keep_protocol::status::ListName;

    use super::*;

    #[test]
    fn the_books_name_their_reasons_the_most_frequent_first() {
        let books = ListStatus {
            generation: 2,
            received_at_ns: Some(1_795_451_810_000_000_000),
            received: 9,
            waiting: 1,
            running: 1,
            running_before: 2,
            done: 2,
            skipped: [("rewritten".to_owned(), 1), ("too_young".to_owned(), 3)].into(),
            failed: [("device".to_owned(), 1)].into(),
            workers: 4,
            ..ListStatus::none(ListName::Trash)
        };
        let expected = "\
LIST   GENERATION  RECEIVED  WAITING  RUNNING  DONE  SKIPPED  FAILED  SUPERSEDED  REMOVED
trash           2         9        1        1     2        4       1           0        0
trash: received 2026-11-23 16:36:50Z, 4 workers
trash: skipped: too_young 3, rewritten 1
trash: failed: device 1
trash: running from lists before: 2";
        assert_eq!(books_table(&[books]), expected);
    }
}
