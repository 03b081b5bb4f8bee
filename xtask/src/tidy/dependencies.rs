//! Each dependency has its reason on record: a row in `docs/decisions/dependencies.md`.

use std::collections::BTreeSet;

use crate::tidy::Problem;
use crate::tidy::files::Files;
use crate::tidy::markdown::{rows, spans_of};
use crate::workspace::{Origin, Workspace};

const RECORD: &str = "docs/decisions/dependencies.md";

/// Dependencies without a row, and rows without a dependency.
pub(crate) fn check(workspace: &Workspace, files: &Files) -> Vec<Problem> {
    let all = workspace.packages.iter().flat_map(|package| &package.dependencies);
    let theirs = all.filter(|dependency| dependency.origin == Origin::Theirs);
    let used = theirs.map(|dependency| dependency.name.as_str()).collect();
    compare(&used, files.text(RECORD).unwrap_or(""))
}

fn compare(used: &BTreeSet<&str>, record: &str) -> Vec<Problem> {
    let rows = rows(record);
    let recorded: Vec<_> =
        rows.iter().flat_map(|row| spans_of(row.it[0]).map(|name| (row.line, name))).collect();
    let names: BTreeSet<&str> = recorded.iter().map(|(_, name)| *name).collect();
    let without_row = used.difference(&names).map(|name| {
        Problem::new(
            RECORD,
            format!("does not say why `{name}` is a dependency: add a row, or do without it"),
        )
    });
    let without_use =
        recorded.iter().filter(|(_, name)| !used.contains(name)).map(|(line, name)| {
            Problem::at(
                RECORD,
                *line,
                format!("`{name}` is no direct dependency any more: take the row out"),
            )
        });
    without_row.chain(without_use).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDED: &str = "| crate | why |\n|---|---|\n| `bytes` | pieces of bodies |\n";

    #[test]
    fn a_dependency_needs_a_row() {
        assert!(compare(&BTreeSet::from(["bytes"]), RECORDED).is_empty());
        assert_eq!(compare(&BTreeSet::from(["bytes", "http"]), RECORDED).len(), 1);
    }

    #[test]
    fn a_row_needs_a_dependency() {
        assert_eq!(
            compare(&BTreeSet::new(), RECORDED)[0].place,
            "docs/decisions/dependencies.md:3"
        );
    }
}
