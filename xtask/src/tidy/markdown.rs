//! Code spans, links and table rows of a Markdown text.

/// Something on a line, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct On<T> {
    pub(crate) line: usize,
    pub(crate) it: T,
}

/// The lines outside fenced blocks.
fn prose(text: &str) -> impl Iterator<Item = On<&str>> {
    let mut fenced = false;
    text.lines().zip(1..).filter_map(move |(it, line)| {
        let fence = it.trim_start().starts_with("```");
        let shown = !fenced && !fence;
        fenced ^= fence;
        shown.then_some(On { line, it })
    })
}

/// The contents of every `code span`.
pub(crate) fn code_spans(text: &str) -> impl Iterator<Item = On<&str>> {
    prose(text).flat_map(|On { line, it }| spans_of(it).map(move |it| On { line, it }))
}

/// The contents of the code spans of one line.
pub(crate) fn spans_of(line: &str) -> impl Iterator<Item = &str> {
    // A span is what stands between an odd and an even backtick; one that is not closed is no span.
    let closed = line.matches('`').count() / 2;
    line.split('`').skip(1).step_by(2).take(closed)
}

/// The targets of every `[text](target)`.
pub(crate) fn links(text: &str) -> impl Iterator<Item = On<&str>> {
    prose(text).flat_map(|On { line, it }| {
        it.split("](").skip(1).filter_map(move |rest| {
            let (target, _) = rest.split_once(')')?;
            Some(On { line, it: target })
        })
    })
}

/// The rows of every table, without heads and rules: its cells.
pub(crate) fn rows(text: &str) -> Vec<On<Vec<&str>>> {
    let mut rows: Vec<On<Vec<&str>>> = Vec::new();
    for On { line, it } in prose(text) {
        let Some(cells) = it.trim().strip_prefix('|').and_then(|rest| rest.strip_suffix('|'))
        else {
            continue;
        };
        let is_rule = cells.chars().all(|character| matches!(character, '-' | ':' | '|' | ' '));
        if is_rule {
            rows.pop(); // the head
        } else {
            rows.push(On { line, it: cells.split('|').map(str::trim).collect() });
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_what_stands_between_backticks() {
        assert_eq!(spans_of("see `a/b.rs` and `c`.").collect::<Vec<_>>(), ["a/b.rs", "c"]);
        assert_eq!(spans_of("an open ` is no span").count(), 0);
    }

    #[test]
    fn fenced_blocks_are_not_read() {
        let text = "`one`\n```sh\n`two`\n```\n`three`";
        let spans: Vec<_> = code_spans(text).map(|span| (span.line, span.it)).collect();
        assert_eq!(spans, [(1, "one"), (5, "three")]);
    }

    #[test]
    fn rows_leave_out_heads_and_rules() {
        let rows = rows("| a | b |\n|---|:-:|\n| 1 | 2 |\ntext\n");
        assert_eq!(rows, [On { line: 3, it: vec!["1", "2"] }]);
    }

    #[test]
    fn links_give_their_targets() {
        let text = "[a](docs/a.md), [b](https://x)";
        assert_eq!(links(text).map(|link| link.it).collect::<Vec<_>>(), ["docs/a.md", "https://x"]);
    }
}
