//! Why there is no configuration.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::report::{Mistake, Warning};
use super::yaml::BadYaml;

/// Why a configuration cannot be used. The text is for the operator, on as many lines as it needs; it never holds a
/// token or key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigErrors {
    /// The file cannot be read.
    #[error("cannot read {name}: {source}")]
    Unreadable {
        /// The file, or "standard input".
        name: String,
        /// Why.
        source: io::Error,
    },
    /// The text is too long to be a configuration, or no UTF-8.
    #[error("{name}: {problem}")]
    NotText {
        /// The file, or "standard input".
        name: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// The text is not YAML.
    #[error("{name}: {problem}")]
    NotYaml {
        /// The file, or "standard input".
        name: String,
        /// Where, and what is wrong.
        problem: BadYaml,
    },
    /// The text is YAML, but no configuration for a node.
    #[error("{}", listed(name, mistakes, warnings))]
    Mistakes {
        /// The file, or "standard input".
        name: String,
        /// All of them, at least one.
        mistakes: Vec<Mistake>,
        /// What may explain some of them, such as a key that is ignored because its letter case is wrong.
        warnings: Vec<Warning>,
    },
    /// The data directory cannot be used.
    #[error("data directory {}: {problem}", path.display())]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// What is wrong.
        problem: DataDirProblem,
    },
}

/// Why a directory cannot be a node's data directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataDirProblem {
    /// It holds files of somebody else.
    #[error(
        "it has other files but no donjon.yml, so it is not the node's; name an empty or a new directory"
    )]
    NotOurs,
    /// There is no directory to make it in.
    #[error(
        "the directory above it does not exist; correct the path, or make that directory first"
    )]
    NoParent,
    /// It cannot be made or read.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// Its path cannot be written into a configuration file.
    #[error("its path is not UTF-8")]
    NotUtf8,
    /// The machine gave no random bytes for tokens.
    #[error("the system gives no random bytes for the tokens: {0}")]
    NoRandom(String),
}

fn listed(name: &str, mistakes: &[Mistake], warnings: &[Warning]) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        match mistakes {
            [_] => write!(f, "{name}: one mistake")?,
            _ => write!(f, "{name}: {} mistakes", mistakes.len())?,
        }
        mistakes.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))?;
        warnings.iter().try_for_each(|warning| write!(f, "\n  (warning) {warning}"))
    })
}
