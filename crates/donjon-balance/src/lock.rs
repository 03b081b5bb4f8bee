//! One balancer at a time: everything assumes it (`spec/keep-balance.md` section 2.5).

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

/// How often it is tried: whoever looks ([`Lock::look`]) has it for a moment.
const TRIES: u32 = 5;
const LOOKED_AT: Duration = Duration::from_millis(20);

/// The exclusive lock of a state directory. Released when dropped, and by the kernel when the process ends.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    file: File,
}

/// Why the lock is not ours.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else has it.
    #[error("{path}: another balancer is at work; wait for it, or stop it")]
    Taken {
        /// The lock file.
        path: PathBuf,
    },
    /// It was ours, and the file has been taken away or replaced: another balancer may have begun.
    #[error("{path}: the lock file was removed or replaced while we held it; nothing more is sent")]
    Lost {
        /// The lock file.
        path: PathBuf,
    },
    /// The file system says no.
    #[error("{path}: cannot be locked: {error}")]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What it said.
        #[source]
        error: io::Error,
    },
}

impl Lock {
    /// Takes the lock of `dir`, which must exist, without waiting for its owner. May block for a tenth of a second.
    ///
    /// # Errors
    /// [`LockError::Taken`] if somebody has it.
    pub fn take(dir: &Path) -> Result<Lock, LockError> {
        let path = dir.join("lock");
        let failed = |error| LockError::Io { path: path.clone(), error };
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        let file = options.open(&path).map_err(failed)?;
        let mut tries = TRIES;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(rustix::io::Errno::WOULDBLOCK) if tries > 1 => tries -= 1,
                Err(rustix::io::Errno::WOULDBLOCK) => return Err(LockError::Taken { path }),
                Err(error) => return Err(failed(error.into())),
            }
            std::thread::sleep(LOOKED_AT);
        }
        let lock = Lock { path, file };
        lock.check()?;
        Ok(lock)
    }

    /// Looks whether somebody has the lock of `dir`, and makes nothing. Whoever takes it meanwhile waits for a moment.
    ///
    /// # Errors
    /// [`LockError::Taken`] if somebody has it.
    pub fn look(dir: &Path) -> Result<(), LockError> {
        let path = dir.join("lock");
        let failed = |error| LockError::Io { path: path.clone(), error };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(()),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(LockError::Taken { path }),
            Err(error) => Err(failed(error.into())),
        }
    }

    /// Looks whether the lock is still the one that others see. Asked before each thing that cannot be taken back.
    ///
    /// # Errors
    /// [`LockError::Lost`] if it is not.
    pub fn check(&self) -> Result<(), LockError> {
        let failed = |error| LockError::Io { path: self.path.clone(), error };
        let ours = self.file.metadata().map_err(failed)?;
        match std::fs::metadata(&self.path) {
            Ok(seen) if (seen.dev(), seen.ino()) == (ours.dev(), ours.ino()) => Ok(()),
            Ok(_) => Err(LockError::Lost { path: self.path.clone() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(LockError::Lost { path: self.path.clone() })
            }
            Err(error) => Err(failed(error)),
        }
    }
}

impl Drop for Lock {
    /// A child on its way to exec still has the file open: closing alone would not unlock it.
    fn drop(&mut self) {
        if let Err(error) = flock(&self.file, FlockOperation::Unlock) {
            tracing::warn!(error = %io::Error::from(error), "the balancer's lock cannot be given back");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::take(dir.path()).unwrap();
        assert!(matches!(Lock::take(dir.path()), Err(LockError::Taken { .. })));
        let _child = first.file.try_clone().unwrap();
        drop(first);
        Lock::take(dir.path()).unwrap();
    }

    #[test]
    fn looking_tells_and_keeps_nobody_out() {
        let dir = tempfile::tempdir().unwrap();
        Lock::look(dir.path()).unwrap();
        assert!(!dir.path().join("lock").exists(), "looking makes nothing");
        let lock = Lock::take(dir.path()).unwrap();
        assert!(matches!(Lock::look(dir.path()), Err(LockError::Taken { .. })));
        drop(lock);
        Lock::look(dir.path()).unwrap();
        Lock::take(dir.path()).unwrap();
    }

    #[test]
    fn a_lock_file_that_was_replaced_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::take(dir.path()).unwrap();
        first.check().unwrap();
        std::fs::remove_file(dir.path().join("lock")).unwrap();
        assert!(matches!(first.check(), Err(LockError::Lost { .. })));
        let second = Lock::take(dir.path()).unwrap();
        assert!(matches!(first.check(), Err(LockError::Lost { .. })));
        second.check().unwrap();
    }
}
