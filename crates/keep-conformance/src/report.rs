//! What a case notes down while it runs, and how that becomes a row.

use std::io;

use crate::http::{End, HttpError, Response};
use crate::row::{Row, Verdict};

const QUOTED_CHARS_MAX: usize = 120;

/// The observations of one case. Each check adds to it; no check ends the case.
#[derive(Debug, Default)]
pub(crate) struct Report {
    seen: Vec<String>,
    wrong: Vec<String>,
    better: Vec<String>,
    notes: Vec<String>,
}

/// Why a case ended before its last check.
#[derive(Debug)]
pub(crate) enum Stop {
    Skipped(String),
    Wrong(String),
}

pub(crate) type Outcome = Result<Report, Stop>;

impl Report {
    /// Adds to what the row shows as seen.
    pub(crate) fn saw(&mut self, what: impl Into<String>) {
        self.seen.push(what.into());
    }

    /// Notes a difference that nothing allows.
    pub(crate) fn wrong(&mut self, problem: impl Into<String>) {
        self.wrong.push(problem.into());
    }

    /// Notes a difference that the specification calls better.
    pub(crate) fn better(&mut self, why: impl Into<String>) {
        let why = why.into();
        if !self.better.contains(&why) {
            self.better.push(why);
        }
    }

    /// Notes something for the reader that changes no verdict.
    pub(crate) fn note(&mut self, what: impl Into<String>) {
        self.notes.push(what.into());
    }

    /// Checks a fact; `problem` says what was found instead.
    pub(crate) fn require(&mut self, holds: bool, problem: impl FnOnce() -> String) {
        if !holds {
            self.wrong(problem());
        }
    }

    /// Checks an answer's status, and that its body came whole.
    pub(crate) fn status(&mut self, doing: &str, answer: &Response, expected: u16) {
        self.saw(answer.status.to_string());
        if answer.status != expected {
            self.wrong(format!("{doing}: {}, not {expected}", quote(answer)));
        } else if answer.end == End::CutShort {
            self.wrong(format!("{doing}: {expected}, but the body was cut short"));
        }
    }

    /// Checks an error's status and text, to which the wire adds a newline.
    pub(crate) fn refusal(&mut self, doing: &str, answer: &Response, expected: u16, text: &str) {
        self.status(doing, answer, expected);
        if answer.status == expected && answer.end == End::Complete {
            self.require(answer.text() == format!("{text}\n"), || {
                format!("{doing}: {}, not {text:?}", quote(answer))
            });
        }
    }

    /// Checks a 200 and its whole body.
    pub(crate) fn content(&mut self, doing: &str, answer: &Response, expected: &[u8]) {
        self.status(doing, answer, 200);
        if answer.status == 200 && answer.end == End::Complete {
            self.require(answer.body == expected, || {
                format!(
                    "{doing}: {} bytes that are not the {} expected ones",
                    answer.body.len(),
                    expected.len()
                )
            });
        }
    }

    /// Checks a header's value.
    pub(crate) fn header(&mut self, doing: &str, answer: &Response, name: &str, expected: &str) {
        let found = answer.header(name);
        self.require(found == Some(expected), || {
            format!("{doing}: {name} is {found:?}, not {expected:?}")
        });
    }

    fn verdict(&self) -> Verdict {
        if !self.wrong.is_empty() || self.seen.is_empty() {
            return Verdict::Wrong; // a case that saw nothing has proved nothing
        }
        if self.better.is_empty() { Verdict::Same } else { Verdict::Better }
    }
}

/// Makes the row of a case from what came of it.
pub(crate) fn row(number: u8, case: &'static str, expected: &'static str, outcome: Outcome) -> Row {
    let (got, verdict, note) = match outcome {
        Ok(report) => {
            let got = if report.wrong.is_empty() {
                shorten(&report.seen)
            } else {
                report.wrong.join("; ")
            };
            let mut notes = report.better.clone();
            notes.extend(report.notes.iter().cloned());
            (got, report.verdict(), notes.join("; "))
        }
        Err(Stop::Skipped(reason)) => (String::new(), Verdict::Skipped(reason), String::new()),
        Err(Stop::Wrong(problem)) => (problem, Verdict::Wrong, String::new()),
    };
    Row { number, case, expected, got, verdict, note }
}

/// `200 / 200 / 404` as `200 ×2 / 404`.
fn shorten(seen: &[String]) -> String {
    let runs = seen.chunk_by(|one, next| one == next).map(|run| match run {
        [one] => one.clone(),
        several => format!("{} ×{}", several[0], several.len()),
    });
    runs.collect::<Vec<_>>().join(" / ")
}

/// An answer's status and the beginning of its text.
pub(crate) fn quote(answer: &Response) -> String {
    let text: String = answer.text().trim_end().chars().take(QUOTED_CHARS_MAX).collect();
    if text.is_empty() { answer.status.to_string() } else { format!("{} {text:?}", answer.status) }
}

impl From<HttpError> for Stop {
    fn from(error: HttpError) -> Self {
        Stop::Wrong(error.to_string())
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Wrong(format!("the case could not prepare or look at a volume: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Response {
        Response { status, headers: Vec::new(), body: body.as_bytes().to_vec(), end: End::Complete }
    }

    #[track_caller]
    fn check(expected: Verdict, got: &str, work: impl FnOnce(&mut Report)) {
        let mut report = Report::default();
        work(&mut report);
        let row = row(1, "case", "expected", Ok(report));
        assert_eq!((row.verdict, row.got.as_str()), (expected, got));
    }

    #[test]
    fn repeated_statuses_are_counted() {
        check(Verdict::Same, "400 ×2 / 404", |report| {
            report.refusal("a", &answer(400, "no\n"), 400, "no");
            report.refusal("b", &answer(400, "no\n"), 400, "no");
            report.status("c", &answer(404, ""), 404);
        });
    }

    #[test]
    fn another_text_is_wrong_and_wins_over_better() {
        check(Verdict::Wrong, "a: 400 \"yes\", not \"no\"", |report| {
            report.better("kinder");
            report.refusal("a", &answer(400, "yes\n"), 400, "no");
        });
    }

    #[test]
    fn a_cut_body_is_wrong() {
        check(Verdict::Wrong, "a: 200, but the body was cut short", |report| {
            report.status("a", &Response { end: End::CutShort, ..answer(200, "x") }, 200);
        });
    }

    #[test]
    fn a_case_that_saw_nothing_is_wrong() {
        check(Verdict::Wrong, "", |_report| {});
    }
}
