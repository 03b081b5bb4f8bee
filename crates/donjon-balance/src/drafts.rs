//! Files on their way to their names, and what a crash left of such.
//!
//! A draft is locked while somebody writes it, so one that is not locked belongs to nobody: the next draft of the same kind in
//! the same directory sweeps it away, if it is the same user's.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use tempfile::NamedTempFile;

/// What the name of a draft ends with.
const SUFFIX: &str = ".draft";
/// Names that are looked at to find old drafts: a directory may be anybody's, and large.
const NAMES_MAX: usize = 100_000;

/// A new draft in `dir`: `.{kind}-??????.draft`. Sweeps old ones of this kind first.
pub(crate) fn create(dir: &Path, kind: &str) -> io::Result<NamedTempFile> {
    let prefix = format!(".{kind}-");
    loop {
        let draft = tempfile::Builder::new().prefix(&prefix).suffix(SUFFIX).tempfile_in(dir)?;
        // A file system without locks leaves drafts lying: nobody can tell whose they are.
        let locked = flock(draft.as_file(), FlockOperation::LockExclusive);
        let seen = draft.as_file().metadata()?;
        if seen.nlink() == 0 {
            // Swept between its creation and its lock.
            continue;
        }
        if locked.is_ok() {
            sweep(dir, &prefix, seen.uid());
        }
        return Ok(draft);
    }
}

/// Removes what nobody has locked. What cannot be removed stays, and the log says so.
fn sweep(dir: &Path, prefix: &str, uid: u32) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.take(NAMES_MAX).flatten() {
        let name = entry.file_name();
        let is_draft =
            name.to_str().is_some_and(|name| name.starts_with(prefix) && name.ends_with(SUFFIX));
        let is_ours = || entry.metadata().is_ok_and(|seen| seen.is_file() && seen.uid() == uid);
        if !is_draft || !is_ours() {
            continue;
        }
        let path = entry.path();
        let Ok(file) = File::open(&path) else { continue };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            continue; // somebody writes it
        }
        match fs::remove_file(&path) {
            Ok(()) => tracing::info!(path = %path.display(), "swept what a crash left"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {} // it has got its name
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "cannot sweep what a crash left");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let names = fs::read_dir(dir).unwrap();
        let mut names: Vec<String> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_a_crash_left_is_swept_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let others = [".lost-abcdef.draft", ".plan-abcdef.plan", "plan-abcdef.draft", "x.plan"];
        for name in others.iter().chain(&[".plan-abcdef.draft", ".plan-ghijkl.draft"]) {
            fs::write(dir.path().join(name), "half").unwrap();
        }
        fs::create_dir(dir.path().join(".plan-folder.draft")).unwrap();
        let in_hand = create(dir.path(), "plan").unwrap();
        let second = create(dir.path(), "plan").unwrap();
        assert!(in_hand.path().exists(), "somebody writes it");
        drop((in_hand, second));
        let mut expected = others.map(str::to_owned).to_vec();
        expected.push(".plan-folder.draft".to_owned());
        expected.sort();
        assert_eq!(names(dir.path()), expected);
    }

    #[test]
    fn whoever_writes_a_draft_keeps_it_though_many_begin_at_once() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for number in 0..8 {
                let dir = dir.path();
                scope.spawn(move || {
                    for round in 0..50 {
                        let draft = create(dir, "plan").unwrap();
                        draft.persist(dir.join(format!("{number}-{round}"))).unwrap();
                    }
                });
            }
        });
        assert_eq!(names(dir.path()).len(), 400);
    }
}
