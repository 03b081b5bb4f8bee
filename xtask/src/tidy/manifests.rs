//! What every `Cargo.toml` says.

use crate::command::root;
use crate::tidy::Problem;
use crate::tidy::files::Files;
use crate::workspace::Workspace;

/// Every crate says what it is in one line, and takes the lints of the workspace.
pub(crate) fn check(workspace: &Workspace, files: &Files) -> Vec<Problem> {
    let mut problems = Vec::new();
    for package in &workspace.packages {
        let manifest =
            package.manifest.strip_prefix(root()).unwrap_or(&package.manifest).to_string_lossy();
        if package.description.as_deref().is_none_or(|description| description.trim().is_empty()) {
            problems.push(Problem::new(&*manifest, "has no description"));
        }
        if !files.text(&manifest).is_some_and(takes_the_lints) {
            problems.push(Problem::new(
                &*manifest,
                "does not take the workspace's lints: [lints] workspace = true",
            ));
        }
    }
    problems
}

fn takes_the_lints(manifest: &str) -> bool {
    let after = manifest.split_once("\n[lints]\n").map_or("", |(_, after)| after);
    after.lines().next() == Some("workspace = true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lints_are_taken_or_not() {
        assert!(takes_the_lints("[package]\n\n[lints]\nworkspace = true\n"));
        assert!(!takes_the_lints("[package]\nname = \"one\"\n"));
        assert!(!takes_the_lints("[package]\n\n[lints]\n\n[dependencies]\nworkspace = true\n"));
    }
}
