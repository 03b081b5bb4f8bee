use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::timeout;

use crate::cases::{self, Case};
use crate::context::Context;
use crate::report::{self, Stop};
use crate::row::Row;
use crate::target::Target;

/// How long one case may take. The longest one moves 64 MiB a few times.
const CASE_TIMEOUT: Duration = Duration::from_secs(180);

/// Which cases to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// All of them.
    #[default]
    All,
    /// Those of these numbers; unknown numbers select nothing.
    Numbers(BTreeSet<u8>),
}

impl Selection {
    fn has(&self, number: u8) -> bool {
        match self {
            Selection::All => true,
            Selection::Numbers(numbers) => numbers.contains(&number),
        }
    }
}

/// Runs the selected cases against `target`, one after another, and reports each row as it is known.
///
/// Needs a tokio runtime with time, network and processes.
///
/// # Cancel safety
/// Dropping the future stops every server that was started.
///
/// # Examples
/// ```no_run
/// use keep_conformance::{ProcessLauncher, Selection, Summary, Target, render, run};
/// # async fn example() {
/// let target = Target::launched(ProcessLauncher::new("donjon", &["serve", "--config", "{config}"]));
/// let rows = run(&target, &Selection::All, |row| eprintln!("{}", row.number)).await;
/// print!("{}", render(&rows));
/// assert!(Summary::of(&rows).passed());
/// # }
/// ```
pub async fn run(target: &Target, selection: &Selection, mut each: impl FnMut(&Row)) -> Vec<Row> {
    let mut rows = Vec::new();
    for case in cases::all().filter(|case| selection.has(case.number)) {
        let row = run_one(target, case).await;
        each(&row);
        rows.push(row);
    }
    rows
}

async fn run_one(target: &Target, case: &Case) -> Row {
    let outcome = match Context::new(target) {
        Ok(context) => timeout(CASE_TIMEOUT, (case.run)(&context)).await.unwrap_or_else(|_late| {
            Err(Stop::Wrong(format!("the case did not end within {CASE_TIMEOUT:?}")))
        }),
        Err(error) => Err(error.into()),
    };
    report::row(case.number, case.text, case.expected, outcome)
}
