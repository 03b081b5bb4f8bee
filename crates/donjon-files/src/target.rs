//! Where files are restored, and nowhere else: no link is followed, nothing leads out of the destination.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use keep_manifest::TreePath;

/// The end of the name of a file that is not whole yet.
const PART: &str = ".donjon-part";

/// A directory into which a tree is restored.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    root: PathBuf,
}

impl Target {
    /// Makes `root` if it is new; its parent must be there.
    pub(crate) fn new(root: &Path) -> io::Result<Target> {
        match fs::create_dir(root) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && root.is_dir() => {}
            made => made?,
        }
        Ok(Target { root: root.to_owned() })
    }

    /// Makes a directory and those that it is in. One that is a link is an error.
    pub(crate) fn directory(&self, path: &TreePath) -> io::Result<PathBuf> {
        let mut at = self.root.clone();
        for component in path.components() {
            at.push(OsStr::from_bytes(component));
            match fs::symlink_metadata(&at) {
                Ok(there) if there.is_dir() => {}
                Ok(_) => {
                    let text = format!("{} is there and is no directory", at.display());
                    return Err(io::Error::other(text));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir(&at)?,
                Err(error) => return Err(error),
            }
        }
        Ok(at)
    }

    /// The place of a file, and of the part of it that is there. Makes its directory.
    pub(crate) fn file(&self, path: &TreePath) -> io::Result<(PathBuf, PathBuf)> {
        let Some((directory, name)) = path.split_last() else {
            return Err(io::Error::other("a file has no name"));
        };
        let directory = self.directory(&directory)?;
        let file = directory.join(OsStr::from_bytes(name.as_bytes()));
        let mut part = file.clone().into_os_string();
        part.push(PART);
        Ok((file, part.into()))
    }
}
