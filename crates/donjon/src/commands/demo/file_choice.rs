//! Which files to store, two at least: those that were named, or those of the repository around the current directory.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;

/// More files than this make the demonstration longer, not clearer.
const FILES_MAX: usize = 1500;
/// So that it takes seconds, and fits into most temporary directories.
const BYTES_MAX: u64 = 128 << 20;
/// What a build or git leaves in a repository; it is not the repository's own.
const NOT_OURS: [&str; 4] = [".git", "target", "node_modules", ".venv"];

/// Regular files with something in them, under `named`, or under the repository's root, in order, up to the limits.
pub(super) fn chosen(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut walk = Walk::default();
    if named.is_empty() {
        let here =
            std::env::current_dir().map_err(Failure::local("cannot find the current directory"))?;
        let root = repository_root(&here);
        match tracked_by_git(&root) {
            Some(files) => files.into_iter().for_each(|path| walk.tracked(&path)),
            None => walk.directory(&root)?,
        }
    }
    for path in named {
        // Absolute, and one name for each: what is named twice is stored once.
        let path = &fs::canonicalize(path)
            .map_err(Failure::local(format!("cannot read {}", path.display())))?;
        let metadata = fs::metadata(path)
            .map_err(Failure::local(format!("cannot read {}", path.display())))?;
        if metadata.is_dir() { walk.directory(path)? } else { walk.file(path, metadata.len()) }
    }
    if walk.files.len() < 2 {
        return Err(Failure::Usage(
            "two files with something in them are needed at least, one to keep and one to remove; name some: donjon demo FILES"
                .to_owned(),
        ));
    }
    Ok(walk.files.into_iter().collect())
}

/// The directory above `here` that git keeps, or `here`.
fn repository_root(here: &Path) -> PathBuf {
    here.ancestors().find(|directory| directory.join(".git").exists()).unwrap_or(here).to_owned()
}

/// The files that git keeps under `root`; `None` if there is no git, or it keeps nothing there.
fn tracked_by_git(root: &Path) -> Option<Vec<PathBuf>> {
    let listed = Command::new("git").arg("-C").arg(root).args(["ls-files", "-z"]).output().ok()?;
    let names = listed.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let files: Vec<PathBuf> = names.map(|name| root.join(OsStr::from_bytes(name))).collect();
    (listed.status.success() && !files.is_empty()).then_some(files)
}

#[derive(Default)]
struct Walk {
    files: BTreeSet<PathBuf>,
    bytes: u64,
}

impl Walk {
    fn directory(&mut self, directory: &Path) -> Result<(), Failure> {
        let cannot = || Failure::local(format!("cannot list {}", directory.display()));
        let entries: Result<Vec<_>, _> = fs::read_dir(directory).map_err(cannot())?.collect();
        let mut entries = entries.map_err(cannot())?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            // Symbolic links are left out: they lead elsewhere, or round in circles.
            let metadata = entry.metadata().map_err(cannot())?;
            if metadata.is_dir() && !is_not_ours(&entry) {
                self.directory(&entry.path())?;
            } else if metadata.is_file() {
                self.file(&entry.path(), metadata.len());
            }
        }
        Ok(())
    }

    /// A file that git keeps: it may be deleted here, or be a symbolic link.
    fn tracked(&mut self, path: &Path) {
        if let Ok(metadata) = fs::symlink_metadata(path)
            && metadata.is_file()
        {
            self.file(path, metadata.len());
        }
    }

    /// An empty file has no block to show.
    fn file(&mut self, path: &Path, size: u64) {
        if size > 0
            && self.files.len() < FILES_MAX
            && self.bytes + size <= BYTES_MAX
            && self.files.insert(path.to_owned())
        {
            self.bytes += size;
        }
    }
}

fn is_not_ours(entry: &fs::DirEntry) -> bool {
    NOT_OURS.iter().any(|name| entry.file_name() == *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_found_from_below_and_its_build_is_left_out() {
        let root = tempfile::tempdir().unwrap();
        for directory in [".git", "target", "src/deep"] {
            fs::create_dir_all(root.path().join(directory)).unwrap();
        }
        for file in [".git/config", "target/binary", "src/deep/a.rs", "b.md"] {
            fs::write(root.path().join(file), file).unwrap();
        }
        assert_eq!(repository_root(&root.path().join("src/deep")), root.path());
        let files = chosen(&[root.path().to_owned()]).unwrap();
        assert_eq!(files, [root.path().join("b.md"), root.path().join("src/deep/a.rs")]);
    }

    #[test]
    fn empty_files_have_no_blocks_to_remove() {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in [("a", "text"), ("b", ""), ("c", "text"), ("d", "")] {
            fs::write(root.path().join(name), text).unwrap();
        }
        let files = chosen(&[root.path().to_owned()]).unwrap();
        assert_eq!(files, [root.path().join("a"), root.path().join("c")]);
    }

    #[test]
    fn an_empty_directory_has_nothing_to_show() {
        let root = tempfile::tempdir().unwrap();
        assert!(matches!(chosen(&[root.path().to_owned()]), Err(Failure::Usage(_))));
    }
}
