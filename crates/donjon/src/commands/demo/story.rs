//! What the demonstration tells while it goes on: numbered steps for people, nothing for scripts.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, Write};

use keep_protocol::status::{ListStatus, Outcome, OutcomeKind};

use crate::commands::list::books_table;
use crate::output::Format;
use crate::table;

/// So that prose, indented, fits a terminal of 100 columns.
const PROSE_WIDTH: usize = 95;

/// The narrator. Writes to stdout, or keeps silent if a script reads it.
pub(super) struct Story {
    audience: Cell<Audience>,
    step: u32,
    items_shown: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Audience {
    People,
    /// A script, which wants the summary alone; or people who have closed the pipe. The demonstration goes on, so that
    /// its nodes stop as they should.
    Nobody,
}

impl Story {
    pub(super) fn new(format: Format, items_shown: usize) -> Self {
        let audience = if format.json { Audience::Nobody } else { Audience::People };
        Story { audience: Cell::new(audience), step: 0, items_shown }
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

    /// A sentence or more within a step, broken into lines.
    pub(super) fn tell_prose(&self, text: impl Display) {
        self.tell(wrapped(&text.to_string()));
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
            self.tell_prose(format_args!("{reason}: {detail}"));
        }
    }

    fn say(&self, line: impl Display) {
        if self.audience.get() == Audience::People && writeln!(io::stdout(), "{line}").is_err() {
            self.audience.set(Audience::Nobody);
        }
    }
}

/// The text in lines of at most [`PROSE_WIDTH`] characters, as far as its words allow.
fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut width = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > PROSE_WIDTH {
            lines.push('\n');
            width = 0;
        } else if width > 0 {
            lines.push(' ');
            width += 1;
        }
        lines.push_str(word);
        width += length;
    }
    lines
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_broken_between_words_and_loses_none() {
        let text = "block ".repeat(40) + &"x".repeat(200);
        let lines = wrapped(&text);
        assert_eq!(lines.replace('\n', " "), text);
        let long: Vec<&str> = lines.lines().filter(|line| line.len() > PROSE_WIDTH).collect();
        assert_eq!(long, [&"x".repeat(200)], "only a word that is too long by itself");
    }
}
