//! File systems that are mounted for one test. They need root.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system, mounted until this is dropped.
#[derive(Debug)]
pub struct Mounted {
    point: PathBuf,
}

impl Mounted {
    /// A file system in memory, of this size: `64k`, `80m`.
    ///
    /// # Panics
    /// If it cannot be mounted.
    pub fn tmpfs(point: &Path, size: &str) -> Self {
        run("mount", &["-t", "tmpfs", "-o", &format!("size={size}"), "donjon-test", text(point)]);
        Mounted { point: point.to_owned() }
    }

    /// The ext4 file system in an image file. It writes as little and as late as ext4 may, so that what was not synced
    /// is not there.
    ///
    /// # Panics
    /// If it cannot be mounted.
    pub fn image(image: &Path, point: &Path) -> Self {
        let options = "loop,data=writeback,noauto_da_alloc,commit=600";
        run("mount", &["-t", "ext4", "-o", options, text(image), text(point)]);
        Mounted { point: point.to_owned() }
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.point
    }
}

/// How often an unmount is tried. A program that another test starts holds all our open files for the moment between its
/// fork and its exec.
const UNMOUNTS_MAX: usize = 1000;

impl Drop for Mounted {
    fn drop(&mut self) {
        let mut outcome = Ok(());
        for _attempt in 0..UNMOUNTS_MAX {
            outcome = try_to_run("umount", &[text(&self.point)]);
            if outcome.is_ok() {
                return;
            }
        }
        // Not a second panic while a test that failed is unwound.
        if !std::thread::panicking() {
            outcome.unwrap_or_else(|problem| panic!("{problem}"));
        }
    }
}

/// Runs a program to its end.
///
/// # Panics
/// If the end is no success.
#[track_caller]
pub fn run(program: &str, arguments: &[&str]) {
    try_to_run(program, arguments).unwrap_or_else(|problem| panic!("{problem}"));
}

fn try_to_run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| format!("cannot run {program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program} {arguments:?}: {message} (these tests need root)"))
}

/// A path as an argument.
///
/// # Panics
/// If it is no UTF-8, which no path of a test is.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("the paths of tests are UTF-8")
}
