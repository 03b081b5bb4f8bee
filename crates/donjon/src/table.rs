//! Tables and figures as people read them.

use comfy_table::{
    Cell, CellAlignment, ColumnConstraint, ContentArrangement, Row, Table, Width, presets,
};

/// The columns that hold sentences. They alone are wrapped, and between words; a hash, a UUID, an instant or a number that is
/// broken cannot be copied, so it goes beyond the edge of the terminal instead.
const SENTENCES: [&str; 4] = ["DETAIL", "LIVE", "PROBLEM", "REASON"];

/// A sentence has at least so many columns of the terminal, if it needs them.
const SENTENCE_MIN: usize = 24;

/// Blanks behind each column.
const PADDING: u16 = 2;

/// A table without frames: aligned for people, and still good for `awk`.
pub(crate) fn table<const N: usize>(headers: [&str; N]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(headers);
    for column in table.column_iter_mut() {
        column.set_padding((0, PADDING));
    }
    table
}

/// A figure, right-aligned.
pub(crate) fn number(value: u64) -> Cell {
    Cell::new(value).set_alignment(CellAlignment::Right)
}

/// `yes` or `no`.
pub(crate) fn yes_or_no(value: bool) -> Cell {
    Cell::new(if value { "yes" } else { "no" })
}

/// The table's text, without trailing blanks.
pub(crate) fn text(table: &Table) -> String {
    let mut table = table.clone();
    arrange(&mut table);
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Gives sentences what the other columns leave of the terminal, and everything else the width that it has.
fn arrange(table: &mut Table) {
    let contents: Vec<usize> =
        table.column_max_content_widths().into_iter().map(usize::from).collect();
    let sentences = sentences(table);
    let all: usize = contents.iter().map(|content| content + usize::from(PADDING)).sum();
    let of_sentences: usize = sentences.iter().map(|column| contents[*column]).sum();
    let free = table.width().map(|width| usize::from(width).saturating_sub(all - of_sentences));
    for (number, content) in contents.into_iter().enumerate() {
        let constraint = match free {
            Some(free) if sentences.contains(&number) => {
                let share = (free / sentences.len()).max(SENTENCE_MIN).min(content);
                let width = share.max(longest_word(table, number)) + usize::from(PADDING);
                let width = u16::try_from(width).unwrap_or(u16::MAX);
                ColumnConstraint::Absolute(Width::Fixed(width))
            }
            Some(_) | None => ColumnConstraint::ContentWidth,
        };
        if let Some(column) = table.column_mut(number) {
            column.set_constraint(constraint);
        }
    }
}

/// The numbers of the columns that hold sentences.
fn sentences(table: &Table) -> Vec<usize> {
    let headers = table.header().into_iter().flat_map(Row::cell_iter).enumerate();
    let sentences = headers.filter(|(_, header)| SENTENCES.contains(&header.content().as_str()));
    sentences.map(|(number, _)| number).collect()
}

fn longest_word(table: &Table, column: usize) -> usize {
    let cells = table.header().into_iter().chain(table.row_iter());
    let cells = cells.filter_map(|row| row.cell_iter().nth(column));
    let words = |cell: &Cell| cell.content().split(' ').map(|word| word.chars().count()).max();
    cells.filter_map(words).max().unwrap_or_default()
}

/// `1.5 MiB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1024.0;
    let mut units = UNITS.iter();
    let mut unit = units.next().expect("there are six");
    while value >= 1023.95 {
        let Some(next) = units.next() else { break };
        value /= 1024.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_take_the_unit_that_keeps_them_short() {
        for (count, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1 << 26, "64.0 MiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(bytes(count), expected);
        }
    }

    #[test]
    fn tables_have_no_frames_and_no_trailing_blanks() {
        let mut table = table(["block", "size"]);
        table.add_row(vec![Cell::new("foo"), number(3)]);
        assert_eq!(text(&table), "block  size\nfoo       3");
    }

    #[test]
    fn only_sentences_are_wrapped_and_only_between_words() {
        let hash = "acbd18db4cc2f85cedef654fccc4a4d8";
        let mount = "zzzzz-nyw5e-000000000000000";
        let time = "2026-11-24 00:20:36Z";
        let detail = "the volume cannot be read: Input/output error (os error 5)";
        for width in 1..200 {
            let mut table = table(["TIME", "BLOCK", "TRASHES SENT", "MOUNT", "DETAIL"]);
            table.set_width(width);
            table.add_row(vec![
                time.into(),
                hash.into(),
                number(1_234_567),
                mount.into(),
                detail.into(),
            ]);
            let text = text(&table);
            let mut lines = text.lines();
            assert!(lines.next().is_some_and(|header| header.contains("TRASHES SENT")), "{text}");
            let first = lines.next().unwrap_or_default();
            for whole in [time, hash, "1234567", mount] {
                assert!(first.contains(whole), "{width}:\n{text}");
            }
            for word in detail.split(' ') {
                assert!(text.lines().any(|line| line.contains(word)), "{width}: {word}\n{text}");
            }
        }
    }

    #[test]
    fn a_sentence_takes_what_the_others_leave() {
        let mut table = table(["MOUNT", "PROBLEM"]);
        table.set_width(40);
        table.add_row(vec!["m1", "it is not mounted, or mounted somewhere else"]);
        assert_eq!(
            text(&table),
            "MOUNT  PROBLEM\nm1     it is not mounted, or mounted\n       somewhere else"
        );
    }
}
