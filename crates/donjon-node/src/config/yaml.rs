//! From YAML text to a tree: the one place that names the YAML library.

use std::fmt;

use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};

use super::node::Node;

/// A text that is not YAML: where, and what is wrong. Never repeats the text, which may hold secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadYaml {
    /// Line and column, both from 1, if the reader knows them.
    pub place: Option<(u64, u64)>,
    /// What is wrong there.
    pub problem: String,
}

impl fmt::Display for BadYaml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some((line, column)) => write!(f, "line {line}, column {column}: {}", self.problem),
            None => f.write_str(&self.problem),
        }
    }
}

/// Reads one YAML document; JSON is YAML too. Plain `yes`, `no`, `on` and `off` are booleans, as in YAML 1.1, because
/// Arvados reads its files so. Numbers with leading zeros or underscores stay text. Depth, aliases and size of the
/// tree are limited.
///
/// # Errors
/// The first place that is not YAML, or that breaks a limit.
pub(super) fn load_yaml(text: &str) -> Result<Node, BadYaml> {
    // No snippet: it would print the neighbouring lines, and one of them may be the SystemRootToken.
    let options = serde_saphyr::options! {
        with_snippet: false,
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| BadYaml {
        place: error.location().map(|place| (place.line(), place.column())),
        problem: problem(&error),
    })
}

/// What is wrong, without any text of the file. Errors that could quote the file get words of our own.
fn problem(error: &serde_saphyr::Error) -> String {
    use serde_saphyr::Error as Yaml;
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a new variant may quote the file, so it gets the general words"
    )]
    match error {
        // The scanner's own words: fixed texts, at most one character of the file.
        Yaml::ExternalMessage { msg, .. } => msg.clone(),
        Yaml::AliasError { error, .. } => problem(error),
        Yaml::Eof { .. } => "the text ends too early".to_owned(),
        Yaml::MultipleDocuments { .. } => "a second document begins here; write one".to_owned(),
        Yaml::UnknownAnchor { .. } => "an alias (*name) has no anchor (&name) before it".to_owned(),
        Yaml::NullIntoString { .. } | Yaml::Unexpected { .. } => {
            "a key is not plain text".to_owned()
        }
        Yaml::Budget { .. }
        | Yaml::AliasReplayLimitExceeded { .. }
        | Yaml::AliasExpansionLimitExceeded { .. }
        | Yaml::AliasReplayStackDepthExceeded { .. } => {
            "too deep, too long or too many aliases for a configuration".to_owned()
        }
        _ => "not YAML that can be read".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Node {
        Node::Text(text.to_owned())
    }

    #[track_caller]
    fn value(yaml: &str, expected: Node) {
        assert_eq!(
            load_yaml(&format!("k: {yaml}")),
            Ok(Node::Map(vec![("k".to_owned(), expected)])),
            "{yaml}"
        );
    }

    #[test]
    fn scalars_are_read_as_yaml_1_1() {
        value("yes", Node::Bool(true));
        value("off", Node::Bool(false));
        value("'yes'", text("yes"));
        value("~", Node::Null);
        value("", Node::Null);
        value("-3", Node::Int(-3));
        value("1.5", Node::Float(1.5));
        value("336h", text("336h"));
    }

    #[test]
    fn digits_that_may_be_a_name_stay_text() {
        value("0777", text("0777"));
        value("1_000", text("1_000"));
        value(".nan", text(".nan"));
    }

    #[test]
    fn a_key_keeps_its_spelling() {
        assert_eq!(load_yaml("00on: 1"), Ok(Node::Map(vec![("00on".to_owned(), Node::Int(1))])));
        assert_eq!(load_yaml("12345: 1"), Ok(Node::Map(vec![("12345".to_owned(), Node::Int(1))])));
        assert_eq!(load_yaml("1e400: 1"), Ok(Node::Map(vec![("1e400".to_owned(), Node::Int(1))])));
    }

    #[test]
    fn keys_given_twice_are_both_kept() {
        let both = Node::Map(vec![("k".to_owned(), Node::Int(1)), ("k".to_owned(), Node::Int(2))]);
        assert_eq!(load_yaml("k: 1\nk: 2"), Ok(both));
    }

    #[test]
    fn an_empty_text_is_null() {
        assert_eq!(load_yaml(""), Ok(Node::Null));
    }

    #[test]
    fn json_is_read_too() {
        let list = Node::List(vec![Node::Int(1), Node::Bool(true), Node::Null]);
        assert_eq!(
            load_yaml(r#"{"k": [1, true, null]}"#),
            Ok(Node::Map(vec![("k".to_owned(), list)]))
        );
    }

    #[test]
    fn errors_say_where_and_keep_the_text_to_themselves() {
        for bad in [
            "a: 1\nsecretvalue: [",
            "a: *secretvalue",
            "a: !!int secretvalue",
            "--- 1\n--- secretvalue",
            "a: \"secretvalue",
        ] {
            let error = load_yaml(bad).expect_err(bad);
            assert!(error.place.is_some(), "{bad}: {error}");
            assert!(!error.to_string().contains("secretvalue"), "{error}");
        }
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let inner = format!("*a{}, ", level - 1).repeat(10);
            bomb.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
        }
        let error = load_yaml(&bomb).expect_err("a bomb");
        assert!(error.problem.contains("too many aliases"), "{error}");
    }
}
