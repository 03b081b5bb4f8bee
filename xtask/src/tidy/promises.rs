//! `docs/promises.md`: every promise names a test that exists.
//!
//! A row is `| promise | `module::test_name` (`path/to/file.rs`) |`, with more than one test if need be. A test without a
//! file may be in any.

use crate::tidy::Problem;
use crate::tidy::files::Files;
use crate::tidy::markdown::{On, rows, spans_of};

const PROMISES: &str = "docs/promises.md";

/// Promises without a test.
pub(crate) fn check(files: &Files) -> Vec<Problem> {
    let Some(text) = files.text(PROMISES) else {
        return vec![Problem::new(PROMISES, "does not exist")];
    };
    let rows = rows(text);
    if rows.is_empty() {
        return vec![Problem::new(PROMISES, "holds no promise")];
    }
    rows.iter().flat_map(|row| check_row(row, files)).collect()
}

fn check_row(row: &On<Vec<&str>>, files: &Files) -> Vec<Problem> {
    let Some(proof) =
        row.it.get(1..).filter(|cells| !cells.is_empty()).map(|cells| cells.join(" "))
    else {
        return vec![Problem::at(
            PROMISES,
            row.line,
            "a row needs two cells: the promise and its test",
        )];
    };
    let (paths, tests): (Vec<&str>, Vec<&str>) = spans_of(&proof).partition(|span| is_path(span));
    if tests.is_empty() {
        return vec![Problem::at(PROMISES, row.line, "names no test")];
    }
    let missing = tests.iter().filter(|test| !exists(test, &paths, files));
    missing
        .map(|test| Problem::at(PROMISES, row.line, format!("there is no test `{test}`")))
        .collect()
}

fn is_path(span: &str) -> bool {
    span.contains('/')
}

fn exists(test: &str, paths: &[&str], files: &Files) -> bool {
    let name = test.rsplit("::").next().unwrap_or(test);
    let rust = format!("fn {name}(");
    let python = format!("def {name}(");
    let holds = |text: &str| text.contains(&rust) || text.contains(&python);
    if paths.is_empty() {
        return files.with_end(".rs").chain(files.with_end(".py")).any(|(_, text)| holds(text));
    }
    paths.iter().filter_map(|path| files.text(path)).any(holds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(promises: &str, problems: usize) {
        let text = format!("| promise | test |\n|---|---|\n{promises}\n");
        let files = Files::of(&[
            (PROMISES, &text),
            ("a/tests/x.rs", "#[test]\nfn it_holds() {}\nfn it_holds_too() {}"),
        ]);
        let found = super::check(&files);
        assert_eq!(found.len(), problems, "{found:?}");
    }

    #[test]
    fn a_promise_names_a_test_that_exists() {
        check("| It holds. | `x::it_holds` (`a/tests/x.rs`) |", 0);
        check("| It holds. | `it_holds`, `it_holds_too` |", 0);
        check("| It holds. | `x::it_hold` (`a/tests/x.rs`) |", 1);
    }

    #[test]
    fn a_test_must_be_in_the_file_named() {
        check("| It holds. | `it_holds` (`a/tests/y.rs`) |", 1);
    }

    #[test]
    fn a_promise_without_a_test_is_a_problem() {
        check("| It holds. | surely |", 1);
        check("| It holds. |", 1);
    }
}
