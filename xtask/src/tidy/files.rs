//! What lies in the repository: the files that git knows or would take.

use std::collections::BTreeMap;

use crate::command::{Failure, Program, root};

/// The repository's files by path, with `/` between folders; texts of those that are text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    texts: BTreeMap<String, Option<String>>,
}

impl Files {
    /// Reads them all. A file that is gone from the work tree is not there.
    pub(crate) fn read() -> Result<Self, Failure> {
        let listed = Program::new("git").arguments(&[
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ]);
        let mut texts = BTreeMap::new();
        for path in listed.output()?.split('\0').filter(|path| !path.is_empty()) {
            match std::fs::read(root().join(path)) {
                Ok(bytes) => texts.insert(path.to_owned(), String::from_utf8(bytes).ok()),
                Err(_) if !root().join(path).exists() => None,
                Err(error) => return Err(Failure::Failed(format!("{path}: {error}"))),
            };
        }
        Ok(Self { texts })
    }

    /// Files for a test.
    #[cfg(test)]
    pub(crate) fn of(texts: &[(&str, &str)]) -> Self {
        let texts = texts.iter().map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned())));
        Self { texts: texts.collect() }
    }

    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }

    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path)?.as_deref()
    }

    /// Path and text of every text file whose name ends so.
    pub(crate) fn with_end<'a>(&'a self, end: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.texts
            .iter()
            .filter(move |(path, _)| path.ends_with(end))
            .filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// Whether there is a file or a folder of this path. A `*` in the last part stands for anything.
    pub(crate) fn exists(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        if let Some((before, after)) = path.split_once('*') {
            return self.texts.keys().any(|file| {
                file.strip_prefix(before)
                    .is_some_and(|rest| rest.contains(after.trim_start_matches('*')))
            });
        }
        self.texts.contains_key(path) || self.is_folder(path)
    }

    /// Whether some file is in a folder of this path.
    pub(crate) fn is_folder(&self, path: &str) -> bool {
        let inside = format!("{path}/");
        self.texts.range(inside.clone()..).next().is_some_and(|(file, _)| file.starts_with(&inside))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_folders_and_patterns_exist() {
        let files = Files::of(&[("docs/one.md", ""), ("src/main.rs", "")]);
        for path in ["docs", "docs/", "docs/one.md", "docs/*.md", "src/m*"] {
            assert!(files.exists(path), "{path}");
        }
        for path in ["doc", "docs/two.md", "docs/*.rs", "src/main"] {
            assert!(!files.exists(path), "{path}");
        }
    }
}
