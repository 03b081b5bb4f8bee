//! The files, copied in parts: each part becomes a collection.
//!
//! They are copied so that nobody changes them while the demonstration goes on.

use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use super::cluster::{CONFIG, Cluster};
use super::references::blocks_of;
use super::shell::Shell;
use super::story::Story;
use crate::failure::Failure;
use crate::table;

/// So many collections make a list that fits a screen. Two of them are removed later, which is no unusual share.
const PARTS_MAX: usize = 10;

/// Directories in the demonstration's own, named `part-01` and so on.
pub(super) struct Staged {
    pub(super) parts: Vec<String>,
    files: usize,
    bytes: u64,
}

/// What was put.
#[derive(Serialize)]
pub(super) struct Stored {
    pub(super) collections: usize,
    pub(super) files: usize,
    pub(super) bytes: u64,
    pub(super) blocks: usize,
    pub(super) replicas: usize,
}

impl Staged {
    /// Copies the files, in order and in parts of about equal numbers.
    pub(super) fn copy(files: Vec<PathBuf>, directory: &Path) -> Result<Self, Failure> {
        let count = files.len().min(PARTS_MAX);
        let above = common_directory(&files);
        let mut staged = Staged { parts: Vec::new(), files: 0, bytes: 0 };
        for number in 0..count {
            let name = format!("part-{:02}", number + 1);
            for file in &files[number * files.len() / count..(number + 1) * files.len() / count] {
                let below = below(&above, file);
                staged.bytes += copy(file, &directory.join(&name).join(below))?;
                staged.files += 1;
            }
            staged.parts.push(name);
        }
        Ok(staged)
    }

    /// Puts every part.
    pub(super) async fn put(
        &self,
        cluster: &Cluster,
        shell: &Shell,
        story: &mut Story,
    ) -> Result<Stored, Failure> {
        story.step(format_args!(
            "{} files are put, as {} collections; every block on two of the three nodes",
            self.files,
            self.parts.len()
        ));
        let begun = Instant::now();
        for (number, part) in self.parts.iter().enumerate() {
            let arguments = ["put", part, "--config", CONFIG];
            match number {
                0 => shell.run(&arguments, story).await?,
                1.. => shell.quietly(&arguments).await?,
            };
        }
        story.tell(format_args!(
            "… and so on for the others. {:.1} s",
            begun.elapsed().as_secs_f64()
        ));
        shell.run(&["ls", "--config", CONFIG], story).await?;
        let mut blocks = std::collections::BTreeSet::new();
        for part in &self.parts {
            blocks.extend(blocks_of(&cluster.manifests(), part)?);
        }
        let replicas = cluster.indexes().await?.iter().map(|index| index.len()).sum();
        story.tell_prose(format_args!(
            "{} in {} different blocks. Every answer said that a block is on the disk: data, name and directory are synced.",
            table::bytes(self.bytes),
            blocks.len(),
        ));
        story.check(replicas == 2 * blocks.len(), "every block has two copies");
        Ok(Stored {
            collections: self.parts.len(),
            files: self.files,
            bytes: self.bytes,
            blocks: blocks.len(),
            replicas,
        })
    }
}

/// Copies a file to a place where nothing is: a slip in a path must not cost anybody a file.
fn copy(from: &Path, to: &Path) -> Result<u64, Failure> {
    let parent = to.parent().unwrap_or(to);
    fs::create_dir_all(parent)
        .map_err(Failure::local(format!("cannot make {}", parent.display())))?;
    let mut source =
        File::open(from).map_err(Failure::local(format!("cannot open {}", from.display())))?;
    let mut copy =
        File::create_new(to).map_err(Failure::local(format!("cannot make {}", to.display())))?;
    io::copy(&mut source, &mut copy)
        .map_err(Failure::local(format!("cannot copy {}", from.display())))
}

/// The path from `above` to `file`, of names alone: it can be put below any directory, and does not lead out of it.
fn below(above: &Path, file: &Path) -> PathBuf {
    let path = file.strip_prefix(above).unwrap_or(file);
    path.components().filter(|component| matches!(component, Component::Normal(_))).collect()
}

/// The directory that all of them are under.
fn common_directory(files: &[PathBuf]) -> PathBuf {
    let mut common = files.first().and_then(|file| file.parent()).unwrap_or(Path::new(""));
    while !files.iter().all(|file| file.starts_with(common)) {
        common = common.parent().unwrap_or(Path::new(""));
    }
    common.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_directory_is_the_deepest_one() {
        let paths = |texts: &[&str]| texts.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(common_directory(&paths(&["/a/b/c", "/a/b/d/e"])), Path::new("/a/b"));
        assert_eq!(common_directory(&paths(&["/a/b/c", "/x/y"])), Path::new("/"));
        assert_eq!(common_directory(&paths(&["a", "b/c"])), Path::new(""));
    }

    /// A file that was named absolutely beside one that was not was copied onto itself, and emptied.
    #[test]
    fn no_path_leads_out_of_the_demonstration_s_directory() {
        let at = |above: &str, file: &str| below(Path::new(above), Path::new(file));
        assert_eq!(at("", "/etc/passwd"), Path::new("etc/passwd"));
        assert_eq!(at("/a", "/a/b/c"), Path::new("b/c"));
        assert_eq!(at("/a", "../b"), Path::new("b"));
        assert_eq!(at("", "./b/../c"), Path::new("b/c"));
    }

    #[test]
    fn what_is_there_is_never_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "text").unwrap();
        assert!(copy(&file, &file).is_err());
        assert_eq!(fs::read(&file).unwrap(), b"text");
    }

    #[test]
    fn files_outside_of_each_other_s_directories_are_all_copied_under_the_parts() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let files: Vec<PathBuf> =
            (0..23).map(|n| from.path().join(format!("{n:02}/file"))).collect();
        for file in &files {
            fs::create_dir(file.parent().unwrap()).unwrap();
            fs::write(file, "text").unwrap();
        }
        let staged = Staged::copy(files, to.path()).unwrap();
        assert_eq!((staged.parts.len(), staged.files, staged.bytes), (10, 23, 92));
        assert!(to.path().join("part-10/22/file").is_file());
    }
}
