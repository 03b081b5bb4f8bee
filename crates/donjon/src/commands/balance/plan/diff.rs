//! `donjon balance plan diff`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use donjon_balance::plan::{Change, Diff, Difference, Entry, Kind, PlanReader, Slug};
use serde::Serialize;
use serde_json::{Value, json};

use super::unreadable;
use crate::counted::counted;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Format, Output};
use crate::table;

/// Compare two plans: what is added, gone and changed on each node, and block by block
#[derive(Debug, clap::Args)]
#[command(after_help = "\
First the counts: of each node and list what only the second plan orders (added), only the first
(removed), and what both order otherwise. Then blocks: - only the first plan has it, + only the
second, ~ they say other things.

With --json: one object, {\"counts\": […], \"blocks\": {…}, \"differences\": […], \"left_out\": …}.
Exit status: 0 they say the same, 4 they differ, 1 one is damaged")]
pub(super) struct DiffArgs {
    /// One plan
    #[arg(value_name = "FILE")]
    first: PathBuf,

    /// The other plan
    #[arg(value_name = "FILE")]
    second: PathBuf,

    /// At most so many blocks, by hash; 0: all
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u64,

    #[command(flatten)]
    format: Format,
}

/// How much differs on one node, in one list, for one reason.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Counts {
    added: u64,
    removed: u64,
    changed: u64,
}

/// How much differs in all.
#[derive(Debug, Default)]
struct Summary {
    counts: BTreeMap<(Option<String>, Kind, Slug), Counts>,
    only_in_first: u64,
    only_in_second: u64,
    changed: u64,
    same: u64,
}

impl Summary {
    fn count(&mut self, difference: &Difference, changes: &[Change]) {
        match difference {
            Difference::OnlyInA(_) => self.only_in_first += 1,
            Difference::OnlyInB(_) => self.only_in_second += 1,
            Difference::Changed { .. } => self.changed += 1,
        }
        for change in changes {
            let Some(reason) = change.second.as_ref().or(change.first.as_ref()) else { continue };
            let key = (change.node.clone(), change.kind, reason.clone());
            let counts = self.counts.entry(key).or_default();
            match (&change.first, &change.second) {
                (None, _) => counts.added += 1,
                (_, None) => counts.removed += 1,
                (Some(_), Some(_)) => counts.changed += 1,
            }
        }
    }

    fn differences(&self) -> u64 {
        self.only_in_first + self.only_in_second + self.changed
    }

    fn text(&self) -> String {
        let mut text = String::new();
        if !self.counts.is_empty() {
            let mut table = table::table(["NODE", "LIST", "REASON", "ADDED", "REMOVED", "CHANGED"]);
            for ((node, kind, reason), counts) in &self.counts {
                table.add_row(vec![
                    node.as_deref().unwrap_or("-").into(),
                    kind.as_str().into(),
                    reason.as_str().into(),
                    table::number(counts.added),
                    table::number(counts.removed),
                    table::number(counts.changed),
                ]);
            }
            text = format!("{}\n\n", table::text(&table));
        }
        format!(
            "{text}{} with differences: {} only in the first plan, {} only in the second, {} otherwise; {} are the same",
            counted(self.differences(), "block"),
            self.only_in_first,
            self.only_in_second,
            self.changed,
            self.same
        )
    }

    fn json(&self) -> Value {
        let counts = self.counts.iter().map(|((node, kind, reason), counts)| {
            let Counts { added, removed, changed } = counts;
            json!({
                "node": node, "list": kind, "reason": reason.as_str(),
                "added": added, "removed": removed, "changed": changed,
            })
        });
        json!({
            "counts": counts.collect::<Vec<_>>(),
            "blocks": {
                "only_in_first": self.only_in_first,
                "only_in_second": self.only_in_second,
                "changed": self.changed,
                "same": self.same,
            },
        })
    }
}

pub(super) fn run(args: DiffArgs) -> Result<Exit, Failure> {
    // Read twice: what is counted stands first, and in memory there is one block at a time.
    let mut summary = Summary::default();
    let mut diff = open(&args)?;
    while let Some(difference) = diff.next_difference().map_err(unreadable)? {
        let changes = changes(&diff, &difference);
        summary.count(&difference, &changes);
    }
    summary.same = diff.unchanged();
    let limit = if args.limit == 0 { u64::MAX } else { args.limit };
    let left_out = summary.differences().saturating_sub(limit);
    let mut output = Output::stdout();
    let mut shown = Vec::new();
    if !args.format.json {
        output.line(summary.text())?;
    }
    let mut diff = open(&args)?;
    let mut left = limit;
    while left > 0 {
        let Some(difference) = diff.next_difference().map_err(unreadable)? else { break };
        left -= 1;
        let changes = changes(&diff, &difference);
        if args.format.json {
            shown.push(as_json(&difference, &changes));
        } else {
            output.line(line(&difference, &changes))?;
        }
    }
    if args.format.json {
        let mut all = summary.json();
        all["differences"] = shown.into();
        all["left_out"] = left_out.into();
        output.json(&all)?;
    } else if left_out > 0 {
        output.line(format!("and {left_out} more; --limit 0 shows all"))?;
    }
    output.flush()?;
    Ok(if summary.differences() == 0 { Exit::Done } else { Exit::Partly })
}

fn open(args: &DiffArgs) -> Result<Diff, Failure> {
    let read = |path: &Path| PlanReader::open(path).map_err(unreadable);
    Diff::new(read(&args.first)?, read(&args.second)?).map_err(unreadable)
}

fn changes(diff: &Diff, difference: &Difference) -> Vec<Change> {
    let (first, second) = diff.headers();
    difference.changes(first, second)
}

/// The mark, and the entries of both plans.
fn sides(difference: &Difference) -> (&'static str, Option<&Entry>, Option<&Entry>) {
    match difference {
        Difference::OnlyInA(entry) => ("-", Some(entry), None),
        Difference::OnlyInB(entry) => ("+", None, Some(entry)),
        Difference::Changed { a, b } => ("~", Some(a), Some(b)),
    }
}

fn as_json(difference: &Difference, changes: &[Change]) -> Value {
    let (_, first, second) = sides(difference);
    json!({ "changes": changes, "first": first, "second": second })
}

fn line(difference: &Difference, changes: &[Change]) -> String {
    let (mark, first, second) = sides(difference);
    let block = first.or(second).map(|entry| entry.block.to_string()).unwrap_or_default();
    if changes.is_empty() {
        return format!(
            "{mark} {block}  the same is ordered; what is wanted, kept or reported differs"
        );
    }
    let changes: Vec<String> = changes.iter().map(words).collect();
    format!("{mark} {block}  {}", changes.join("; "))
}

fn words(change: &Change) -> String {
    let place = match (&change.node, &change.mount) {
        (Some(node), Some(mount)) => format!(" {mount} on {node}"),
        (_, _) => String::new(),
    };
    let kind = change.kind.as_str();
    match (&change.first, &change.second) {
        (None, Some(reason)) => format!("added: {kind}{place} ({})", reason.as_str()),
        (Some(reason), None) => format!("removed: {kind}{place} ({})", reason.as_str()),
        (Some(first), Some(second)) if first == second => {
            format!("changed: {kind}{place} ({}, of another mtime or source)", first.as_str())
        }
        (Some(first), Some(second)) => {
            format!("changed: {kind}{place} ({}, then {})", first.as_str(), second.as_str())
        }
        (None, None) => String::new(),
    }
}
