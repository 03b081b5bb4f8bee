//! Giving a file another name, unless that is taken.
//!
//! Most file systems do it in one step. Over NFS and on CephFS it takes two, and then it matters whose name the file has
//! until then. A name that others use, as that of a live replica, may come to mean another file between the steps: a Go
//! keepstore renames onto it without a lock. So that file is moved, never unlinked.

use std::fs;
use std::io;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

/// Renames a file whose name nobody else uses: a temp file, a trashed copy. `AlreadyExists` if `to` is taken, and nothing
/// was done then.
pub(super) fn rename_private(from: &Path, to: &Path) -> io::Result<()> {
    in_one_step(from, to).unwrap_or_else(|_cannot| link_then_unlink(from, to))
}

/// Renames whatever has the name `from` at this moment. `AlreadyExists` if `to` is taken, and nothing was done then. Who
/// calls this looks afterwards at what was moved.
pub(super) fn rename_shared(from: &Path, to: &Path) -> io::Result<()> {
    in_one_step(from, to).unwrap_or_else(|_cannot| look_then_rename(from, to))
}

/// Removes a file. `NotFound` is success: it is gone.
pub(super) fn unlink(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _gone => Ok(()),
    }
}

/// The file system cannot rename in one step unless the name is taken.
#[derive(Debug)]
struct CannotInOneStep;

fn in_one_step(from: &Path, to: &Path) -> Result<io::Result<()>, CannotInOneStep> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) => Err(CannotInOneStep),
        outcome => Ok(outcome.map_err(io::Error::from)),
    }
}

/// Never takes a file's place. A crash in between leaves the file under both names.
fn link_then_unlink(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to)?;
    unlink(from)
}

/// Never deletes what `from` names, whatever that is by now. What gets the name `to` between the two steps is replaced.
fn look_then_rename(from: &Path, to: &Path) -> io::Result<()> {
    match to.symlink_metadata() {
        Ok(_taken) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::rename(from, to),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    type Rename = fn(&Path, &Path) -> io::Result<()>;

    const ALL: [Rename; 4] = [rename_private, rename_shared, link_then_unlink, look_then_rename];

    fn directory() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        (directory, from, to)
    }

    #[test]
    fn a_file_gets_a_free_name() {
        for rename in ALL {
            let (_directory, from, to) = directory();
            fs::write(&from, "it").unwrap();
            rename(&from, &to).unwrap();
            assert!(!from.exists());
            assert_eq!(fs::read(&to).unwrap(), b"it");
        }
    }

    #[test]
    fn a_name_that_is_taken_is_left_alone() {
        for rename in ALL {
            let (_directory, from, to) = directory();
            fs::write(&from, "it").unwrap();
            // Also if what has it leads nowhere.
            symlink("/nonexistent", &to).unwrap();
            let refused = rename(&from, &to).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
            assert!(from.exists() && to.is_symlink());
        }
    }

    #[test]
    fn a_file_that_is_gone_is_not_found() {
        for rename in ALL {
            let (_directory, from, to) = directory();
            assert_eq!(rename(&from, &to).unwrap_err().kind(), io::ErrorKind::NotFound);
            assert!(!to.exists());
        }
    }

    #[test]
    fn a_name_that_cannot_be_looked_at_is_not_taken_for_a_free_one() {
        let (_directory, from, to) = directory();
        fs::write(&from, "it").unwrap();
        fs::write(&to, "a file where a directory should be").unwrap();
        let refused = look_then_rename(&from, &to.join("name")).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::NotADirectory);
        assert!(from.exists());
    }

    /// A Go keepstore renames onto a name while we move away what has it. Whoever wins, its copy is under one of the names.
    #[test]
    fn what_is_put_in_place_meanwhile_is_not_lost() {
        let (directory, from, to) = directory();
        let new = directory.path().join("new");
        for _round in 0..2000 {
            fs::write(&from, "old").unwrap();
            fs::write(&new, "new").unwrap();
            let both_ready = Barrier::new(2);
            thread::scope(|scope| {
                scope.spawn(|| {
                    both_ready.wait();
                    fs::rename(&new, &from).unwrap();
                });
                both_ready.wait();
                look_then_rename(&from, &to).unwrap();
            });
            let read = |path| fs::read(path).unwrap_or_default();
            assert!([read(&from), read(&to)].contains(&b"new".to_vec()));
            unlink(&to).unwrap();
        }
    }

    #[test]
    fn what_is_gone_needs_no_unlink() {
        let (_directory, from, _to) = directory();
        unlink(&from).unwrap();
        fs::create_dir(&from).unwrap();
        assert!(unlink(&from).is_err());
    }
}
