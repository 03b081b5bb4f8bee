use std::fmt;

use serde::Serialize;

/// What became of one case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its number in spec section 12.
    pub number: u8,
    /// What was asked of the server.
    pub case: &'static str,
    /// What the specification says.
    pub expected: &'static str,
    /// What the server did; of a wrong one, what differed.
    pub got: String,
    /// The judgement.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Why it is better, or what else was noticed. Often empty.
    pub note: String,
}

/// A judgement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", content = "reason", rename_all = "lowercase")]
pub enum Verdict {
    /// As the Go keepstore does.
    Same,
    /// Otherwise, in a way that the specification calls better or acceptable.
    Better,
    /// Otherwise.
    Wrong,
    /// Not tried, for this reason. Not a failure.
    Skipped(String),
}

/// How many rows there are of each verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Rows as the Go keepstore.
    pub same: usize,
    /// Rows that are better.
    pub better: usize,
    /// Rows that are wrong.
    pub wrong: usize,
    /// Rows that were not tried.
    pub skipped: usize,
}

impl Summary {
    /// Counts `rows`.
    pub fn of(rows: &[Row]) -> Self {
        let mut summary = Summary::default();
        for row in rows {
            match row.verdict {
                Verdict::Same => summary.same += 1,
                Verdict::Better => summary.better += 1,
                Verdict::Wrong => summary.wrong += 1,
                Verdict::Skipped(_) => summary.skipped += 1,
            }
        }
        summary
    }

    /// Whether something was tried and nothing is wrong.
    pub fn passed(&self) -> bool {
        self.wrong == 0 && self.same + self.better > 0
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { same, better, wrong, skipped } = self;
        write!(f, "{same} same, {better} better, {wrong} wrong, {skipped} skipped")
    }
}

impl Verdict {
    /// One word for a table.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Same => "same",
            Verdict::Better => "better",
            Verdict::Wrong => "WRONG",
            Verdict::Skipped(_) => "skipped",
        }
    }
}
