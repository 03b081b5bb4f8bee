//! One map of the file, read key by key.
//!
//! Invariant: a value that cannot be used is noted in the report and its default is given instead, so that reading goes
//! on and every mistake is found in one pass. `null` is the same as no key (spec section 8).

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::duration::{parse_duration, show_duration};
use super::node::Node;
use super::path::KeyPath;
use super::problem::{Notice, Problem, shown, shown_node};
use super::report::Report;
use super::spelling::nearest;

/// A map of the file and the keys that were asked for so far.
pub(super) struct Section<'a> {
    path: KeyPath,
    entries: &'a [(String, Node)],
    known: Vec<&'static str>,
}

/// What other keys of a section mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OtherKeys {
    /// Nothing: each gets a warning.
    Unknown,
    /// Other programs of the cluster read them: only those that look misspelt get a warning.
    ForOtherPrograms,
}

/// An entry of a map whose keys are names that the operator chose: volumes, classes, URLs.
pub(super) struct Named<'a> {
    pub(super) name: &'a str,
    pub(super) path: KeyPath,
    pub(super) value: &'a Node,
}

impl<'a> Section<'a> {
    /// The map at `path`; empty if there is none, and if the value is no map, which is noted.
    pub(super) fn at(path: KeyPath, node: Option<&'a Node>, report: &mut Report) -> Self {
        let entries: &[(String, Node)] = match node {
            Some(Node::Map(entries)) => entries,
            None | Some(Node::Null) => &[],
            Some(
                other @ (Node::Bool(_)
                | Node::Int(_)
                | Node::Float(_)
                | Node::Text(_)
                | Node::List(_)),
            ) => {
                // By its kind alone: what stands where a section belongs may be a secret.
                report.mistake(
                    &path,
                    Problem::NotA { found: other.kind().to_owned(), wanted: "a map" },
                );
                &[]
            }
        };
        let mut seen = BTreeSet::new();
        for (key, _) in entries.iter().filter(|(key, _)| !seen.insert(key)) {
            report.mistake(&path.child(key), Problem::KeyTwice);
        }
        Section { path, entries, known: Vec::new() }
    }

    /// Where this section stands.
    pub(super) fn path(&self) -> &KeyPath {
        &self.path
    }

    /// Where `key` of this section stands.
    pub(super) fn child(&self, key: &str) -> KeyPath {
        self.path.child(key)
    }

    /// The entries, for a section whose keys are names. The entry `SAMPLE` is left out (spec section 8).
    pub(super) fn named(&self) -> impl Iterator<Item = Named<'a>> + use<'a, '_> {
        let named =
            |(name, value): &'a (String, Node)| Named { name, path: self.path.child(name), value };
        self.entries.iter().filter(|(name, _)| name != "SAMPLE").map(named)
    }

    /// The value of a key, `None` if it is absent or null.
    fn find(&mut self, key: &'static str) -> Option<&'a Node> {
        self.known.push(key);
        let (_, value) = self.entries.iter().find(|(name, _)| name == key)?;
        (*value != Node::Null).then_some(value)
    }

    /// Keys that Arvados knows here, and that mean nothing to this node: no mistake, and not read.
    pub(super) fn known_unused(&mut self, keys: &[&'static str]) {
        self.known.extend(keys);
    }

    /// The section below this one.
    pub(super) fn section(&mut self, key: &'static str, report: &mut Report) -> Section<'a> {
        Section::at(self.child(key), self.find(key), report)
    }

    /// True or false.
    pub(super) fn flag(&mut self, key: &'static str, default: bool, report: &mut Report) -> bool {
        match self.find(key) {
            Some(Node::Bool(value)) => *value,
            other => {
                self.refuse_some(key, other, "true or false", report);
                default
            }
        }
    }

    /// A text that is no secret; `""` if absent.
    pub(super) fn text(&mut self, key: &'static str, report: &mut Report) -> &'a str {
        match self.find(key) {
            Some(Node::Text(text)) => text,
            other => {
                self.refuse_some(key, other, "text; write it in quotes", report);
                ""
            }
        }
    }

    /// A token or key: ASCII letters and digits, or `None` if empty or absent. Never shown in a message.
    pub(super) fn secret(&mut self, key: &'static str, report: &mut Report) -> Option<&'a str> {
        match self.find(key) {
            None => None,
            Some(Node::Text(text)) if text.is_empty() => None,
            Some(Node::Text(text)) => {
                if !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                    report.mistake(&self.child(key), Problem::NotAlphanumeric);
                } else if text.len() < 32 {
                    report.warn(&self.child(key), Notice::ShortSecret);
                }
                Some(text)
            }
            Some(other) => {
                report.mistake(&self.child(key), Problem::SecretNotText { found: other.kind() });
                // As if set, so that "is empty" is not reported beside it.
                Some("")
            }
        }
    }

    /// A whole number within `range`.
    pub(super) fn number<N>(
        &mut self,
        key: &'static str,
        default: N,
        range: RangeInclusive<N>,
        report: &mut Report,
    ) -> N
    where
        N: TryFrom<i128> + PartialOrd + ToString,
    {
        let number = match self.find(key) {
            Some(Node::Int(number)) => *number,
            other => {
                self.refuse_some(key, other, "a whole number", report);
                return default;
            }
        };
        match N::try_from(number) {
            Ok(value) if range.contains(&value) => value,
            _ => {
                let (least, most) = (range.start().to_string(), range.end().to_string());
                report.mistake(
                    &self.child(key),
                    Problem::OutOfRange { found: number.to_string(), least, most },
                );
                default
            }
        }
    }

    /// A duration within `range`. A bare 0 is allowed; any other number without a unit is a mistake.
    pub(super) fn duration(
        &mut self,
        key: &'static str,
        default: Duration,
        range: RangeInclusive<Duration>,
        report: &mut Report,
    ) -> Duration {
        let (read, found) = match self.find(key) {
            None => return default,
            Some(Node::Text(text)) => (parse_duration(text), shown(text)),
            Some(Node::Int(0)) => (Some(Duration::ZERO), "0".to_owned()),
            Some(other) => (None, shown_node(other)),
        };
        match read {
            Some(duration) if range.contains(&duration) => return duration,
            Some(_) => {
                let (least, most) = (show_duration(*range.start()), show_duration(*range.end()));
                report.mistake(&self.child(key), Problem::OutOfRange { found, least, most });
            }
            None => report.mistake(&self.child(key), Problem::NotADuration { found }),
        }
        default
    }

    /// Notes a value of the wrong kind; an absent one is fine.
    fn refuse_some(
        &self,
        key: &str,
        found: Option<&Node>,
        wanted: &'static str,
        report: &mut Report,
    ) {
        if let Some(found) = found {
            report.mistake(&self.child(key), Problem::NotA { found: shown_node(found), wanted });
        }
    }

    /// Ends the reading: warns about the keys that nobody asked for.
    pub(super) fn close(self, others: OtherKeys, report: &mut Report) {
        for (key, _) in self
            .entries
            .iter()
            .filter(|(key, _)| key != "SAMPLE" && !self.known.contains(&key.as_str()))
        {
            let same = self.known.iter().find(|known| known.eq_ignore_ascii_case(key));
            let notice = match (same, nearest(key, &self.known), others) {
                (Some(expected), _, _) => Notice::WrongCase { expected },
                (None, Some(nearest), _) => Notice::Misspelt { nearest },
                (None, None, OtherKeys::Unknown) => Notice::UnknownKey,
                (None, None, OtherKeys::ForOtherPrograms) => continue,
            };
            report.warn(&self.child(key), notice);
        }
    }
}
