//! `cargo xtask tidy`: what compilers do not check, and what documents say of the source.
//!
//! Every rule is a pure function from texts to problems; this file reads the texts and shows the problems.

mod arrows; // which crate may use which
mod dependencies; // each has a reason on record
mod files; // what lies in the repository
mod manifests; // what every Cargo.toml says
mod markdown; // code spans, links and table rows
mod paths; // paths in documents
mod promises; // each names a test that exists
mod source; // sizes and words of source files

use std::fmt;

use crate::command::Failure;
use crate::workspace::Workspace;
use files::Files;

/// One thing to put right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    /// A file, with the line where there is one.
    place: String,
    what: String,
}

impl Problem {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }

    fn at(file: &str, line: usize, what: impl Into<String>) -> Self {
        Self::new(format!("{file}:{line}"), what)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// Looks at the whole repository.
pub(crate) fn run() -> Result<(), Failure> {
    let workspace = Workspace::read()?;
    let files = Files::read()?;
    let mut problems = Vec::new();
    problems.extend(arrows::check(&workspace));
    problems.extend(manifests::check(&workspace, &files));
    problems.extend(dependencies::check(&workspace, &files));
    problems.extend(source::check(&files));
    problems.extend(paths::check(&workspace, &files));
    problems.extend(promises::check(&files));
    problems.sort();
    problems.dedup();
    for problem in &problems {
        eprintln!("{problem}");
    }
    match problems.len() {
        0 => {
            println!("{} files, {} crates: tidy", files.len(), workspace.packages.len());
            Ok(())
        }
        1 => Err(Failure::failed("tidy found one problem")),
        count => Err(Failure::failed(format!("tidy found {count} problems"))),
    }
}
