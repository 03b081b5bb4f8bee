//! Doing one thing to each of several blocks, and telling what became of each.

use keep_protocol::client::ClientError;
use keep_rules::Locator;
use serde::Serialize;

use crate::exit::{Exit, Tally};
use crate::failure::{Failure, with_advice};
use crate::locators::{self, LocatorArg};
use crate::node::NodeArgs;
use crate::output::{Format, Output};

/// The blocks, and how to tell of them.
#[derive(Debug, clap::Args)]
pub(super) struct BlocksArgs {
    /// The blocks; - reads locators from standard input, the first word of each line
    #[arg(required = true, value_name = "LOCATOR")]
    locators: Vec<LocatorArg>,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    pub(super) node: NodeArgs,
}

/// What became of one block.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    locator: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip)]
    ending: Ending,
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    Done,
    Missing,
    Kept,
    Failed,
}

impl Report {
    pub(super) fn done(locator: &Locator, outcome: &'static str) -> Self {
        Report {
            locator: locator.to_string(),
            outcome,
            size: None,
            detail: None,
            ending: Ending::Done,
        }
    }

    pub(super) fn found(locator: &Locator, size: u64) -> Self {
        Report { size: Some(size), ..Report::done(locator, "found") }
    }

    pub(super) fn kept(locator: &Locator, detail: String) -> Self {
        Report { detail: Some(detail), ending: Ending::Kept, ..Report::done(locator, "kept") }
    }

    pub(super) fn from_error(locator: &Locator, error: &ClientError) -> Self {
        if matches!(error, ClientError::NotFound) {
            return Report { ending: Ending::Missing, ..Report::done(locator, "not_found") };
        }
        let detail = Some(with_advice(error));
        Report { detail, ending: Ending::Failed, ..Report::done(locator, "failed") }
    }

    fn text(&self) -> String {
        let mut text = format!("{}  {}", self.locator, self.outcome.replace('_', " "));
        if let Some(size) = self.size {
            text.push_str(&format!(", {size} bytes"));
        }
        if let Some(detail) = &self.detail {
            text.push_str(": ");
            text.push_str(detail);
        }
        text
    }
}

/// Calls `act` for each block in turn; prints each report at once. Goes on after errors, except when the node is not there.
pub(super) async fn each<F>(
    args: BlocksArgs,
    mut act: impl FnMut(Locator) -> F,
) -> Result<Exit, Failure>
where
    F: Future<Output = Result<Report, (Locator, ClientError)>>,
{
    let mut tally = Tally::default();
    let mut output = Output::stdout();
    for locator in locators::all(args.locators)? {
        let report = match act(locator).await {
            Ok(report) => report,
            Err((locator, error @ ClientError::Unreachable { .. })) => {
                output.flush()?;
                return Err(Failure::node(format!("block {locator}"))(error));
            }
            Err((locator, error)) => Report::from_error(&locator, &error),
        };
        tally.count(report.ending);
        if args.format.json {
            output.json(&report)?
        } else {
            output.line(report.text())?
        }
        output.flush()?;
    }
    Ok(tally.exit())
}

impl Tally {
    fn count(&mut self, ending: Ending) {
        match ending {
            Ending::Done => self.done += 1,
            Ending::Missing => self.missing += 1,
            Ending::Kept => self.kept += 1,
            Ending::Failed => self.failed += 1,
        }
    }
}
