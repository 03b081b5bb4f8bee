//! A file system that is mounted for one test.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system in memory, mounted until this is dropped.
pub(crate) struct Mounted {
    point: PathBuf,
}

impl Mounted {
    pub(crate) fn tmpfs(point: &Path, size: &str) -> Self {
        let options = format!("size={size}");
        run("mount", &["-t", "tmpfs", "-o", &options, "donjon-test", text(point)]).unwrap();
        Mounted { point: point.to_owned() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.point
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let outcome = run("umount", &[text(&self.point)]);
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

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
