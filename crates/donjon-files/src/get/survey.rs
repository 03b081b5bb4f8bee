//! What is there already, before anything is changed.

use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use keep_manifest::{Tree, TreePath};

use super::{Existing, GetError};
use crate::destination::{Destination, Found, Ground, Rename, find, is_possible};
use crate::restore::{Stage, Target};

/// So many things in the way are named; the others are counted.
const NAMED_MAX: usize = 20;

/// The files to restore, and how each gets its name.
#[derive(Debug, Default)]
pub(super) struct Surveyed {
    pub(super) targets: Vec<Target>,
    pub(super) rename: Vec<Rename>,
}

/// Whether every path can be in a directory.
pub(super) fn check_names(tree: &Tree) -> Result<(), GetError> {
    let directories =
        tree.directories().map(|(path, _)| path.clone()).filter(|path| !path.is_root());
    match directories.chain(tree.files().map(|(path, _)| path)).find(|path| !is_possible(path)) {
        Some(path) => Err(GetError::BadName { path }),
        None => Ok(()),
    }
}

/// Looks for everything that the tree has.
pub(super) fn survey(
    ground: &Ground,
    tree: &Tree,
    to: &Path,
    existing: Existing,
) -> Result<Surveyed, GetError> {
    let mut obstacles = Obstacles { to, found: Vec::new(), count: 0 };
    let mut surveyed = Surveyed::default();
    // Directories that are not there: nothing in them is.
    let mut absent: HashSet<&TreePath> = HashSet::new();
    for (path, directory) in tree.directories() {
        let there = match open(ground, path, &absent, &mut obstacles)
            .map_err(GetError::io("look at", to, path))?
        {
            Some(there) => Some(there),
            None => {
                absent.insert(path);
                None
            }
        };
        for (name, file) in directory.files() {
            let path = path.child(name).expect("a path of a tree is a path");
            let failed = |path| GetError::io("look at", to, path);
            let found = match &there {
                Some(there) => find(there, name.as_bytes()).map_err(failed(&path))?,
                None => Found::Nothing,
            };
            let unfinished = ground.has_unfinished(&path).map_err(failed(&path))?;
            let (stage, rename) = match found {
                Found::File { size } if size == file.size() => (Stage::Existing, Rename::Refuse),
                Found::Nothing => (fresh(unfinished), Rename::Refuse),
                Found::File { .. } | Found::Special if existing == Existing::Overwrite => {
                    (fresh(unfinished), Rename::Replace)
                }
                Found::File { .. } => {
                    obstacles.add(&path, "another file is there; --overwrite replaces it");
                    continue;
                }
                Found::Special => {
                    obstacles
                        .add(&path, "a link or special file is there; --overwrite replaces it");
                    continue;
                }
                Found::Directory => {
                    obstacles.add(&path, "a directory is where a file should be; move it away");
                    continue;
                }
            };
            surveyed.targets.push(Target { path, size: file.size(), stage });
            surveyed.rename.push(rename);
        }
    }
    obstacles.none().map(|()| surveyed)
}

fn fresh(has_unfinished: bool) -> Stage {
    if has_unfinished { Stage::Resumed } else { Stage::Fresh }
}

/// The directory, if it is there.
fn open(
    ground: &Ground,
    path: &TreePath,
    absent: &HashSet<&TreePath>,
    obstacles: &mut Obstacles<'_>,
) -> std::io::Result<Option<OwnedFd>> {
    let Some((parent, name)) = path.split_last() else {
        return ground.directory(path).map(Some);
    };
    if absent.contains(&parent) {
        return Ok(None);
    }
    match find(&ground.directory(&parent)?, name.as_bytes())? {
        Found::Directory => ground.directory(path).map(Some),
        Found::Nothing => Ok(None),
        Found::File { .. } | Found::Special => {
            obstacles
                .add(path, "it should be a directory, and links are not followed; move it away");
            Ok(None)
        }
    }
}

/// Makes all directories.
pub(super) fn make_directories(
    destination: &Destination,
    tree: &Tree,
    to: &Path,
) -> Result<(), GetError> {
    for (path, _) in tree.directories() {
        destination.make_directory(path).map_err(GetError::io("make", to, path))?;
    }
    Ok(())
}

struct Obstacles<'a> {
    to: &'a Path,
    found: Vec<(PathBuf, &'static str)>,
    count: u64,
}

impl Obstacles<'_> {
    fn add(&mut self, path: &TreePath, what: &'static str) {
        self.count += 1;
        if self.found.len() < NAMED_MAX {
            let path = self.to.join(std::ffi::OsStr::from_bytes(path.as_bytes()));
            self.found.push((path, what));
        }
    }

    fn none(self) -> Result<(), GetError> {
        if self.count == 0 {
            return Ok(());
        }
        Err(GetError::InTheWay { found: self.found, count: self.count })
    }
}

/// The message.
pub(super) fn in_the_way(found: &[(PathBuf, &'static str)], count: u64) -> String {
    let mut text = format!("{count} of what is there is in the way; nothing was changed:");
    for (path, what) in found {
        text.push_str(&format!("\n  {}: {what}", path.display()));
    }
    let more = count.saturating_sub(found.len() as u64);
    if more > 0 {
        text.push_str(&format!("\n  and {more} more"));
    }
    text
}
