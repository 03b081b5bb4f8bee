//! What the demonstration tells while it goes on: numbered steps for people, nothing for scripts.

use std::collections::BTreeMap;
use std::fmt::Display;

use keep_protocol::status::{ListStatus, Outcome, OutcomeKind};

use crate::commands::list::books_table;
use crate::output::Format;
use crate::table;

/// The narrator. Writes to stdout, or keeps silent if a script reads it.
pub(super) struct Story {
    audience: Audience,
    step: u32,
    items_shown: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Audience {
    People,
    Script,
}

impl Story {
    pub(super) fn new(format: Format, items_shown: usize) -> Self {
        let audience = if format.json { Audience::Script } else { Audience::People };
        Story { audience, step: 0, items_shown }
    }

    /// Begins the next step.
    pub(super) fn step(&mut self, title: impl Display) {
        self.step += 1;
        self.say(format_args!("\n{}. {title}", self.step));
    }

    /// A line within a step.
    pub(super) fn tell(&self, line: impl Display) {
        let text = line.to_string();
        for line in text.lines() {
            self.say(format_args!("   {line}"));
        }
    }

    /// What became of a list, and of its items: those that were not done first.
    pub(super) fn tell_list(&self, status: &ListStatus, outcomes: &[Outcome]) {
        self.tell(books_table(std::slice::from_ref(status)));
        self.tell("");
        let mut shown: Vec<Outcome> = outcomes.to_vec();
        shown.sort_by_key(|outcome| (outcome.outcome == OutcomeKind::Done, outcome.number));
        shown.truncate(self.items_shown);
        self.tell(items_table(&shown));
        if let Some(more @ 1..) = outcomes.len().checked_sub(shown.len()) {
            self.tell(format_args!("… and {more} more (--items N shows more of them)"));
        }
        let reasons: BTreeMap<&str, &str> = outcomes
            .iter()
            .filter_map(|outcome| Some((outcome.reason.as_deref()?, outcome.detail.as_deref()?)))
            .collect();
        for (reason, detail) in reasons {
            self.tell(format_args!("{reason}: {detail}"));
        }
    }

    fn say(&self, line: impl Display) {
        if self.audience == Audience::People {
            println!("{line}");
        }
    }
}

/// What became of items, narrow enough for a terminal; the reasons are explained below it.
fn items_table(outcomes: &[Outcome]) -> String {
    let mut table = table::table(["BLOCK", "MOUNT", "OUTCOME", "REASON"]);
    for outcome in outcomes {
        table.add_row([
            outcome.locator.as_str(),
            &outcome.mount_uuid,
            outcome.outcome.as_str(),
            outcome.reason.as_deref().unwrap_or_default(),
        ]);
    }
    table::text(&table)
}
