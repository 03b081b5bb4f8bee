//! `donjon balance plan diff`

use std::path::PathBuf;

use donjon_balance::plan::{Diff, Difference, Entry, PlanReader};
use serde_json::json;

use super::unreadable;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Format, Output};

/// Compare two plans, block by block
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each line is a block: - only the first plan has it, + only the second, ~ they say other things.
Exit status: 0 they say the same, 4 they differ, 1 one is damaged")]
pub(super) struct DiffArgs {
    /// One plan
    #[arg(value_name = "FILE")]
    first: PathBuf,

    /// The other plan
    #[arg(value_name = "FILE")]
    second: PathBuf,

    #[command(flatten)]
    format: Format,
}

pub(super) fn run(args: DiffArgs) -> Result<Exit, Failure> {
    let first = PlanReader::open(&args.first).map_err(unreadable)?;
    let second = PlanReader::open(&args.second).map_err(unreadable)?;
    let mut diff = Diff::new(first, second).map_err(unreadable)?;
    let mut output = Output::stdout();
    let mut differences = 0_u64;
    while let Some(difference) = diff.next_difference().map_err(unreadable)? {
        differences += 1;
        let (mark, first, second) = match &difference {
            Difference::OnlyInA(entry) => ("-", Some(entry), None),
            Difference::OnlyInB(entry) => ("+", None, Some(entry)),
            Difference::Changed { a, b } => ("~", Some(a), Some(b)),
        };
        if args.format.json {
            output.json(&json!({ "first": first, "second": second }))?;
        } else {
            let said = |entry: Option<&Entry>| entry.map(summary).unwrap_or_default();
            let block = first.or(second).map(|entry| entry.block.to_string()).unwrap_or_default();
            let arrow = if mark == "~" { " -> " } else { "" };
            output.line(format!("{mark} {block} {}{arrow}{}", said(first), said(second)))?;
        }
    }
    if !args.format.json {
        output.line(format!("{differences} blocks differ, {} are the same", diff.unchanged()))?;
    }
    output.flush()?;
    Ok(if differences == 0 { Exit::Done } else { Exit::Partly })
}

fn summary(entry: &Entry) -> String {
    let trashed = entry
        .replicas
        .iter()
        .filter(|replica| matches!(replica.fate, donjon_balance::plan::Fate::Trash { .. }))
        .count();
    let lost = if entry.lost.is_some() { " lost" } else { "" };
    format!(
        "{} replicas, {trashed} to trash, {} to pull{lost}",
        entry.replicas.len(),
        entry.pulls.len()
    )
}
