use std::fmt::Write;

use crate::row::{Row, Summary, Verdict};

pub(crate) const CASE_WIDTH: usize = 38;
pub(crate) const EXPECTED_WIDTH: usize = 32;
const GOT_WIDTH: usize = 30;
const WIDTH: usize = 120;
/// Under a row, remarks begin below the case's text.
const INDENT: &str = "      ";

/// Draws the rows as a table of at most 120 columns, with the summary as its last line.
///
/// What does not fit a column is cut there; of a wrong row the whole finding follows below it, and of others the note.
pub fn render(rows: &[Row]) -> String {
    let mut table = String::new();
    line(&mut table, "#", "case", "expected", "got", "verdict");
    for row in rows {
        line(
            &mut table,
            &row.number.to_string(),
            row.case,
            row.expected,
            &row.got,
            row.verdict.word(),
        );
        for remark in remarks(row) {
            wrapped(&mut table, remark);
        }
    }
    writeln!(table, "{}", Summary::of(rows)).expect("a String takes every text");
    table
}

/// The rows and the summary as one JSON object, pretty-printed.
///
/// # Examples
/// ```
/// let text = keep_conformance::to_json(&[]);
/// assert!(text.contains("\"summary\""));
/// ```
pub fn to_json(rows: &[Row]) -> String {
    format!("{:#}\n", serde_json::json!({ "rows": rows, "summary": Summary::of(rows) }))
}

fn remarks(row: &Row) -> Vec<&str> {
    let whole_finding = row.verdict == Verdict::Wrong && row.got.chars().count() > GOT_WIDTH;
    let mut remarks = Vec::new();
    if whole_finding {
        remarks.push(row.got.as_str());
    }
    if let Verdict::Skipped(reason) = &row.verdict {
        remarks.push(reason);
    }
    if !row.note.is_empty() {
        remarks.push(&row.note);
    }
    remarks
}

fn line(table: &mut String, number: &str, case: &str, expected: &str, got: &str, verdict: &str) {
    let (case, expected, got) =
        (cut(case, CASE_WIDTH), cut(expected, EXPECTED_WIDTH), cut(got, GOT_WIDTH));
    writeln!(
        table,
        "{number:>3}  {case:CASE_WIDTH$}  {expected:EXPECTED_WIDTH$}  {got:GOT_WIDTH$}  {verdict}"
    )
    .expect("a String takes every text");
}

fn wrapped(table: &mut String, remark: &str) {
    let mut row = String::new();
    for word in remark.split_whitespace() {
        if !row.is_empty() && INDENT.len() + row.chars().count() + 1 + word.chars().count() > WIDTH
        {
            writeln!(table, "{INDENT}{row}").expect("a String takes every text");
            row.clear();
        }
        if !row.is_empty() {
            row.push(' ');
        }
        row.push_str(word);
    }
    writeln!(table, "{INDENT}{row}").expect("a String takes every text");
}

/// The text in at most `width` characters on one line.
fn cut(text: &str, width: usize) -> String {
    let mut shown: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(width).collect();
    if text.chars().count() > width {
        shown.pop();
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(verdict: Verdict, got: &str) -> Row {
        let note = "a note ".repeat(30);
        Row {
            number: 91,
            case: "unknown flag; extra argument",
            expected: "exit 2",
            got: got.to_owned(),
            verdict,
            note,
        }
    }

    #[test]
    fn the_table_fits_and_ends_with_the_summary() {
        let long = "many words of what was found instead ".repeat(10);
        let rows = [
            row(Verdict::Same, "2"),
            row(Verdict::Wrong, &long),
            row(Verdict::Skipped(long.clone()), ""),
        ];
        let table = render(&rows);
        assert!(table.lines().all(|line| line.chars().count() <= WIDTH), "{table}");
        assert_eq!(table.lines().last(), Some("1 same, 0 better, 1 wrong, 1 skipped"));
        assert!(table.contains("WRONG"));
    }

    #[test]
    fn json_has_the_verdict_and_the_reason() {
        let text = to_json(&[row(Verdict::Skipped("no key".to_owned()), "")]);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["rows"][0]["verdict"], "skipped");
        assert_eq!(value["rows"][0]["reason"], "no key");
        assert_eq!(value["summary"]["skipped"], 1);
    }
}
