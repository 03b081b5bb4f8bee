//! Other programs.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Why a chore did not end well.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was asked for in a way that it does not know.
    Usage(String),
    /// Something is wrong. A sentence.
    Failed(String),
}

impl Failure {
    pub(crate) fn failed(why: impl Into<String>) -> Self {
        Self::Failed(why.into())
    }
}

/// A program with its arguments, run at the root of the workspace.
#[derive(Debug)]
pub(crate) struct Program {
    command: Command,
}

impl Program {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.current_dir(root());
        Self { command }
    }

    /// The cargo that runs this xtask.
    pub(crate) fn cargo(arguments: &[&str]) -> Self {
        Self::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())).arguments(arguments)
    }

    pub(crate) fn arguments<S: AsRef<OsStr>>(mut self, arguments: &[S]) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn environment(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it to its end, its output on ours.
    pub(crate) fn run(mut self) -> Result<(), Failure> {
        let line = self.line();
        let status =
            self.command.status().map_err(|error| Failure::Failed(format!("`{line}`: {error}")))?;
        if status.success() {
            Ok(())
        } else {
            Err(Failure::Failed(format!("`{line}` ended with {status}")))
        }
    }

    /// Runs it to its end; its standard output.
    pub(crate) fn output(mut self) -> Result<String, Failure> {
        let line = self.line();
        let output = self.command.stderr(Stdio::inherit()).output();
        let output = output.map_err(|error| Failure::Failed(format!("`{line}`: {error}")))?;
        if !output.status.success() {
            return Err(Failure::Failed(format!("`{line}` ended with {}", output.status)));
        }
        String::from_utf8(output.stdout)
            .map_err(|error| Failure::Failed(format!("`{line}` wrote no UTF-8: {error}")))
    }

    /// Whether it can be run and ends well. What it says is dropped.
    pub(crate) fn succeeds(mut self) -> bool {
        let quiet = self.command.stdout(Stdio::null()).stderr(Stdio::null());
        quiet.status().is_ok_and(|status| status.success())
    }

    fn line(&self) -> String {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
    }
}

/// The root of the workspace. Cargo says where the package is now; where it was built may be gone, if `target` was moved.
pub(crate) fn root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package.parent().expect("xtask is a folder of the workspace").to_owned()
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
