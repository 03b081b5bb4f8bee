//! What was found while reading a configuration: all mistakes at once, and warnings apart from them.

use std::fmt;

use super::path::KeyPath;
use super::problem::{Notice, Problem};

/// A mistake and the key where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The key.
    pub key: KeyPath,
    /// What is wrong with it.
    pub problem: Problem,
}

/// A warning and the key that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The key, the file or the environment variable.
    pub key: KeyPath,
    /// What to know about it.
    pub notice: Notice,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.problem)
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.notice)
    }
}

/// Findings, in the order in which the file was read.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) mistakes: Vec<Mistake>,
    pub(super) warnings: Vec<Warning>,
}

impl Report {
    /// Notes a mistake; one that is already noted is not noted again.
    pub(super) fn mistake(&mut self, key: &KeyPath, problem: Problem) {
        let mistake = Mistake { key: key.clone(), problem };
        if !self.mistakes.contains(&mistake) {
            self.mistakes.push(mistake);
        }
    }

    /// Notes a warning.
    pub(super) fn warn(&mut self, key: &KeyPath, notice: Notice) {
        self.warnings.push(Warning { key: key.clone(), notice });
    }
}
