//! A file system that is mounted for one test.

use std::path::Path;
use std::process::Command;

/// A file system in memory, mounted until this is dropped.
pub(crate) struct Mounted {
    point: tempfile::TempDir,
}

/// How often an unmount is tried. A program that another test starts holds all our open files for the moment between its
/// fork and its exec.
const UNMOUNTS_MAX: usize = 1000;

impl Mounted {
    /// One of this size: `8m`.
    pub(crate) fn tmpfs(size: &str) -> Self {
        let point = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        let path = point.path().to_str().unwrap();
        run("mount", &["-t", "tmpfs", "-o", &options, "donjon-test", path]).unwrap();
        Mounted { point }
    }

    pub(crate) fn path(&self) -> &Path {
        self.point.path()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let mut outcome = Ok(());
        for _attempt in 0..UNMOUNTS_MAX {
            outcome = run("umount", &[self.point.path().to_str().unwrap()]);
            if outcome.is_ok() {
                return;
            }
        }
        // Not a second panic while a test that failed is unwound.
        if !std::thread::panicking() {
            outcome.unwrap();
        }
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| format!("cannot run {program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program} {arguments:?}: {message} (these tests need root)"))
}
