//! Paths that documents name: each must exist.

use crate::tidy::Problem;
use crate::tidy::files::Files;
use crate::tidy::markdown::{code_spans, links};
use crate::workspace::Workspace;

/// Folders whose crates documents may name without the folder: `keep-rules/src/trash.rs`.
const CRATE_FOLDERS: [&str; 2] = ["crates", "libs"];
/// A path that ends so is one of ours, wherever it begins.
const SOURCE_ENDS: [&str; 3] = [".rs", ".py", ".md"];

/// Every path in a document that leads nowhere.
pub(crate) fn check(workspace: &Workspace, files: &Files) -> Vec<Problem> {
    let crates: Vec<String> = workspace
        .folders()
        .filter_map(|folder| Some(folder.file_name()?.to_string_lossy().into_owned()))
        .collect();
    files
        .with_end(".md")
        .flat_map(|(path, text)| check_document(path, text, &crates, files))
        .collect()
}

fn check_document(document: &str, text: &str, crates: &[String], files: &Files) -> Vec<Problem> {
    let mut problems = Vec::new();
    for span in code_spans(text) {
        for path in expand(span.it) {
            if is_repository_path(&path, crates, files) && !leads_somewhere(document, &path, files)
            {
                problems.push(Problem::at(document, span.line, format!("`{path}` does not exist")));
            }
        }
    }
    for link in links(text) {
        let target = link.it.split('#').next().unwrap_or("");
        if !target.is_empty()
            && !target.contains("://")
            && !leads_somewhere(document, target, files)
        {
            problems.push(Problem::at(
                document,
                link.line,
                format!("the link to `{target}` leads nowhere"),
            ));
        }
    }
    problems
}

/// `a/{b,c}.rs` is two paths; what follows `::` or `:12` is no part of one.
fn expand(span: &str) -> Vec<String> {
    let span = span.split("::").next().unwrap_or("");
    let span = match span.rsplit_once(':') {
        Some((path, line)) if line.bytes().all(|byte| byte.is_ascii_digit()) => path,
        Some(_) | None => span,
    };
    let braces = span.split_once('{').and_then(|(head, rest)| Some((head, rest.split_once('}')?)));
    match braces {
        Some((head, (choices, tail))) if !head.is_empty() => {
            choices.split(',').map(|choice| format!("{head}{}{tail}", choice.trim())).collect()
        }
        Some(_) | None => vec![span.to_owned()],
    }
}

fn is_repository_path(span: &str, crates: &[String], files: &Files) -> bool {
    let of_a_path = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/*".contains(&byte);
    let Some((first, rest)) = span.split_once('/') else { return false };
    if !span.bytes().all(of_a_path) || first.is_empty() {
        return false;
    }
    let known =
        files.is_folder(first) || crates.iter().any(|name| name == first && !rest.is_empty());
    known || SOURCE_ENDS.iter().any(|end| span.ends_with(end))
}

/// From the root, from the document's folder, from that folder's `src`, or from a crate's folder.
fn leads_somewhere(document: &str, path: &str, files: &Files) -> bool {
    let folder = document.rsplit_once('/').map_or("", |(folder, _)| folder);
    let from_folder = resolve(folder, path);
    files.exists(path)
        || from_folder.is_some_and(|path| files.exists(&path))
        || CRATE_FOLDERS.iter().any(|folder| files.exists(&format!("{folder}/{path}")))
}

/// `path` as seen from `folder`, without `.` and `..`; none if it leaves the repository.
fn resolve(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(document: &str, text: &str, problems: usize) {
        let files =
            Files::of(&[("crates/one/src/lib.rs", ""), ("docs/a.md", ""), ("README.md", "")]);
        let found = check_document(document, text, &["one".to_owned()], &files);
        assert_eq!(found.len(), problems, "{found:?}");
    }

    #[test]
    fn paths_must_exist() {
        check("README.md", "`crates/one/src/lib.rs` `one/src/lib.rs` `docs/a.md` `crates/one/`", 0);
        check("README.md", "`crates/one/src/gone.rs` `one/src/gone.rs` `docs/b.md`", 3);
    }

    #[test]
    fn what_is_no_path_of_ours_is_left_alone() {
        check(
            "README.md",
            "`/etc/arvados/config.yml` `PUT /trash` `a/b` `crates/one extra` `text/plain`",
            0,
        );
    }

    #[test]
    fn lines_items_and_choices_belong_to_the_notation() {
        check(
            "README.md",
            "`crates/one/src/lib.rs:12` `crates/one/src/lib.rs::item` `docs/{a,a}.md`",
            0,
        );
        check("README.md", "`docs/{a,b}.md`", 1);
    }

    #[test]
    fn links_are_seen_from_their_document() {
        check(
            "docs/a.md",
            "[up](../README.md) [here](a.md#part) [part](#part) [away](https://example.org/x)",
            0,
        );
        check("docs/a.md", "[gone](../gone.md) [outside](../../README.md)", 2);
    }
}
