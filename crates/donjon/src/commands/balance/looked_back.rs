//! What became of the lists of the run before, for people.

use std::collections::BTreeMap;

use donjon_balance::orders::SetbackCounts;
use donjon_balance::outcomes::{ListBooks, Outcomes, Told};
use donjon_balance::reasons::sum;
use keep_protocol::status::ListName;

use crate::counted::counted;

/// The lines of a report. Nothing if no list was sent before.
pub(super) fn lines(outcomes: &Outcomes) -> Vec<String> {
    let mut lines = Vec::new();
    for list in ListName::ALL {
        let told = || outcomes.servers.iter().map(move |server| (&server.url, server.of(list)));
        let books = outcomes.total(list);
        if books.received > 0 {
            lines.push(format!("before  {list} lists: {}", text(&books)));
        }
        for (url, told) in told() {
            match told {
                Told::Books(_) | Told::NothingSent => {}
                Told::NotTold => lines.push(format!(
                    "before  {list} list of {url}: it is a plain keepstore, which does not tell"
                )),
                Told::Forgotten => lines
                    .push(format!("before  {list} list of {url}: the node does not remember it")),
                Told::Unknown { why } => {
                    lines.push(format!("before  {list} list of {url}: not known: {why}"));
                }
            }
        }
    }
    lines
}

/// One sentence on the items of a list.
pub(super) fn text(books: &ListBooks) -> String {
    let mut parts = vec![format!("{} of {} done", books.done, books.received)];
    let mut part = |count: u64, what: &str, reasons: String| {
        if count > 0 {
            parts.push(format!("{count} {what}{reasons}"));
        }
    };
    part(sum(&books.skipped), "skipped", with_reasons(&books.skipped));
    part(sum(&books.failed), "FAILED", with_reasons(&books.failed));
    let stopped: Vec<String> =
        books.stopped.iter().map(|(state, nodes)| format!("{state} on {nodes}")).collect();
    let stopped =
        if stopped.is_empty() { String::new() } else { format!(" ({})", stopped.join(", ")) };
    part(books.waiting.saturating_add(books.running), "not done yet", stopped);
    part(books.superseded, "replaced by a newer list", String::new());
    part(books.removed, "taken off by an operator", String::new());
    parts.join(", ")
}

/// ` (too_young 3, rewritten 1)`, the most frequent first.
fn with_reasons(counts: &BTreeMap<String, u64>) -> String {
    let mut counts: Vec<(&String, &u64)> = counts.iter().collect();
    counts.sort_by_key(|(reason, count)| (std::cmp::Reverse(**count), *reason));
    let counts: Vec<String> =
        counts.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    if counts.is_empty() { String::new() } else { format!(" ({})", counts.join(", ")) }
}

/// What fails again and again.
pub(super) fn setbacks(counts: &SetbackCounts, forgotten: u64) -> Vec<String> {
    let mut lines = Vec::new();
    if !counts.cannot_be_pulled.is_empty() {
        lines.push(format!(
            "alarm   {} with too few copies could not be pulled{}; every run tries again. `donjon list show pull --only outcomes` on the node says more",
            counted(sum(&counts.cannot_be_pulled), "block"),
            with_reasons(&counts.cannot_be_pulled)
        ));
    }
    if !counts.cannot_be_trashed.is_empty() {
        lines.push(format!(
            "alarm   {} could not be trashed{}; every run tries again. `donjon list show trash --only outcomes` on the node says more",
            counted(sum(&counts.cannot_be_trashed), "replica"),
            with_reasons(&counts.cannot_be_trashed)
        ));
    }
    if counts.waiting > 0 {
        lines.push(format!(
            "note    {} that blocks can do without failed before, and a next try waits; each time longer, at most a week",
            counted(counts.waiting, "copy")
        ));
    }
    if forgotten > 0 {
        lines.push(format!(
            "note    no room to remember {}: there are more than {}",
            counted(forgotten, "failure"),
            donjon_balance::setbacks::REMEMBERED_MAX
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_one_sentence() {
        let books = ListBooks {
            received: 20,
            done: 10,
            skipped: [("rewritten".to_owned(), 1), ("too_young".to_owned(), 3)].into(),
            failed: [("volume_error".to_owned(), 2)].into(),
            waiting: 4,
            stopped: [("paused".to_owned(), 1)].into(),
            ..ListBooks::default()
        };
        assert_eq!(
            text(&books),
            "10 of 20 done, 4 skipped (too_young 3, rewritten 1), 2 FAILED (volume_error 2), 4 not done yet (paused on 1)"
        );
        assert_eq!(text(&ListBooks::default()), "0 of 0 done");
    }

    #[test]
    fn what_many_nodes_say_is_too_much_to_count_and_no_panic() {
        let most = [("a".to_owned(), u64::MAX), ("b".to_owned(), u64::MAX)];
        let books = ListBooks { failed: most.clone().into(), ..ListBooks::default() };
        assert!(text(&books).contains(&format!("{} FAILED", u64::MAX)));
        let counts = SetbackCounts { cannot_be_pulled: most.into(), ..SetbackCounts::default() };
        assert!(setbacks(&counts, 0)[0].contains(&u64::MAX.to_string()));
    }
}
