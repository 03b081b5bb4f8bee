//! What the demonstration tells while it goes on: numbered steps for people, nothing for scripts.

use std::cell::Cell;
use std::fmt::{self, Display};
use std::io::{self, Write};

use serde::Serialize;

use crate::output::Format;

/// So that prose, indented, fits a terminal of 100 columns.
const PROSE_WIDTH: usize = 95;

/// The narrator. Writes to stdout, or keeps silent if a script reads it.
pub(super) struct Story {
    audience: Cell<Audience>,
    step: u32,
    lines_shown: usize,
    checks: Vec<Check>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Audience {
    People,
    /// A script, which wants the summary alone; or people who have closed the pipe. The demonstration goes on, so that
    /// its nodes stop as they should.
    Nobody,
}

/// Something that has to be true.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Check {
    pub(super) ok: bool,
    what: String,
}

impl Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", if self.ok { "yes:" } else { "NO: " }, self.what)
    }
}

impl Story {
    pub(super) fn new(format: Format, lines_shown: usize) -> Self {
        let audience = if format.json { Audience::Nobody } else { Audience::People };
        Story { audience: Cell::new(audience), step: 0, lines_shown, checks: Vec::new() }
    }

    /// Says whether something is as it should be, and remembers it.
    pub(super) fn check(&mut self, ok: bool, what: impl Display) {
        let check = Check { ok, what: what.to_string() };
        self.tell(&check);
        self.checks.push(check);
    }

    pub(super) fn checks(&self) -> Vec<Check> {
        self.checks.clone()
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
            self.say(format_args!("   {line}").to_string().trim_end());
        }
    }

    /// A sentence or more within a step, broken into lines.
    pub(super) fn tell_prose(&self, text: impl Display) {
        self.tell(wrapped(&text.to_string()));
    }

    /// A command, as it would be typed.
    pub(super) fn command(&self, arguments: &[&str]) {
        self.tell(format_args!("$ donjon {}", arguments.join(" ")));
    }

    /// What a command says: as much of it as was asked for.
    pub(super) fn output(&self, text: &str) {
        let lines: Vec<&str> = text.lines().collect();
        // One line that says that one line is left out would be no shorter.
        let shown = if lines.len() > self.lines_shown + 1 { self.lines_shown } else { lines.len() };
        for line in &lines[..shown] {
            self.tell(format_args!("  {line}"));
        }
        if shown < lines.len() {
            self.tell(format_args!(
                "  … {} more lines (--lines N shows more)",
                lines.len() - shown
            ));
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
