//! What there is to store, before any of it is read.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::fs::{self, FileType};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use keep_manifest::{BadPath, FileName, TreePath};

use crate::destination::UNFINISHED_DIR;

/// So many special files are named in a message; the others are counted.
const NAMED_MAX: usize = 20;

/// What to do with symbolic links, devices, sockets and pipes: a manifest has no place for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Special {
    /// They are an error, all of them named.
    #[default]
    Refuse,
    /// They are left out, and [`Scan::skipped`] says which.
    Skip,
}

/// What a special file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A symbolic link. It is never followed, not even to a place inside: two names of one file would become two files.
    Symlink,
    /// A block or character device.
    Device,
    /// A socket.
    Socket,
    /// A named pipe.
    Pipe,
}

/// A file that no manifest can hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecialFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
}

/// The files and directories that will be stored, by their paths in the collection.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    pub(crate) directories: BTreeMap<TreePath, ScannedDirectory>,
    files: u64,
    bytes: u64,
    skipped: Vec<SpecialFile>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct ScannedDirectory {
    /// By their names in the collection: where they are on the disk.
    pub(crate) files: BTreeMap<FileName, Box<Path>>,
}

/// Why nothing can be stored. Nothing was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScanError {
    /// It could not be looked at.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There are files that no manifest can hold.
    #[error("{}", special_files(found, *count))]
    Special {
        /// The first of them.
        found: Vec<SpecialFile>,
        /// How many there are.
        count: u64,
    },
    /// A path that no manifest can hold.
    #[error("{}: {problem}; rename it", path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        problem: BadPath,
    },
    /// Two of the arguments would have the same name.
    #[error("{} would be {name} in the collection, and so would another: put them one by one, or the directory that they are in", path.display())]
    SameName {
        /// The second of them.
        path: PathBuf,
        /// The name.
        name: TreePath,
    },
    /// A restored directory that is not complete.
    #[error("{} is what a `donjon get` has left that did not end: run that again, or remove it", path.display())]
    UnfinishedGet {
        /// The directory of unfinished files.
        path: PathBuf,
    },
}

/// Looks at all that `paths` name. A directory alone is the root of the collection; of several paths each keeps its own name.
/// The paths themselves may be symbolic links; nothing that is found in them is followed.
///
/// # Errors
/// [`ScanError`]: what is in the way.
pub fn scan(paths: &[PathBuf], special: Special) -> Result<Scan, ScanError> {
    let mut walk = Walk { scan: Scan::default(), special_count: 0, pending: Vec::new() };
    walk.scan.directories.insert(TreePath::root(), ScannedDirectory::default());
    let company = if paths.len() == 1 { Company::Alone } else { Company::Others };
    for path in paths {
        walk.argument(path, company)?;
        while let Some((on_disk, path)) = walk.pending.pop() {
            walk.directory(&on_disk, &path)?;
        }
    }
    let Walk { mut scan, special_count, .. } = walk;
    if special == Special::Refuse && special_count > 0 {
        scan.skipped.truncate(NAMED_MAX);
        return Err(ScanError::Special { found: scan.skipped, count: special_count });
    }
    Ok(scan)
}

impl Scan {
    /// How many files.
    pub fn files(&self) -> u64 {
        self.files
    }

    /// How many bytes the files had when they were looked at.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What is left out.
    pub fn skipped(&self) -> &[SpecialFile] {
        &self.skipped
    }
}

/// Whether a path is the only one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Company {
    Alone,
    Others,
}

struct Walk {
    scan: Scan,
    special_count: u64,
    /// Directories that were seen and not yet read.
    pending: Vec<(PathBuf, TreePath)>,
}

