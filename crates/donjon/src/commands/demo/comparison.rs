//! Whether two directories hold the same files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::failure::Failure;

/// How many files are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Compared {
    pub(super) right: usize,
    /// Files that differ, or are on one side only.
    pub(super) wrong: usize,
}

impl Compared {
    pub(super) fn add(&mut self, other: Compared) {
        self.right += other.right;
        self.wrong += other.wrong;
    }
}

/// Compares all files under both directories.
pub(super) fn compare(before: &Path, after: &Path) -> Result<Compared, Failure> {
    let (mut sizes, mut others) = (BTreeMap::new(), BTreeMap::new());
    walk(before, Path::new(""), &mut sizes)?;
    walk(after, Path::new(""), &mut others)?;
    let mut compared = Compared::default();
    for (path, size) in &sizes {
        let same = others.remove(path) == Some(*size)
            && read(&before.join(path))? == read(&after.join(path))?;
        if same { compared.right += 1 } else { compared.wrong += 1 }
    }
    compared.wrong += others.len();
    Ok(compared)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(Failure::local(format!("cannot read {}", path.display())))
}

/// The size of every file below `root`, by its path from there.
fn walk(root: &Path, below: &Path, found: &mut BTreeMap<PathBuf, u64>) -> Result<(), Failure> {
    let directory = root.join(below);
    let cannot = || Failure::local(format!("cannot list {}", directory.display()));
    for entry in fs::read_dir(&directory).map_err(cannot())? {
        let entry = entry.map_err(cannot())?;
        let (path, metadata) = (below.join(entry.file_name()), entry.metadata().map_err(cannot())?);
        if metadata.is_dir() {
            walk(root, &path, found)?;
        } else {
            found.insert(path, metadata.len());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_missing_or_is_too_much_is_wrong() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let put = |dir: &tempfile::TempDir, name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for (name, left, right) in [("same", "x", "x"), ("d/same", "y", "y"), ("other", "x", "y")] {
            put(&a, name, left);
            put(&b, name, right);
        }
        put(&a, "missing", "");
        put(&b, "d/too much", "");
        assert_eq!(compare(a.path(), b.path()).unwrap(), Compared { right: 2, wrong: 3 });
    }
}
