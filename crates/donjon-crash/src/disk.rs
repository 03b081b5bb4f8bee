//! What lies in a volume's directory, read without the node (spec section 6).

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::block::hash_of;

/// What was found under the root of a directory volume.
#[derive(Debug, Default)]
pub struct Found {
    /// Hashes of the live blocks whose contents are right.
    pub live: HashSet<String>,
    /// Live blocks whose contents have another MD5 than their name.
    pub damaged: Vec<PathBuf>,
    /// Hashes of the blocks in the trash.
    pub trashed: HashSet<String>,
    /// Temp files.
    pub temps: Vec<PathBuf>,
}

/// What a file's name says it is.
#[derive(Debug, PartialEq, Eq)]
enum Kind<'a> {
    Block(&'a str),
    Trashed(&'a str),
    Temp,
    Other,
}

/// Reads every block under `root` and compares its contents with its name.
///
/// # Errors
/// A directory or file could not be read. One that vanished meanwhile is not an error.
pub fn scan(root: &Path) -> io::Result<Found> {
    let mut found = Found::default();
    for (name, path) in files_under(root)? {
        match kind(&name) {
            Kind::Block(hash) => match std::fs::read(&path) {
                Ok(data) if hash_of(&data) == hash => {
                    found.live.insert(hash.to_owned());
                }
                Ok(_) => found.damaged.push(path),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            },
            Kind::Trashed(hash) => {
                found.trashed.insert(hash.to_owned());
            }
            Kind::Temp => found.temps.push(path),
            Kind::Other => {}
        }
    }
    Ok(found)
}

/// The temp files under `root`. Reads no contents.
///
/// # Errors
/// A directory could not be read.
pub fn temps(root: &Path) -> io::Result<Vec<PathBuf>> {
    let files = files_under(root)?;
    Ok(files
        .into_iter()
        .filter(|(name, _)| kind(name) == Kind::Temp)
        .map(|(_, path)| path)
        .collect())
}

fn files_under(root: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    for directory in std::fs::read_dir(root)? {
        let directory = directory?;
        if !directory.file_type()?.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(directory.path())? {
            let file = file?;
            files.push((file.file_name().to_string_lossy().into_owned(), file.path()));
        }
    }
    Ok(files)
}

fn kind(name: &str) -> Kind<'_> {
    if name.starts_with("tmp") {
        return Kind::Temp;
    }
    match name.split_at_checked(32) {
        Some((hash, "")) if is_hash(hash) => Kind::Block(hash),
        Some((hash, rest)) if is_hash(hash) && rest.starts_with(".trash.") => Kind::Trashed(hash),
        Some(_) | None => Kind::Other,
    }
}

fn is_hash(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOO: &str = "acbd18db4cc2f85cedef654fccc4a4d8";

    #[test]
    fn names_say_what_a_file_is() {
        assert_eq!(kind(FOO), Kind::Block(FOO));
        assert_eq!(kind(&format!("{FOO}.trash.1700000000")), Kind::Trashed(FOO));
        assert_eq!(kind(&format!("tmp{FOO}123")), Kind::Temp);
        assert_eq!(kind("full"), Kind::Other);
        assert_eq!(kind(&FOO.to_uppercase()), Kind::Other);
        assert_eq!(kind(&format!("{FOO}.old")), Kind::Other);
    }

    #[test]
    fn a_scan_tells_right_from_damaged() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("acb");
        std::fs::create_dir(&directory).unwrap();
        std::fs::write(directory.join(FOO), "foo").unwrap();
        std::fs::write(directory.join("acb00000000000000000000000000000"), "bar").unwrap();
        std::fs::write(directory.join(format!("tmp{FOO}1")), "f").unwrap();
        let found = scan(root.path()).unwrap();
        assert!(found.live.contains(FOO));
        assert_eq!((found.live.len(), found.damaged.len(), found.temps.len()), (1, 1, 1));
    }
}
