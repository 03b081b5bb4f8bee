//! What there is to store: files and directories, in the order of their paths.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use keep_manifest::{BadPath, TreePath};

/// What is done about links, devices, sockets and pipes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Special {
    /// They are an error: a collection cannot hold them, and leaving them out in silence would be a loss.
    #[default]
    Refuse,
    /// They are left out, and listed.
    Skip,
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A file of so many bytes.
    File(u64),
}

/// A file or directory to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it is.
    pub source: PathBuf,
    /// Where it will be in the collection.
    pub path: TreePath,
    /// What it is.
    pub kind: Kind,
}

/// Everything to store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// Files and directories, by their paths in the collection.
    pub found: Vec<Found>,
    /// What was left out.
    pub skipped: Vec<PathBuf>,
}

/// Why it cannot be stored.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// Something cannot be read.
    #[error("{}: cannot be read: {error}", path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// There is something that a collection cannot hold.
    #[error("{}: is neither a file nor a directory; a collection cannot hold it. Leave such things out with --skip-special", path.display())]
    Special {
        /// What.
        path: PathBuf,
    },
    /// Two things would be at one path.
    #[error("{} and {} would both be {path}; store them in two collections", first.display(), second.display())]
    Twice {
        /// One.
        first: PathBuf,
        /// The other.
        second: PathBuf,
        /// The path.
        path: String,
    },
    /// A path cannot be one in a collection.
    #[error("{}: {error}", path.display())]
    Path {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        error: BadPath,
    },
}

impl Scan {
    /// Files.
    pub fn files(&self) -> u64 {
        self.found.iter().filter(|found| matches!(found.kind, Kind::File(_))).count() as u64
    }

    /// Their bytes.
    pub fn bytes(&self) -> u64 {
        let size = |found: &Found| match found.kind {
            Kind::File(size) => size,
            Kind::Directory => 0,
        };
        self.found.iter().map(size).sum()
    }
}

/// Looks at `roots`. A directory's content is at the root of the collection if it is the only root, else in a directory of its
/// name; files are at the root of the collection.
///
/// # Errors
/// [`ScanError`]; links are not followed.
pub fn scan(roots: &[PathBuf], special: Special) -> Result<Scan, ScanError> {
    let mut scan = Scan::default();
    for root in roots {
        let kind = fs::metadata(root).map_err(|error| unread(root, error))?;
        let top = if roots.len() == 1 && kind.is_dir() {
            TreePath::root()
        } else {
            let absolute = fs::canonicalize(root).map_err(|error| unread(root, error))?;
            let name = absolute.file_name().unwrap_or(OsStr::new("root")).as_bytes().to_vec();
            TreePath::new(&name).map_err(|error| ScanError::Path { path: root.clone(), error })?
        };
        walk(root, top, special, &mut scan)?;
    }
    scan.found.sort_by(|one, other| one.path.cmp(&other.path));
    let twice =
        scan.found.windows(2).find(|pair| pair[0].path == pair[1].path && !pair[0].path.is_root());
    match twice {
        None => Ok(scan),
        Some(pair) => Err(ScanError::Twice {
            first: pair[0].source.clone(),
            second: pair[1].source.clone(),
            path: String::from_utf8_lossy(pair[0].path.as_bytes()).into_owned(),
        }),
    }
}

/// Goes through directories with a list, not by recursion: trees may be deep.
fn walk(root: &Path, top: TreePath, special: Special, scan: &mut Scan) -> Result<(), ScanError> {
    let mut ahead = vec![(root.to_owned(), top)];
    let mut first = true;
    while let Some((source, path)) = ahead.pop() {
        // What was named on the command line may be a link; what is found below it is not followed.
        let metadata = if first { fs::metadata(&source) } else { fs::symlink_metadata(&source) };
        first = false;
        let metadata = metadata.map_err(|error| unread(&source, error))?;
        if metadata.is_dir() {
            for entry in fs::read_dir(&source).map_err(|error| unread(&source, error))? {
                let entry = entry.map_err(|error| unread(&source, error))?;
                let wrong = |error| ScanError::Path { path: entry.path(), error };
                let name = TreePath::new(entry.file_name().as_bytes()).map_err(wrong)?;
                ahead.push((entry.path(), path.join(&name).map_err(wrong)?));
            }
            scan.found.push(Found { source, path, kind: Kind::Directory });
        } else if metadata.is_file() {
            scan.found.push(Found { source, path, kind: Kind::File(metadata.len()) });
        } else {
            match special {
                Special::Refuse => return Err(ScanError::Special { path: source }),
                Special::Skip => scan.skipped.push(source),
            }
        }
    }
    Ok(())
}

fn unread(path: &Path, error: io::Error) -> ScanError {
    ScanError::Io { path: path.to_owned(), error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(scan: &Scan) -> Vec<String> {
        let text = |found: &Found| String::from_utf8_lossy(found.path.as_bytes()).into_owned();
        scan.found.iter().map(text).collect()
    }

    #[test]
    fn a_directory_alone_is_the_collection_and_several_keep_their_names() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        fs::create_dir_all(a.join("sub")).unwrap();
        fs::write(a.join("sub/x"), "x").unwrap();
        fs::write(&b, "b").unwrap();
        assert_eq!(
            paths(&scan(std::slice::from_ref(&a), Special::Refuse).unwrap()),
            ["", "sub", "sub/x"]
        );
        assert_eq!(paths(&scan(&[b, a], Special::Refuse).unwrap()), ["a", "a/sub", "a/sub/x", "b"]);
    }

    #[test]
    fn links_are_refused_or_listed() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc", dir.path().join("link")).unwrap();
        let roots = [dir.path().to_owned()];
        assert!(matches!(scan(&roots, Special::Refuse), Err(ScanError::Special { .. })));
        assert_eq!(scan(&roots, Special::Skip).unwrap().skipped.len(), 1);
    }

    #[test]
    fn two_things_at_one_path_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            fs::create_dir(dir.path().join(name)).unwrap();
            fs::write(dir.path().join(name).join("x"), "").unwrap();
        }
        let roots = [dir.path().join("a/x"), dir.path().join("b/x")];
        assert!(matches!(scan(&roots, Special::Refuse), Err(ScanError::Twice { .. })));
    }
}