impl Walk {
    fn argument(&mut self, path: &Path, company: Company) -> Result<(), ScanError> {
        let metadata = fs::metadata(path).map_err(failed("look at", path))?;
        if company == Company::Alone && metadata.is_dir() {
            self.pending.push((path.to_owned(), TreePath::root()));
            return Ok(());
        }
        // What `.` and `..` are called, too.
        let full = fs::canonicalize(path).map_err(failed("find", path))?;
        let own = path.file_name().filter(|_| !ends_in_dot(path)).or(full.file_name());
        let name = FileName::new(own.map_or(&b"root"[..], |name| name.as_bytes()));
        let name = name.map_err(bad_path(path))?;
        let tree_path = TreePath::root().child(&name).map_err(bad_path(path))?;
        let taken = self.scan.directories.contains_key(&tree_path)
            || self.scan.directories[&TreePath::root()].files.contains_key(&name);
        if taken {
            return Err(ScanError::SameName { path: path.to_owned(), name: tree_path });
        }
        // Where a link leads: it was named on purpose, and is not opened as one.
        self.entry(&full, &TreePath::root(), name, metadata.file_type(), metadata.len())
    }

    fn directory(&mut self, on_disk: &Path, path: &TreePath) -> Result<(), ScanError> {
        self.scan.directories.entry(path.clone()).or_default();
        for entry in fs::read_dir(on_disk).map_err(failed("list", on_disk))? {
            let entry = entry.map_err(failed("list", on_disk))?;
            let on_disk = entry.path();
            if entry.file_name() == UNFINISHED_DIR {
                return Err(ScanError::UnfinishedGet { path: on_disk });
            }
            let name = FileName::new(entry.file_name().as_bytes()).map_err(bad_path(&on_disk))?;
            let metadata = entry.metadata().map_err(failed("look at", &on_disk))?;
            self.entry(&on_disk, path, name, metadata.file_type(), metadata.len())?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        on_disk: &Path,
        directory: &TreePath,
        name: FileName,
        file_type: FileType,
        size: u64,
    ) -> Result<(), ScanError> {
        let tree_path = directory.child(&name).map_err(bad_path(on_disk))?;
        if file_type.is_dir() {
            self.pending.push((on_disk.to_owned(), tree_path));
        } else if file_type.is_file() {
            let files = &mut self.scan.directories.entry(directory.clone()).or_default().files;
            let Entry::Vacant(place) = files.entry(name) else {
                return Err(ScanError::SameName { path: on_disk.to_owned(), name: tree_path });
            };
            place.insert(on_disk.into());
            self.scan.files += 1;
            self.scan.bytes += size;
        } else {
            self.special_count += 1;
            let kind = kind(file_type);
            self.scan.skipped.push(SpecialFile { path: on_disk.to_owned(), kind });
        }
        Ok(())
    }
}

fn kind(file_type: FileType) -> Kind {
    if file_type.is_symlink() {
        Kind::Symlink
    } else if file_type.is_socket() {
        Kind::Socket
    } else if file_type.is_fifo() {
        Kind::Pipe
    } else {
        Kind::Device
    }
}

/// `a/.`: its last component is no name of what is meant.
fn ends_in_dot(path: &Path) -> bool {
    path.as_os_str().as_bytes().ends_with(b"/.")
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ScanError {
    let path = path.to_owned();
    move |source| ScanError::Io { doing, path, source }
}

fn bad_path(path: &Path) -> impl FnOnce(BadPath) -> ScanError {
    let path = path.to_owned();
    move |problem| ScanError::Path { path, problem }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Symlink => "symbolic link",
            Kind::Device => "device",
            Kind::Socket => "socket",
            Kind::Pipe => "named pipe",
        })
    }
}

fn special_files(found: &[SpecialFile], count: u64) -> String {
    let mut text = format!(
        "{count} of the files can be in no collection; leave them out with --skip-special, or put what a link points to:"
    );
    for SpecialFile { path, kind } in found {
        text.push_str(&format!("\n  {} ({kind})", path.display()));
    }
    let more = count.saturating_sub(found.len() as u64);
    if more > 0 {
        text.push_str(&format!("\n  and {more} more"));
    }
    text
}
