//! Where files are restored, and nowhere else: every step is taken from an open directory, and no link is followed.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use keep_manifest::TreePath;
use md5::{Digest as _, Md5};
use rustix::fs::{
    AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, RenameFlags, flock, fsync, linkat,
    mkdirat, openat, renameat, renameat_with, statat, syncfs, unlinkat,
};
use rustix::io::Errno;

/// The directory within a destination where files are until they are whole. Removed at the end.
pub(crate) const UNFINISHED_DIR: &str = ".donjon-get";

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A directory that may be filled, and is as it was. Locked: nobody else fills it meanwhile.
#[derive(Debug)]
pub(crate) struct Ground {
    root: OwnedFd,
    /// What an earlier get has left.
    unfinished: Option<OwnedFd>,
}

/// A directory that is being filled.
#[derive(Debug)]
pub(crate) struct Destination {
    ground: Ground,
    unfinished: OwnedFd,
}

/// What has the name of something that is to be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    File {
        size: u64,
    },
    Directory,
    /// A link, a device, a socket, a pipe.
    Special,
}

/// Whether a file that has come into the place of another takes it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rename {
    Replace,
    Refuse,
}

impl Ground {
    /// Makes the directory unless it is there, and locks it. It alone may be a link.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        match fs::create_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(io::Error::other("something is there that is no directory"));
            }
            made => made?,
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(CWD, path, flags, Mode::empty())?;
        flock(&root, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error {
            Errno::WOULDBLOCK => io::Error::new(
                io::ErrorKind::WouldBlock,
                "another `donjon get` restores into it: wait for that to end",
            ),
            error => error.into(),
        })?;
        let unfinished = match openat(&root, UNFINISHED_DIR, DIRECTORY, Mode::empty()) {
            Err(Errno::NOENT) => None,
            opened => Some(opened?),
        };
        Ok(Ground { root, unfinished })
    }

    /// Nothing is in the way: from here on it is filled.
    pub(crate) fn begin(mut self) -> io::Result<Destination> {
        let unfinished = match self.unfinished.take() {
            Some(unfinished) => unfinished,
            None => {
                make_directory(&self.root, UNFINISHED_DIR.as_bytes())?;
                openat(&self.root, UNFINISHED_DIR, DIRECTORY, Mode::empty())?
            }
        };
        Ok(Destination { ground: self, unfinished })
    }

    /// Whether there is an unfinished file of `path`, from before.
    pub(crate) fn has_unfinished(&self, path: &TreePath) -> io::Result<bool> {
        let Some(unfinished) = &self.unfinished else { return Ok(false) };
        Ok(find(unfinished, unfinished_name(path).as_bytes())? != Found::Nothing)
    }

    /// A directory of it.
    pub(crate) fn directory(&self, path: &TreePath) -> io::Result<OwnedFd> {
        let mut directory = self.root.try_clone()?;
        for component in path.components() {
            directory = openat(&directory, component, DIRECTORY, Mode::empty())?;
        }
        Ok(directory)
    }
}

impl Destination {
    /// A directory of it.
    pub(crate) fn directory(&self, path: &TreePath) -> io::Result<OwnedFd> {
        self.ground.directory(path)
    }

    /// Makes a directory unless it is there. The one that it is in must be there.
    pub(crate) fn make_directory(&self, path: &TreePath) -> io::Result<()> {
        let Some((parent, name)) = path.split_last() else { return Ok(()) };
        make_directory(&self.directory(&parent)?, name.as_bytes())
    }

    /// The unfinished file of `path`, opened for reading and writing; made unless it is there.
    pub(crate) fn unfinished(&self, path: &TreePath) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file =
            openat(&self.unfinished, unfinished_name(path), flags, Mode::from_raw_mode(0o666))?;
        Ok(file.into())
    }

    /// What was written to unfinished files is on the disk when this returns. One call for many files.
    pub(crate) fn sync_contents(&self) -> io::Result<()> {
        Ok(syncfs(&self.unfinished)?)
    }

    /// Gives the unfinished file of `path` its name, in the directory that it belongs to.
    pub(crate) fn finish(
        &self,
        path: &TreePath,
        directory: &OwnedFd,
        rename: Rename,
    ) -> io::Result<()> {
        let (_, name) = path.split_last().ok_or(io::ErrorKind::IsADirectory)?;
        let (from, name) = (unfinished_name(path), name.as_bytes());
        if rename == Rename::Replace {
            return Ok(renameat(&self.unfinished, &*from, directory, name)?);
        }
        match renameat_with(&self.unfinished, &*from, directory, name, RenameFlags::NOREPLACE) {
            // The file system does not know how to. A link never replaces.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                linkat(&self.unfinished, &*from, directory, name, AtFlags::empty())?;
                Ok(unlinkat(&self.unfinished, &*from, AtFlags::empty())?)
            }
            renamed => Ok(renamed?),
        }
    }

    /// All was restored: names are made durable, and the directory of unfinished files goes unless another get has left some.
    pub(crate) fn end<'a>(
        &self,
        directories: impl Iterator<Item = &'a TreePath>,
    ) -> io::Result<()> {
        for path in directories {
            fsync(self.directory(path)?)?;
        }
        match unlinkat(&self.ground.root, UNFINISHED_DIR, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOTEMPTY | Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(fsync(&self.ground.root)?)
    }
}

/// What is called `name` in a directory.
pub(crate) fn find(directory: &OwnedFd, name: &[u8]) -> io::Result<Found> {
    let stat = match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(Found::Nothing),
        Err(error) => return Err(error.into()),
    };
    Ok(match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Found::File { size: u64::try_from(stat.st_size).unwrap_or(0) },
        FileType::Directory => Found::Directory,
        FileType::Symlink
        | FileType::Fifo
        | FileType::Socket
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Unknown => Found::Special,
    })
}

/// Opens a regular file to read it.
pub(crate) fn open_file(directory: &OwnedFd, name: &[u8]) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(openat(directory, name, flags, Mode::empty())?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

fn make_directory(parent: &OwnedFd, name: &[u8]) -> io::Result<()> {
    match mkdirat(parent, name, Mode::from_raw_mode(0o777)) {
        Ok(()) => Ok(()),
        Err(Errno::EXIST) if find(parent, name)? == Found::Directory => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Of one length, whatever the path; the same whenever the same path is restored.
fn unfinished_name(path: &TreePath) -> String {
    Md5::digest(path.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A name as the system takes it.
pub(crate) fn is_possible(path: &TreePath) -> bool {
    !path.as_bytes().contains(&0)
        && path.components().next() != Some(UNFINISHED_DIR.as_bytes())
        && !std::ffi::OsStr::from_bytes(path.as_bytes()).is_empty()
}
