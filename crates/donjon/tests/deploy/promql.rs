//! Which metrics a PromQL expression names. As much of the language as rules and dashboards need.

/// A metric and the labels by which it is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selector {
    pub(crate) metric: String,
    pub(crate) labels: Vec<String>,
}

/// Words that are no metrics where no parenthesis follows.
const OPERATORS: [&str; 8] = ["and", "or", "unless", "bool", "offset", "inf", "nan", "atan2"];
/// Words before a list of labels in parentheses.
const BEFORE_LABELS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

/// Every metric that the expression names, in order.
pub(crate) fn selectors(expression: &str) -> Vec<Selector> {
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        if first == '[' {
            rest = rest.split_once(']').expect("a range ends").1;
        } else if first.is_ascii_digit() || first == '.' {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.'));
            rest = &rest[end.unwrap_or(rest.len())..];
        } else if is_of_a_name(first) {
            let end = rest.find(|c: char| !is_of_a_name(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            rest = after.trim_start();
            if BEFORE_LABELS.contains(&word) && rest.starts_with('(') {
                rest = rest.split_once(')').expect("a list of labels ends").1;
            } else if !rest.starts_with('(') && !is_operator(word, rest) {
                let (labels, after) = labels(rest);
                found.push(Selector { metric: word.to_owned(), labels });
                rest = after;
            }
        } else {
            rest = &rest[first.len_utf8()..];
        }
    }
    found
}

/// Whether it is an operator, or an aggregation whose labels stand before its argument: `sum by (x) (…)`.
fn is_operator(word: &str, rest: &str) -> bool {
    let next = rest.split(|c: char| !is_of_a_name(c)).next().unwrap_or("");
    OPERATORS.contains(&word) || BEFORE_LABELS.contains(&word) || matches!(next, "by" | "without")
}

fn is_of_a_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | ':')
}

/// The names in `{a="x",b=~"y"}`, and what follows.
fn labels(text: &str) -> (Vec<String>, &str) {
    let Some(mut rest) = text.strip_prefix('{') else { return (Vec::new(), text) };
    let mut names = Vec::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(after) = rest.strip_prefix('}') {
            return (names, after);
        }
        let (name, value) = rest.split_once(['=', '!']).expect("a label has a value");
        names.push(name.trim().to_owned());
        let value = value.split_once('"').expect("a value is quoted").1;
        rest = after_the_quote(value);
    }
}

/// What follows the closing quote.
fn after_the_quote(text: &str) -> &str {
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            '"' if !escaped => return &text[at + 1..],
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    panic!("a value without its closing quote: {text}")
}

#[track_caller]
fn check(expression: &str, expected: &[(&str, &[&str])]) {
    let found: Vec<(String, Vec<String>)> =
        selectors(expression).into_iter().map(|found| (found.metric, found.labels)).collect();
    let expected: Vec<(String, Vec<String>)> = expected
        .iter()
        .map(|(metric, labels)| {
            ((*metric).to_owned(), labels.iter().map(|label| (*label).to_owned()).collect())
        })
        .collect();
    assert_eq!(found, expected, "{expression}");
}

#[test]
fn metrics_are_found_and_functions_labels_and_spans_are_not() {
    check("up", &[("up", &[])]);
    check("a_total > 0.1e3 and b == 1", &[("a_total", &[]), ("b", &[])]);
    check("increase(a_total[1h]) > 0", &[("a_total", &[])]);
    check(
        "sum by (instance, list) (rate(a{x=\"1\",y=~\"b}\\\"c\"}[30m] offset 5m)) / on(list) c",
        &[("a", &["x", "y"]), ("c", &[])],
    );
}

#[test]
fn the_lines_of_a_metrics_page_are_read_too() {
    check("a{list=\"trash\",state=\"waiting\"}", &[("a", &["list", "state"])]);
    check("go_info", &[("go_info", &[])]);
}
